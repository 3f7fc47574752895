from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.follow_soak import clips, footage, soak
from edgevid.runtime.model import Model


def test_a_short_day_holds(shared_clips: Path, published: Model) -> None:
    results = soak(published, clips(1), 1200)
    assert results["held"]
    assert results["tracks"] > 1
    assert len(results["hours"]) == 2


def test_people_come_and_go() -> None:
    chance = np.random.default_rng(0)
    person = [chance.integers(0, 256, (360, 220, 3), np.uint8) for _ in range(3)]
    there = [
        np.abs(picture[-20:, 10:230].astype(int) - np.roll(picture[-20:, 10:230], 1, 1)).mean() > 40
        for picture in footage([person], 3000, seed=1)
    ]
    assert not there[0]
    assert 2 <= np.count_nonzero(np.diff(np.array(there).astype(int)) == 1) < 20
