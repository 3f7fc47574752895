"""How far the parts of a picture moved since the last one, by OpenCV's sparse optical flow."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edgevid.regions.boxes import Sides
from edgevid.support.opencv import cv2

_WIDTH = 120  # pixels in which motion is looked for
_POINTS = 4  # that are followed in a box, each way
_MIDDLE = 0.7  # of a box: its rim is mostly background
_LEAST_POINTS = 8
_GROWTH = 1.1  # from one picture to the next, at most
_SEARCH = {
    "winSize": (9, 9),
    "maxLevel": 2,
    "criteria": (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 5, 0.1),
}


class Move(NamedTuple):
    """How the part of a picture in a box moved.

    Attributes:
        right: pixels.
        down: pixels.
        size: how many times as large as before it is.
    """

    right: float
    down: float
    size: float


STILL = Move(0.0, 0.0, 1.0)


class Flow:
    """Follows points from each picture to the next.

    Example:
        >>> from edgevid.regions.flow import Flow
        >>> flow = Flow()
        >>> picture = np.random.default_rng(0).integers(0, 256, (120, 160, 3), np.uint8)
        >>> picture = np.repeat(np.repeat(picture[::8, ::8], 8, axis=0), 8, axis=1)
        >>> _ = flow.take(picture)
        >>> _ = flow.take(np.roll(picture, 3, axis=1))
        >>> [move] = flow.of([(40, 30, 60, 60)])
        >>> round(move.right), round(move.down)
        (3, 0)
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forgets the last picture."""
        self._before: NDArray[np.uint8] | None = None
        self._now: NDArray[np.uint8] | None = None
        self._scale = 1.0

    def take(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Takes the next picture, RGB, uint8, ``[height, width, 3]``.

        Returns:
            It in the size in which motion is looked for, grey, uint8, ``[height, width]``.
        """
        height, width = image.shape[:2]
        self._scale = max(1.0, width / _WIDTH)
        size = (max(1, round(width / self._scale)), max(1, round(height / self._scale)))
        small = cv2.resize(image, size, interpolation=cv2.INTER_LINEAR)
        grey: NDArray[np.uint8] = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)
        self._before, self._now = self._now, grey
        return grey

    def of(self, boxes: Sequence[Sides]) -> list[Move]:
        """Returns how what was in each box moved; where that is not known it stands still."""
        before, now = self._before, self._now
        if before is None or now is None or before.shape != now.shape or not boxes:
            return [STILL] * len(boxes)
        sides = np.array(boxes, np.float32)[:, None] / np.float32(self._scale)
        points = (sides[..., :2] + _GRID * sides[..., 2:]).reshape(-1, 1, 2)
        moved, found, _ = cv2.calcOpticalFlowPyrLK(before, now, points, None, **_SEARCH)
        pairs = np.concatenate([points, moved], axis=-1).reshape(len(boxes), -1, 4).tolist()
        known = found.reshape(len(boxes), -1).tolist()
        return [
            _move([pair for pair, is_known in zip(*each, strict=True) if is_known], self._scale)
            for each in zip(pairs, known, strict=True)
        ]


def _move(pairs: Sequence[Sequence[float]], scale: float) -> Move:
    """Returns how points moved, each x and y before and after: by the median, as some err.

    In plain Python: for so few points NumPy takes longer than the flow itself.
    """
    if len(pairs) < _LEAST_POINTS:
        return STILL
    x, y, to_x, to_y = (_median(column) for column in zip(*pairs, strict=True))
    right = _median([pair[2] - pair[0] for pair in pairs])
    down = _median([pair[3] - pair[1] for pair in pairs])
    spreads = [
        (math.hypot(pair[0] - x, pair[1] - y), math.hypot(pair[2] - to_x, pair[3] - to_y))
        for pair in pairs
    ]
    # Near the middle nothing tells the size.
    far = max(before for before, _ in spreads) / 2
    ratios = [after / before for before, after in spreads if before > far]
    size = min(max(_median(ratios), 1 / _GROWTH), _GROWTH) if ratios else 1.0
    return Move(right * scale, down * scale, size)


def _median(values: Sequence[float]) -> float:
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def _grid() -> NDArray[np.float32]:
    """Returns where in a box points are, as shares of its sides, float32 ``[points, 2]``."""
    places = 0.5 + _MIDDLE * np.linspace(-0.5, 0.5, _POINTS)
    return np.stack(np.meshgrid(places, places), axis=-1).reshape(-1, 2).astype(np.float32)


_GRID = _grid()
