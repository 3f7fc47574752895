"""Whether a recurrent head finds more than a linear one: ``python -m benchmarks.recurrent_heads``.

On the features that ``edgevid.teach`` learns from, with people and source videos left out in turn:

- linear: means over the last 1, 3 and 10 frames, as taught models have it;
- leaky: means that fade instead, the simplest thing that is recurrent;
- echo state: 300 units with fixed random connections, which are read out linearly; by itself, and
  beside the linear head's means;
- gru: gated units that are trained, by backpropagation through time; by itself, and its logits
  added to the linear head's. It is trained for as long as measures best on these very clips, which
  makes it look better than it is.

All are bounded, causal and deterministic. ``worth`` is what cross-validation chooses by: a mean of
two areas under curves, over frames, and over what happens against pieces of what does not.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import report
from benchmarks.teach import Extractor
from edgevid.support import blas, command
from edgevid.teach import logistic
from edgevid.teach.folds import Folds
from edgevid.teach.frames import Frames, warmed_up
from edgevid.teach.judging import worth
from edgevid.teach.logistic import Floats

Bank = Callable[[Frames], Floats]  # of frames: [frames, inputs] for a linear head
_WINDOWS = (1, 3, 10)
_FADE = (1.0, 0.4, 0.12)  # a new frame's share
_UNITS, _SEEN = 300, 32  # of the echo state, and the components that it sees
_HIDDEN, _INPUTS = 24, 96
_EPOCHS = (30, 60, 150)
_RATE, _DECAY, _DROP = 5e-3, 0.05, 0.5


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    parser = report.arguments("benchmarks.recurrent_heads", __doc__)
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="as of benchmarks.teach")
    chosen = parser.parse_args(argv)

    def run() -> int:
        tasks = {"falls": "segments", "fights": "fights", "gestures": "gestures"}
        with tempfile.TemporaryDirectory() as made, blas.one_thread():
            examples_of = Extractor(chosen.keep or Path(made))
            rows = []
            for name, collection in list(tasks.items())[: 1 if chosen.quick else None]:
                examples = examples_of(collection)
                epochs = (3,) if chosen.quick else _EPOCHS
                rows += measured(name, Frames(examples), epochs=epochs)
                print(report.table([row for row in rows if row["task"] == name]), flush=True)
        report.write_json(chosen.json, {"rows": rows})
        return command.OK

    return command.guard(run)


def measured(task: str, frames: Frames, *, epochs: Sequence[int]) -> list[dict[str, Any]]:
    """Returns a row for each head."""
    labels = sorted({label for e in frames.examples for label in e.recording.labels})
    groups = [e.recording.group for e in frames.examples]
    numbers = np.array([sorted(set(groups)).index(group) for group in groups])
    folds = Folds(numbers[frames.owner], len(set(groups)), "groups are kept apart")
    rows = []

    def add(name: str, logits: Floats) -> None:
        value = np.mean([worth(frames, label, logits[:, n]) for n, label in enumerate(labels)])
        rows.append(
            {
                "task": task,
                "head": name,
                "worth": round(float(value), 3),
                "right": _right(frames, labels, logits),
            }
        )

    banks: dict[str, Bank] = {
        "linear": _boxes,
        "leaky": _leaky,
        "echo state": _echo,
        "linear and echo state": lambda f: np.concatenate([_even(_boxes(f)), _even(_echo(f))], 1),
    }
    found = {name: linear(frames, labels, folds, bank(frames)) for name, bank in banks.items()}
    for name, logits in found.items():
        add(name, logits)
    trained = [gru(frames, labels, folds, epochs=count) for count in epochs]
    values = [
        np.mean([worth(frames, label, of[:, n]) for n, label in enumerate(labels)])
        for of in trained
    ]
    best = trained[int(np.argmax(values))]
    add("gru", best)
    add("linear and gru", _even(found["linear"]) + _even(best))
    return rows


def _right(frames: Frames, labels: Sequence[str], logits: Floats) -> float | str:
    """Returns the share of clips that are told right; nothing for recordings with times."""
    if not all(example.recording.is_clip for example in frames.examples):
        return "-"
    rows = [frames.rows(number) for number in range(len(frames.examples))]
    means = np.array([logits[of][warmed_up(len(of))].mean(axis=0) for of in rows])
    shown = [example.recording.labels for example in frames.examples]
    if len(labels) == 1:
        right = [(mean[0] > 0) == bool(has) for mean, has in zip(means, shown, strict=True)]
    else:
        right = [labels[n] in has for n, has in zip(means.argmax(axis=1), shown, strict=True)]
    return round(float(np.mean(right)), 3)


def _targets(frames: Frames, labels: Sequence[str]) -> tuple[Floats, Floats]:
    """Returns what each frame says of each label, and how much it counts: ``[frames, labels]``."""
    partly = not all(example.recording.is_clip for example in frames.examples)
    pairs = [frames.targets(label, partly=partly) for label in labels]
    targets, weights = (np.stack(of, axis=1) for of in zip(*pairs, strict=True))
    return targets, weights


def linear(frames: Frames, labels: Sequence[str], folds: Folds, bank: Floats) -> Floats:
    """Returns logits of linear heads on a bank of inputs, of frames they were not fitted to."""
    targets, weights = _targets(frames, labels)
    logits = np.zeros((len(frames), len(labels)))
    for fold in range(folds.count):
        held = folds.number == fold
        mean = bank[~held].mean(axis=0)
        axes = np.linalg.eigh((bank[~held] - mean).T @ (bank[~held] - mean))[1][:, -128:]
        inputs = (bank - mean) @ axes
        inputs /= np.sqrt((inputs[~held] ** 2).sum(axis=1).mean())
        for place in range(len(labels)):
            counts = _balanced(targets[~held, place], weights[~held, place])
            found, bias = logistic.fit(inputs[~held], targets[~held, place], counts, 3e-3)
            logits[held, place] = inputs[held] @ found + bias
    return logits


def _balanced(targets: Floats, counts: Floats) -> Floats:
    sides = [counts[targets == value].sum() or 1.0 for value in (0, 1)]
    balanced: Floats = counts / np.where(targets == 1, sides[1], sides[0])
    return balanced


def _even(values: Floats) -> Floats:
    """Returns values less their mean, of length 1 on average."""
    centred = values - values.mean(axis=0)
    even: Floats = centred / np.sqrt((centred**2).sum(axis=1).mean())
    return even


def _boxes(frames: Frames) -> Floats:
    return frames.means(2, _WINDOWS).astype(np.float64)


def _stepped(frames: Frames) -> list[NDArray[np.intp]]:
    return [frames.rows(number) for number in range(len(frames.examples))]


def _leaky(frames: Frames) -> Floats:
    values = frames.components(2)[1].astype(np.float64)
    found = np.zeros((len(frames), len(_FADE), values.shape[1]))
    for rows in _stepped(frames):
        for place, share in enumerate(_FADE):
            mean = values[rows[0]].copy()
            for count, row in enumerate(rows, 1):
                mean += max(share, 1 / count) * (values[row] - mean)
                found[row, place] = mean
    return found.reshape(len(frames), -1)


def _echo(frames: Frames) -> Floats:
    rng = np.random.default_rng(0)
    values = frames.components(2)[1][:, ::-1][:, :_SEEN].astype(np.float64)
    values /= values.std(axis=0) + 1e-9
    drive = values @ (rng.normal(size=(values.shape[1], _UNITS)) / np.sqrt(values.shape[1]))
    drive += rng.uniform(-0.5, 0.5, _UNITS)
    among = 0.9 * rng.normal(size=(_UNITS, _UNITS)) / np.sqrt(_UNITS)
    share = np.exp(rng.uniform(np.log(0.05), 0, _UNITS))
    found = np.zeros((len(frames), _UNITS))
    for rows in _stepped(frames):
        state = np.zeros(_UNITS)
        for row in [rows[0]] * 10 + rows.tolist():  # it settles on the first frame
            state += share * (np.tanh(drive[row] + state @ among) - state)
            found[row] = state
    return found


def gru(frames: Frames, labels: Sequence[str], folds: Folds, *, epochs: int) -> Floats:
    """Returns logits of gated units that are trained, of frames they were not trained on."""
    targets, weights = _targets(frames, labels)
    values = frames.components(2)[1][:, ::-1][:, :_INPUTS].astype(np.float64)
    rows = _stepped(frames)
    logits = np.zeros((len(frames), len(labels)))
    for fold in range(folds.count):
        known = [of for of in rows if folds.number[of[0]] != fold]
        held = [of for of in rows if folds.number[of[0]] == fold]
        seen = np.concatenate(known)
        inputs = (values - values[seen].mean(axis=0)) / values[seen].std(axis=0).mean()
        counts = np.stack(
            [_balanced(targets[seen, n], weights[seen, n]) / 2 for n in range(len(labels))], axis=1
        )
        spread = np.zeros_like(weights)
        spread[seen] = counts
        units = GatedUnits(values.shape[1], len(labels))
        units.train(*(_padded(of, known) for of in (inputs, targets, spread)), epochs=epochs)
        for of, told in zip(held, units.logits(_padded(inputs, held)), strict=True):
            logits[of] = told[: len(of)]
    return logits


def _padded(values: Floats, rows: Sequence[NDArray[np.intp]]) -> Floats:
    padded = np.zeros((len(rows), max(map(len, rows)), values.shape[1]))
    for place, of in enumerate(rows):
        padded[place, : len(of)] = values[of]
    return padded


class GatedUnits:
    """A GRU with a linear read-out, trained with Adam, weight decay and dropout.

    Args:
        inputs: how many numbers a frame has.
        outputs: how many logits it gives.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        self._rng = np.random.default_rng(0)

        def matrix(rows: int, columns: int) -> Floats:
            random: Floats = self._rng.normal(size=(rows, columns)) / np.sqrt(rows)
            return random

        bias = np.zeros(3 * _HIDDEN)
        bias[:_HIDDEN] = -1  # at first it keeps what it knows
        self.weights = {
            "in": matrix(inputs, 3 * _HIDDEN),
            "among": matrix(_HIDDEN, 3 * _HIDDEN),
            "out": 0.1 * matrix(_HIDDEN, outputs),
            "bias": bias,
            "out bias": np.zeros(outputs),
        }

    def logits(self, inputs: Floats) -> Floats:
        """Returns ``[clips, frames, outputs]`` of inputs ``[clips, frames, inputs]``."""
        return self._forward(inputs, np.ones((len(inputs), 1, _HIDDEN)))[0]

    def _forward(self, inputs: Floats, mask: Floats) -> tuple[Floats, Floats, list[Any]]:
        w, state = self.weights, np.zeros((len(inputs), _HIDDEN))
        drive = inputs @ w["in"] + w["bias"]
        states, steps = [], []
        for frame in range(inputs.shape[1]):
            gates = logistic.logistic(
                drive[:, frame, : 2 * _HIDDEN] + state @ w["among"][:, : 2 * _HIDDEN]
            )
            update, keep = gates[:, :_HIDDEN], gates[:, _HIDDEN:]
            new = np.tanh(
                drive[:, frame, 2 * _HIDDEN :] + (keep * state) @ w["among"][:, 2 * _HIDDEN :]
            )
            steps.append((state, update, keep, new))
            state = state + update * (new - state)
            states.append(state)
        told = np.stack(states, axis=1) * mask
        return told @ w["out"] + w["out bias"], told, steps

    def train(self, inputs: Floats, targets: Floats, counts: Floats, *, epochs: int) -> None:
        """Trains; all are ``[clips, frames, ...]``, ``counts`` says how much a target counts."""
        moments = {name: (np.zeros_like(w), np.zeros_like(w)) for name, w in self.weights.items()}
        for epoch in range(epochs):
            clips = len(inputs)
            kept = self._rng.random((clips, 1, inputs.shape[2])) > _DROP / 2
            mask = (self._rng.random((clips, 1, _HIDDEN)) > _DROP) / (1 - _DROP)
            seen = inputs * kept / (1 - _DROP / 2)
            logits, told, steps = self._forward(seen, mask)
            wrong = counts * (logistic.logistic(logits) - targets)
            slopes = self._backward(seen, told, steps, wrong, mask)
            rate = _RATE * min(1.0, 2 * (1 - epoch / epochs))
            for name, (first, second) in moments.items():
                first += 0.1 * (slopes[name] - first)
                second += 0.001 * (slopes[name] ** 2 - second)
                step = first / (1 - 0.9 ** (epoch + 1))
                step = step / (np.sqrt(second / (1 - 0.999 ** (epoch + 1))) + 1e-8)
                if "bias" not in name:
                    step += _DECAY * self.weights[name]
                self.weights[name] -= rate * step

    def _backward(
        self, inputs: Floats, told: Floats, steps: list[Any], wrong: Floats, mask: Floats
    ) -> dict[str, Floats]:
        w = self.weights
        among, drive = np.zeros_like(w["among"]), np.zeros((*inputs.shape[:2], 3 * _HIDDEN))
        later = np.zeros((len(inputs), _HIDDEN))
        of_states = wrong @ w["out"].T * mask
        for frame in reversed(range(inputs.shape[1])):
            state, update, keep, new = steps[frame]
            later = later + of_states[:, frame]
            of_new = later * update * (1 - new**2)
            of_update = later * (new - state) * update * (1 - update)
            of_kept = of_new @ w["among"][:, 2 * _HIDDEN :].T
            gates = np.concatenate([of_update, of_kept * state * keep * (1 - keep)], axis=1)
            among[:, : 2 * _HIDDEN] += state.T @ gates
            among[:, 2 * _HIDDEN :] += (keep * state).T @ of_new
            drive[:, frame] = np.concatenate([gates, of_new], axis=1)
            later = later * (1 - update) + of_kept * keep + gates @ w["among"][:, : 2 * _HIDDEN].T
        return {
            "in": np.einsum("cfi,cfh->ih", inputs, drive),
            "among": among,
            "out": np.einsum("cfh,cfo->ho", told, wrong),
            "bias": drive.sum((0, 1)),
            "out bias": wrong.sum((0, 1)),
        }


if __name__ == "__main__":
    sys.exit(main())
