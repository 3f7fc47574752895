"""Parts of a camera's picture that the model does not get to see."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edgevid.support.opencv import cv2

GREY = 114  # nothing in particular
_LARGEST = 32_000  # pixels; what OpenCV draws has 16 bits
Points = Sequence[tuple[float, float]]


class Mask:
    """Covers polygons with grey.

    Args:
        polygons: corners, x and y in pixels of the picture.
    """

    def __init__(self, polygons: Sequence[Points]) -> None:
        self._polygons = [
            np.clip(np.asarray(points, np.float64), -_LARGEST, _LARGEST).round().astype(np.int32)
            for points in polygons
        ]
        self._shape: tuple[int, ...] = ()
        self._hidden: NDArray[np.bool_] = np.zeros((0, 0), np.bool_)

    def hide(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Returns a picture ``[height, width, 3]`` with the polygons covered."""
        if image.shape[:2] != self._shape:
            self._shape = image.shape[:2]
            drawn = np.zeros(self._shape, np.uint8)
            cv2.fillPoly(drawn, self._polygons, 1)
            self._hidden = drawn.astype(np.bool_)
        covered = image.copy()
        covered[self._hidden] = GREY
        return covered
