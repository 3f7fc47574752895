"""Notices when a video cuts to another scene, or a camera is moved to another view."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# What tells a cut from fast motion, of all that was tried on 33 clips played one after the other
# (``benchmarks/memory.py``): the product of two distances, each 0 for equal pictures. One looks
# at colours wherever they are, the other at the coarse pattern of light whatever its colours:
# what moves keeps its colours, and a light that goes on keeps the pattern.
_THRESHOLD = 0.15
_SIDE = 43  # pixels: a quarter of an input's side, enough for both
_PATTERN_SIDE = 12
_COLOURS = 6  # levels a channel


Description = tuple[NDArray[np.float32], NDArray[np.float32]]  # colours, pattern


class CutDetector:
    """Compares each picture with the one before it.

    Attributes:
        previous: what is remembered of the last picture, None before the first.
    """

    def __init__(self) -> None:
        self.previous: Description | None = None

    def is_cut(self, picture: NDArray[np.uint8]) -> bool:
        """Whether this picture shows another scene than the last one did.

        Args:
            picture: RGB, uint8, ``[height, width, 3]``.
        """
        previous, self.previous = self.previous, _describe(picture)
        return previous is not None and _distance(previous, self.previous) > _THRESHOLD


def _describe(picture: NDArray[np.uint8]) -> Description:
    from edgevid.opencv import cv2

    small = cv2.resize(picture, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
    levels = [_COLOURS] * 3
    colours = cv2.calcHist([small], [0, 1, 2], None, levels, [0, 256] * 3).ravel()
    pattern = cv2.resize(
        small, (_PATTERN_SIDE, _PATTERN_SIDE), interpolation=cv2.INTER_AREA
    ).astype(np.float32)
    pattern -= pattern.mean()
    pattern /= pattern.std() + 5  # of 255 levels: a dark or even picture has no pattern
    return np.sqrt(colours / colours.sum()), pattern.ravel()


def _distance(one: Description, other: Description) -> float:
    colours = 1 - float(one[0] @ other[0])  # squared Hellinger distance
    pattern = 1 - float(one[1] @ other[1]) / one[1].size  # 1 less the correlation
    return colours * pattern
