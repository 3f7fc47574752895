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
        sides = np.array(boxes, np.float32)[:, None] / np.float32(self._scale)
        points = (sides[..., :2] + _GRID * sides[..., 2:]).reshape(-1, 1, 2)
        moved, found, _ = cv2.calcOpticalFlowPyrLK(before, now, points, None, **_SEARCH)
        shape = (len(boxes), -1, 2)
        return self._moves(
            points.reshape(shape), moved.reshape(shape), found.reshape(len(boxes), -1) == 1
        )

    def _moves(
        self,
        start: NDArray[np.float32],
        end: NDArray[np.float32],
        known: NDArray[np.bool_],
    ) -> list[Move]:
        """Returns how points moved, float32 ``[boxes, points, 2]``: by the median, as some err."""
        middles = _medians(np.concatenate([start, end, end - start], axis=-1), known)
        spread, after = (
            np.hypot(*np.moveaxis(points - middles[:, None, two : two + 2], -1, 0))
            for points, two in ((start, 0), (end, 2))
        )
        # Near the middle nothing tells the size.
        away = known & (spread > np.max(spread, axis=1, where=known, initial=0)[:, None] / 2)
        ratios = np.divide(after, spread, out=np.ones_like(after), where=away)
        sizes = _medians(ratios[..., None], away)[:, 0]
        return [
            Move(right, down, min(max(size, 1 / _GROWTH), _GROWTH))
            if count >= _LEAST_POINTS
            else STILL
            for (right, down), size, count in zip(
                (middles[:, 4:] * self._scale).tolist(),
                np.where(away.any(axis=1), sizes, 1.0).tolist(),
                known.sum(axis=1).tolist(),
                strict=True,
            )
        ]


def _medians(values: NDArray[np.float32], known: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Returns medians over what is known; 0 where nothing is.

    All at once by one sort: NumPy's own, asked for each, takes longer than the flow itself.

    Args:
        values: ``[boxes, points, kinds]``.
        known: ``[boxes, points]``.

    Returns:
        ``[boxes, kinds]``.
    """
    ordered = np.sort(np.where(known[..., None], values, np.float32(np.inf)), axis=1)
    count = known.sum(axis=1)
    rows = np.arange(len(values))
    both = ordered[rows, np.maximum(count - 1, 0) // 2] + ordered[rows, count // 2 % len(known[0])]
    return np.where(count[:, None] > 0, both / 2, np.float32(0))


def _grid() -> NDArray[np.float32]:
    """Returns where in a box points are, as shares of its sides, float32 ``[points, 2]``."""
    places = 0.5 + _MIDDLE * np.linspace(-0.5, 0.5, _POINTS)
    return np.stack(np.meshgrid(places, places), axis=-1).reshape(-1, 2).astype(np.float32)


_GRID = _grid()
