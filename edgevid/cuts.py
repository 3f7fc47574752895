"""Notices when a video cuts to another scene, or a camera is moved to another view."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

# What tells a cut from fast motion, of all that was tried on 33 clips played one after the other
# (``benchmarks/memory.py``): the product of two distances, each 0 for equal pictures. One looks
# at colours wherever they are, the other at the coarse pattern of light whatever its colours:
# what moves keeps its colours, and a light that goes on keeps the pattern.
_THRESHOLD = 0.12
_SIDE = 43  # pixels: a quarter of an input's side, enough for both
_PATTERN_SIDE = 12
_COLOURS = 6  # levels a channel
_FAINT = 5.0  # of 255: the standard deviation at which a pattern begins to count


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
    return np.sqrt(colours / colours.sum()), (pattern - pattern.mean()).ravel()


def _distance(one: Description, other: Description) -> float:
    colours = 1 - float(one[0] @ other[0])  # the squared Hellinger distance
    return colours * _pattern_distance(one[1], other[1])


def _pattern_distance(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """Returns 1 less the correlation; a picture too dark or even to have a pattern is like none."""
    strengths = [math.sqrt(float(pattern @ pattern) / pattern.size) for pattern in (one, other)]
    if max(strengths) < _FAINT:
        return 0.0
    if min(strengths) < _FAINT:
        return 1.0
    return 1 - float(one @ other) / (one.size * strengths[0] * strengths[1])
