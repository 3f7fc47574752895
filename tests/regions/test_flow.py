from __future__ import annotations

import numpy as np
import pytest

from edgevid.regions.flow import STILL, Flow
from edgevid.support.opencv import cv2

CHANCE = np.random.default_rng(0)


def pattern(height: int = 240, width: int = 320) -> np.ndarray:
    small = CHANCE.integers(0, 256, (height // 8, width // 8, 3), np.uint8)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC))


def test_it_says_where_each_box_went() -> None:
    picture, patch = pattern(), pattern(80, 80)
    before, after = picture.copy(), picture.copy()
    before[60:140, 40:120] = patch
    after[64:144, 47:127] = patch
    flow = Flow()
    assert flow.of([(40, 60, 80, 80)]) == [STILL]
    flow.take(before)
    assert flow.of([(40, 60, 80, 80)]) == [STILL]
    flow.take(after)
    moved, still = flow.of([(40, 60, 80, 80), (220, 100, 80, 80)])
    assert moved == pytest.approx((7, 4, 1), abs=0.6)
    assert still == pytest.approx((0, 0, 1), abs=0.1)
    assert flow.of([]) == []


def test_large_pictures_are_measured_in_their_own_pixels() -> None:
    picture = pattern(720, 960)
    flow = Flow()
    flow.take(picture)
    flow.take(np.roll(picture, 12, axis=1))
    assert flow.of([(300, 200, 300, 300)])[0] == pytest.approx((12, 0, 1), abs=1.5)


def test_what_cannot_be_followed_is_taken_to_stand() -> None:
    flow = Flow()
    flow.take(np.zeros((48, 64, 3), np.uint8))
    flow.take(np.zeros((96, 64, 3), np.uint8))
    assert flow.of([(0, 0, 30, 30)]) == [STILL]


def test_what_comes_near_grows() -> None:
    picture = pattern()
    larger = cv2.resize(picture, None, fx=1.05, fy=1.05, interpolation=cv2.INTER_LINEAR)
    flow = Flow()
    flow.take(picture)
    flow.take(larger[6:246, 8:328])
    (move,) = flow.of([(60, 40, 200, 160)])
    assert move == pytest.approx((0, 0, 1.05), abs=0.02 * 20)
    assert move.size == pytest.approx(1.05, abs=0.02)
