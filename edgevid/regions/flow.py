"""How far the parts of a picture moved since the last one, by OpenCV's sparse optical flow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edgevid.regions.boxes import Sides
from edgevid.support.opencv import cv2

_WIDTH = 160  # pixels in which motion is looked for
_POINTS = 4  # that are followed in a box, each way
_MIDDLE = 0.7  # of a box: its rim is mostly background
_LEAST_POINTS = 8
_GROWTH = 1.1  # from one picture to the next, at most
_SEARCH = {
    "winSize": (11, 11),
    "maxLevel": 2,
    "criteria": (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 10, 0.05),
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
        >>> flow.take(picture)
        >>> flow.take(np.roll(picture, 3, axis=1))
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

    def take(self, image: NDArray[np.uint8]) -> None:
        """Takes the next picture, RGB, uint8, ``[height, width, 3]``."""
        height, width = image.shape[:2]
        self._scale = max(1.0, width / _WIDTH)
        size = (max(1, round(width / self._scale)), max(1, round(height / self._scale)))
        small = cv2.resize(image, size, interpolation=cv2.INTER_LINEAR)
        self._before, self._now = self._now, cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)

    def of(self, boxes: Sequence[Sides]) -> list[Move]:
        """Returns how what was in each box moved; where that is not known it stands still."""
        before, now = self._before, self._now
        if before is None or now is None or before.shape != now.shape or not boxes:
            return [STILL] * len(boxes)
        points = np.concatenate([_points(box, self._scale) for box in boxes])
        moved, found, _ = cv2.calcOpticalFlowPyrLK(before, now, points, None, **_SEARCH)
        shape = (len(boxes), -1, 2)
        return [
            self._move(start[one], end[one])
            for start, end, one in zip(
                points.reshape(shape),
                moved.reshape(shape),
                found.reshape(len(boxes), -1) == 1,
                strict=True,
            )
        ]

    def _move(self, start: NDArray[np.float32], end: NDArray[np.float32]) -> Move:
        """Returns how points moved, float32 ``[points, 2]``: by the median, as some are lost."""
        if len(start) < _LEAST_POINTS:
            return STILL
        right, down = np.median(end - start, axis=0) * self._scale
        spread = np.linalg.norm(start - np.median(start, axis=0), axis=1)
        after = np.linalg.norm(end - np.median(end, axis=0), axis=1)
        away = spread > spread.max() / 2  # near the middle nothing tells the size
        size = float(np.median(after[away] / spread[away])) if away.any() else 1.0
        return Move(float(right), float(down), min(max(size, 1 / _GROWTH), _GROWTH))


def _points(box: Sides, scale: float) -> NDArray[np.float32]:
    """Returns points spread over the middle of a box, float32 ``[points, 1, 2]``."""
    x, y, width, height = (side / scale for side in box)
    spread = _MIDDLE * np.linspace(-0.5, 0.5, _POINTS)
    across, down = np.meshgrid(x + width * (0.5 + spread), y + height * (0.5 + spread))
    return np.stack([across, down], axis=-1).reshape(-1, 1, 2).astype(np.float32)
