from __future__ import annotations

import numpy as np

from benchmarks.recurrent_heads import GatedUnits, measured
from edgevid.teach.frames import Frames
from edgevid.teach.logistic import logistic
from tests.teach.making import falls


def test_every_head_is_measured_on_people_who_were_left_out() -> None:
    rows = measured("falls", Frames(falls(people=3, each=2)), epochs=(40,))
    assert [row["head"] for row in rows] == [
        "linear", "leaky", "echo state", "linear and echo state", "gru", "linear and gru",
    ]  # fmt: skip
    assert rows[0]["worth"] > 0.9
    assert all(row["worth"] > 0.6 for row in rows)


def test_gated_units_learn_what_only_the_past_tells() -> None:
    """The sign of a clip's first frame; and their slopes are those of the loss."""
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(200, 6, 2))
    targets = np.repeat(inputs[:, :1, :1] > 0, 6, axis=1).astype(np.float64)
    counts = np.full(targets.shape, 1 / targets.size)
    units = GatedUnits(2, 1)
    units.train(inputs, targets, counts, epochs=400)
    assert ((units.logits(inputs)[:, -1] > 0) == targets[:, -1]).mean() > 0.9

    def loss() -> float:
        logits = units.logits(inputs)
        return float((counts * (np.logaddexp(0, logits) - targets * logits)).sum())

    ones = np.ones((len(inputs), 1, 24))
    logits, told, steps = units._forward(inputs, ones)
    slopes = units._backward(inputs, told, steps, counts * (logistic(logits) - targets), ones)
    for name, place in (("in", (1, 30)), ("among", (3, 60)), ("among", (5, 2)), ("out", (4, 0))):
        before, near = units.weights[name][place], []
        for sign in (1, -1):
            units.weights[name][place] = before + sign * 1e-5
            near.append(loss())
        units.weights[name][place] = before
        assert np.isclose((near[0] - near[1]) / 2e-5, slopes[name][place], rtol=1e-3, atol=1e-8)
