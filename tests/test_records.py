from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edgevid import Frame
from edgevid.records import LazyFrame

BLACK = np.zeros((4, 6, 3), np.uint8)


def test_a_lazy_frame_makes_its_picture_once_and_only_when_asked() -> None:
    made = []

    def make() -> np.ndarray:
        made.append(1)
        return BLACK

    frame = LazyFrame(make, 1.5, 7)
    assert isinstance(frame, Frame)
    later = frame.at(2.5).changed(lambda image: image + 1)
    assert (later.timestamp, later.index, made) == (2.5, 7, [])
    assert (later.image == 1).all()
    assert frame.image is BLACK
    assert made == [1]


def test_a_lazy_frame_can_be_replaced_as_any_record() -> None:
    frame = replace(LazyFrame(lambda: BLACK, 1.5, 7), timestamp=3.0)
    assert (frame.timestamp, frame.index) == (3.0, 7)
    assert frame.image is BLACK


def test_what_is_no_picture_is_refused() -> None:
    with pytest.raises(ValueError, match="uint8"):
        Frame(BLACK[..., 0], 0.0, 0)
    with pytest.raises(ValueError, match="uint8"):
        _ = LazyFrame(lambda: BLACK[..., 0], 0.0, 0).image
