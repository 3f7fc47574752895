"""Detects a change of scene, at once or gradual.

What a stream remembers of one scene says little about the next. So a running mean should reach
back only as far as the scene does; see ``benchmarks/memory.py`` for what that is worth.
"""

from __future__ import annotations

import math
from collections import deque
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Two pictures show different scenes when the product of two distances, each 0 for equal
# pictures, is over this. One distance looks at colours wherever they are, the other at the
# coarse pattern of light whatever its colours: what moves keeps its colours, and a light that
# goes on keeps the pattern. Of 33 clips in random order it finds all 32 joints, and in 113 clips of
# people before fixed cameras nothing (``benchmarks/memory.py``).
_THRESHOLD = 0.12
_SAMPLES = (36, 36)  # pixels of a picture: enough for both, and three by three for each of the
_PATTERN = (12, 12)  # pattern's, which OpenCV is quick at averaging
_LEVELS = [6, 6, 6]  # of red, green and blue
_RANGES = [0, 256] * 3
_FAINT = 5.0  # of 255: the standard deviation at which a pattern begins to count

CUT = 1.0  # frames that all that was before a cut counts for
_DRIFT_OVER_S = 2.0  # a scene that differs from the one so long ago has drifted,
_DRIFT_KEEPS_S = 1.0  # and what was before counts for this long


@cache
def _opencv() -> Any:
    """Loads it late, so that importing edgevid stays light, and looks for it once."""
    from edgevid.support.opencv import cv2

    return cv2


class Description:
    """What is remembered of a picture.

    Attributes:
        pattern: the coarse pattern of light less its mean, float32 ``[432]``.
        length: the length of ``pattern`` as a vector.
        has_pattern: whether it is neither too dark nor too even to have one.
    """

    def __init__(self, picture: NDArray[np.uint8]) -> None:
        cv2 = _opencv()
        self._sampled = cv2.resize(picture, _SAMPLES, interpolation=cv2.INTER_NEAREST)
        coarse = cv2.resize(self._sampled, _PATTERN, interpolation=cv2.INTER_AREA)
        pattern = coarse.ravel().astype(np.float32)
        pattern -= float(np.add.reduce(pattern)) / pattern.size
        self.pattern: NDArray[np.float32] = pattern
        self.length = math.sqrt(pattern.dot(pattern))
        self.has_pattern = self.length > _FAINT * math.sqrt(pattern.size)
        self._colours: NDArray[np.float32] | None = None

    def colours(self) -> NDArray[np.float32]:
        """Returns square roots of the numbers of samples that have each colour."""
        if self._colours is None:  # seldom asked for, and never changing
            counts = _opencv().calcHist([self._sampled], [0, 1, 2], None, _LEVELS, _RANGES)
            self._colours = np.sqrt(counts.ravel())
        return self._colours


class SceneWatch:
    """Compares each picture with those before it.

    Args:
        fps: pictures a second that it is shown.

    Attributes:
        seen: what is remembered of the last pictures of this scene, oldest first.
    """

    def __init__(self, fps: float) -> None:
        self.seen: deque[Description] = deque(maxlen=max(1, round(_DRIFT_OVER_S * fps)))
        self._drift_keeps = max(1.0, _DRIFT_KEEPS_S * fps)

    def look(self, picture: NDArray[np.uint8]) -> float:
        """Returns for how many pictures the past may still count.

        ``inf`` in an unchanged scene; ``CUT`` after a cut, over which not even motion carries.

        Args:
            picture: RGB, uint8, ``[height, width, 3]``.
        """
        description = Description(picture)
        seen = self.seen
        counts = math.inf
        if seen and _differ(seen[-1], description):
            counts = CUT
            seen.clear()
        elif len(seen) == seen.maxlen and _differ(seen[0], description):
            counts = self._drift_keeps
        seen.append(description)
        return counts


def _differ(one: Description, other: Description) -> bool:
    pattern = _pattern_distance(one, other)
    # A distance of colours is never over 1 and takes longer, so it is seldom asked for.
    return pattern > _THRESHOLD and pattern * _colour_distance(one, other) > _THRESHOLD


def _pattern_distance(one: Description, other: Description) -> float:
    """Returns 1 less the correlation, at most 2; without patterns there is nothing to compare."""
    if one.has_pattern and other.has_pattern:
        return 1 - float(one.pattern.dot(other.pattern)) / (one.length * other.length)
    return 1.0 if one.has_pattern or other.has_pattern else 0.0


def _colour_distance(one: Description, other: Description) -> float:
    # The squared Hellinger distance of the shares that colours have.
    return 1 - float(one.colours().dot(other.colours())) / math.prod(_SAMPLES)
