"""Which frames are held out together, to measure what a head does on what it never saw."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgevid.teach.examples import Example
from edgevid.teach.frames import Frames

_MOST = 5


@dataclass(frozen=True, slots=True, eq=False)
class Folds:
    """A split for cross-validation.

    Attributes:
        number: int ``[frames]``, in which fold a frame is held out.
        count: how many folds; 0 where nothing can be held out.
        kept_apart: what is never on both sides, in words.
        problem: why the result says less than it should; empty when it does not.
    """

    number: NDArray[np.intp]
    count: int
    kept_apart: str
    problem: str = ""


def split(frames: Frames, *, grouped: bool) -> Folds:
    """Splits by group; where there is only one with anything to find, by recording or by time.

    Args:
        frames: all.
        grouped: whether the user said what the groups are.
    """
    examples = frames.examples
    sources = [example.recording.source for example in examples]
    groups = [example.recording.group or example.recording.source for example in examples]
    showing = {g for g, e in zip(groups, examples, strict=True) if e.recording.spans}
    if len(showing) > 1:
        what = "groups" if grouped else "recordings"
        return _by_key(frames, groups, f"{what} are kept apart")
    problem = (
        f"all that is to be found is of one group, {min(showing)!r}: nothing here says how well it "
        "is found anywhere else"
    )
    showing = {s for s, e in zip(sources, examples, strict=True) if e.recording.spans}
    if len(showing) > 1:
        return _by_key(frames, sources, "recordings are kept apart", problem)
    only = next(n for n, example in enumerate(examples) if example.recording.spans)
    starts = sorted({span.start for span in examples[only].recording.spans})
    problem = (
        "all that is to be found is in one recording: nothing here says how well it is found in "
        "another"
    )
    if len(starts) < 2:
        return Folds(np.zeros(len(frames), np.intp), 0, "nothing can be held out", problem)
    return _by_time(frames, only, starts, problem)


def _by_key(frames: Frames, keys: list[str], kept_apart: str, problem: str = "") -> Folds:
    found: dict[str, list[Example]] = {}
    for key, example in zip(keys, frames.examples, strict=True):
        found.setdefault(key, []).append(example)

    def shown(key: str) -> int:
        return sum(len(example.recording.spans) for example in found[key])

    showing = sum(shown(key) > 0 for key in found)
    count = min(_MOST, showing)
    # Each to the fold that shows least of its labels so far, and of those to the shortest.
    loads: list[dict[str, int]] = [{} for _ in range(count)]
    lengths = [0] * count
    fold_of = {}
    for key in sorted(found, key=lambda key: (-shown(key), key)):
        labels = [span.label for example in found[key] for span in example.recording.spans]
        load = [
            (sum(of.get(label, 0) for label in labels), n)
            for of, n in zip(loads, lengths, strict=True)
        ]
        fold = load.index(min(load))
        fold_of[key] = fold
        for label in labels:
            loads[fold][label] = loads[fold].get(label, 0) + 1
        lengths[fold] += sum(len(example.times) for example in found[key])
    numbers = np.array([fold_of[key] for key in keys], np.intp)
    return Folds(numbers[frames.owner], count, kept_apart, problem)


def _by_time(frames: Frames, only: int, starts: list[float], problem: str) -> Folds:
    """Cuts one recording between the things that happen in it."""
    count = min(_MOST, len(starts))
    ends = [max(s.end for s in frames.examples[only].recording.spans if s.start == t)
            for t in starts]  # fmt: skip
    firsts = [len(starts) * fold // count for fold in range(1, count)]
    cuts = [(min(ends[n - 1], starts[n]) + starts[n]) / 2 for n in firsts]
    numbers = np.searchsorted(cuts, frames.times, side="right")
    # Other recordings show nothing: their frames are dealt out in pieces of a minute.
    others = frames.owner != only
    numbers[others] = ((frames.times // 60) % count).astype(np.intp)[others]
    return Folds(numbers.astype(np.intp), count, "parts of the recording are kept apart", problem)
