"""Heads that are taught in the page and in Python, on the same features, say the same."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from apps.phone import site
from benchmarks.parts.phone_page import serving
from edgevid.runtime.head import HeadState
from edgevid.teach import choosing, heads
from edgevid.teach.data import Recording, Span
from edgevid.teach.examples import Example
from edgevid.teach.folds import split
from edgevid.teach.frames import Frames
from edgevid.teach.judging import judge
from tests.apps.browser import Browser, needs_chromium

pytestmark = needs_chromium

FEATURES = 40


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Browser]:
    with serving(site.PAGE) as address:
        browser.go(f"{address}icon.svg")
        browser.until("document.readyState === 'complete'")
        yield browser


def made(shown: list[str], seed: int = 0) -> list[Example]:
    """Examples in which each label raises features of its own; an empty label is background."""
    generator = np.random.default_rng(seed)
    labels = sorted({label for label in shown if label})
    examples = []
    for number, label in enumerate(shown):
        count = int(generator.integers(12, 24)) if label else 60
        features = generator.gamma(1.0, 0.5, (count, FEATURES)).astype(np.float32)
        if label:
            at = 5 * labels.index(label)
            features[:, at : at + 5] += generator.gamma(3.0, 0.3, (count, 5)).astype(np.float32)
        spans = (Span(label),) if label else ()
        examples.append(
            Example(
                Recording(f"example {number}", spans, is_clip=bool(label)),
                np.arange(count) / 5,
                features,
                np.arange(count) == 0,
                (),
                np.zeros((12, 12), np.uint8),
            )
        )
    return examples


def given(examples: list[Example]) -> str:
    """The same for the page."""
    return json.dumps(
        [
            {
                "label": next(iter(one.recording.labels), ""),
                "times": one.times.tolist(),
                "features": one.features.tolist(),
            }
            for one in examples
        ]
    )


def in_page(page: Browser, examples: list[Example], script: str) -> Any:
    return page.run(f"""
    Promise.all(["frames", "heads", "choosing"].map(name => import(`/teach/${{name}}.js`)))
      .then(([{{Frames}}, {{Fitting}}, choosing]) => {{
      const examples = {given(examples)}.map(one =>
        ({{...one, features: one.features.map(row => Float32Array.from(row))}}));
      {script}
    }})""")


@pytest.mark.parametrize(
    "shown",
    [["wave", "wave", "", "wave"], ["wave", "clap", "wave", "clap", "", "clap"], ["a", "b"] * 8],
    ids=["one", "two", "many"],
)
def test_a_head_is_fitted_as_in_python(page: Browser, shown: list[str]) -> None:
    examples = made(shown)
    labels = sorted({label for label in shown if label})
    frames = Frames(examples)
    fitting = heads.Fitting(frames, labels, choosing.default(5.0))
    fitted = fitting.fit(np.full(len(frames), True))
    ones, zeros = np.ones(len(labels)), np.zeros(len(labels))
    expected = heads.to_head(fitted, frames, choosing.default(5.0), ones, zeros)
    got = in_page(
        page,
        examples,
        f"""
        const labels = {json.dumps(labels)}, frames = new Frames(examples);
        const fitting = new Fitting(frames, labels, choosing.recipe(5));
        const fitted = fitting.fit(frames.owner.map((_, row) => row));
        const head = fitting.head(fitted, labels.map(() => ({{scale: 1, shift: 0}})));
        return {{...head, weights: [...head.weights], bias: [...head.bias]}};
        """,
    )
    assert (tuple(got["windows"]), got["roots"]) == (expected.windows, expected.roots)
    there = type(expected)(
        expected.windows,
        np.array(got["weights"], np.float32).reshape(expected.weights.shape),
        np.array(got["bias"], np.float32),
        expected.roots,
    )
    for example in made(shown, seed=1):  # others than it was taught
        states = HeadState(expected), HeadState(there)
        for row in example.features:
            here, other = (state.step(row) for state in states)
            assert np.abs(here - other).max() < 0.01


def test_what_it_means_and_when_it_speaks_as_in_python(page: Browser) -> None:
    shown = ["wave", "clap", "", "wave", "clap", "wave", "", "clap", "wave", "clap", "wave", ""]
    examples = made(shown, seed=3)
    labels = ["clap", "wave"]
    frames = Frames(examples)
    folds = split(frames, grouped=False)
    held = choosing.hold_out(frames, labels, folds, choosing.default(5.0))
    got = in_page(
        page,
        examples,
        f"""
        const labels = {json.dumps(labels)}, frames = new Frames(examples);
        const fitting = new Fitting(frames, labels, choosing.recipe(5));
        const held = choosing.holdOut(frames, labels, fitting);
        const {{rules, judgements}} = choosing.learn(examples, 5);
        return {{
          logits: held.map(one => [...one]), rules, judgements,
          calibration: labels.map(
            (label, place) => choosing.calibrated(frames, label, held[place])),
        }};
        """,
    )
    for place, label in enumerate(labels):
        logits = held.logits[:, place]
        assert np.abs(np.array(got["logits"][place]) - logits).max() < 0.01
        scale, shift = choosing.calibrated(frames, label, logits, partly=False)
        there = got["calibration"][place]
        assert (there["scale"], there["shift"]) == pytest.approx((scale, shift), abs=0.01)
        rules, _ = choosing.rules_for(frames, label, logits * scale + shift, 1.0)
        mine = got["rules"]["by_label"][label]
        for name, value in mine.items():
            assert value == pytest.approx(getattr(rules, name), abs=0.01), name
        judged = judge(frames, label, logits * scale + shift, rules)
        said = got["judgements"][place]
        assert (said["shown"], said["found"], said["wrong"]) == (
            judged.shown, judged.found, len(judged.false),
        )  # fmt: skip
        assert said["hours"] == pytest.approx(judged.hours)


@pytest.mark.parametrize("fps", [1, 5, 10])
def test_the_recipe_looks_back_for_as_many_seconds_at_any_rate(page: Browser, fps: int) -> None:
    mine = choosing.default(fps)
    got = in_page(page, [], f"return choosing.recipe({fps})")
    assert got == {"roots": mine.roots, "windows": list(mine.windows), "penalty": mine.penalty}


def test_what_can_be_taught(page: Browser) -> None:
    lacks = [
        in_page(page, examples, "return choosing.lack(examples)")
        for examples in (made([""]), made(["a", "a"]), made(["a", ""]), made(["a", "b"]))
    ]
    assert [bool(lack) for lack in lacks] == [True, True, False, False]


def test_one_example_and_nothing_to_hold_out(page: Browser) -> None:
    got = in_page(
        page,
        made(["a", ""]),
        "const {rules, judgements} = choosing.learn(examples, 5); return {rules, judgements}",
    )
    assert got["judgements"] == []
    assert got["rules"] == {
        name: getattr(choosing.UNMEASURED, name)
        for name in ("on_threshold", "off_threshold", "smoothing", "min_duration", "cool_down")
    }
