from __future__ import annotations

import numpy as np

from benchmarks.clips import Clip
from benchmarks.follow import SIDES, _of_side, beside, paired
from edgevid import Prediction, Score


def clip(label: str, value: int, frames: int) -> Clip:
    return Clip(label, label, np.full((frames, 360, 320, 3), value, np.uint8), 0)


def said(label: str, box: tuple[int, int, int, int]) -> Prediction:
    return Prediction(0.0, 0, (Score(label, 1.0),), 1.0, track=1, box=box)


def test_each_clip_is_on_each_side_beside_another() -> None:
    clips = [clip(name, 0, 2) for name in "abc"]
    pairs = paired(clips, seed=0)
    assert len(pairs) == 6
    assert all(left.label != right.label for left, right in pairs)
    for side in (0, 1):
        assert sorted(pair[side].label for pair in pairs) == sorted("abc" * 2)


def test_the_shorter_clip_stands_still_at_its_end() -> None:
    pictures = list(beside((clip("a", 10, 3), clip("b", 20, 5))))
    assert len(pictures) == 5
    assert {picture.shape for picture in pictures} == {(360, 640, 3)}
    assert (pictures[4][:, :320] == 10).all()
    assert (pictures[4][:, 320:] == 20).all()


def test_a_sides_answer_is_that_of_the_track_that_covers_most_of_it() -> None:
    small, large = said("small", (10, 10, 20, 20)), said("large", (100, 10, 300, 300))
    assert _of_side([small, large], SIDES[0]) == "large"
    assert _of_side([small], SIDES[0]) == "small"
    assert _of_side([small], SIDES[1]) is None
    assert _of_side([], SIDES[0]) is None
