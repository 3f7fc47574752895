from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np

from benchmarks.follow_cost import WAYS, cost, footage
from edgevid.runtime.model import Model


def test_each_way_is_measured_on_the_same_people(shared_clips: Path, published: Model) -> None:
    pictures = footage(2)["two gesture"]
    assert {picture.shape for picture in pictures} == {(480, 640, 3)}
    rows = cost(published, "two gesture", pictures, rounds=1)
    assert [row["way"] for row in rows] == list(WAYS)
    found = {row["way"]: row for row in rows}
    assert found["one stream"]["of one stream"] == 1
    assert found["one stream"]["tracks"] == 1
    assert found["people"]["tracks"] == 2
    assert found["people"]["ms of processor a second"] > 0


def test_a_short_clip_goes_forth_and_back(shared_clips: Path) -> None:
    pictures = footage(20)["two fence"]
    assert len(pictures) == 100
    jumps = [np.abs(a.astype(int) - b).mean() for a, b in pairwise(pictures)]
    assert max(jumps) < 30
