from __future__ import annotations

import numpy as np

from edgevid.teach.data import Span
from edgevid.teach.folds import split
from edgevid.teach.frames import Frames
from tests.teach.making import example, falls


def test_groups_are_never_on_both_sides() -> None:
    frames = Frames(falls(people=7))
    folds = split(frames, grouped=True)
    assert (folds.count, folds.problem) == (5, "")
    for person in {one.recording.group for one in frames.examples}:
        rows = [n for n, one in enumerate(frames.examples) if one.recording.group == person]
        assert len(set(folds.number[np.isin(frames.owner, rows)])) == 1


def test_every_fold_has_something_to_find() -> None:
    clips = [example(f"f{n}", [Span("fall")], is_clip=True) for n in range(6)]
    frames = Frames(clips + [example(f"b{n}", is_clip=True) for n in range(9)])
    folds = split(frames, grouped=False)
    assert folds.count == 5
    for fold in range(folds.count):
        owners = set(frames.owner[folds.number == fold].tolist())
        assert owners & set(range(6))


def test_one_person_says_nothing_of_another() -> None:
    folds = split(Frames(falls(people=1)), grouped=True)
    assert folds.count == 3
    assert "one group, 'P0'" in folds.problem


def test_one_recording_is_cut_between_what_happens() -> None:
    spans = [Span("fall", 5.0 + 10 * n, 8.0 + 10 * n) for n in range(4)]
    frames = Frames([example("long", spans, seconds=45), example("other", seconds=130)])
    folds = split(frames, grouped=False)
    assert folds.count == 4
    assert "in one recording" in folds.problem
    for span in spans:
        inside = (frames.owner == 0) & (frames.times >= span.start) & (frames.times <= span.end)
        assert len(set(folds.number[inside])) == 1
    assert len(set(folds.number[frames.owner == 1])) == 3


def test_a_single_showing_cannot_be_held_out() -> None:
    frames = Frames([example("only", [Span("fall", 2, 4)]), example("nothing")])
    assert split(frames, grouped=False).count == 0
