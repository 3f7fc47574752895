"""How far the parts of a picture moved since the last one, by OpenCV's sparse optical flow."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edgevid.regions.boxes import Sides
from edgevid.support.opencv import cv2

_WIDTH = 160  # pixels in which motion is looked for
_POINTS = 4  # that are followed in a box, each way
_MIDDLE = 0.7  # of a box: its rim is mostly background
_LEAST_POINTS = 8
_SEARCH = {
    "winSize": (11, 11),
    "maxLevel": 2,
    "criteria": (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 10, 0.05),
}


class Flow:
    """Follows points from each picture to the next.

    Example:
        >>> from edgevid.regions.flow import Flow
        >>> flow = Flow()
        >>> picture = np.random.default_rng(0).integers(0, 256, (120, 160, 3), np.uint8)
        >>> picture = np.repeat(np.repeat(picture[::8, ::8], 8, axis=0), 8, axis=1)
        >>> flow.take(picture)
        >>> flow.take(np.roll(picture, 3, axis=1))
        >>> [(round(right), round(down)) for right, down in flow.of([(40, 30, 60, 60)])]
        [(3, 0)]
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

    def of(self, boxes: Sequence[Sides]) -> list[tuple[float, float]]:
        """Returns by how many pixels what was in each box moved, right and down.

        What is not known is 0, 0.
        """
        still = [(0.0, 0.0)] * len(boxes)
        before, now = self._before, self._now
        if before is None or now is None or before.shape != now.shape or not boxes:
            return still
        points = np.concatenate([_points(box, self._scale) for box in boxes])
        moved, found, _ = cv2.calcOpticalFlowPyrLK(before, now, points, None, **_SEARCH)
        steps = (moved - points).reshape(len(boxes), -1, 2) * self._scale
        counts = found.reshape(len(boxes), -1) == 1
        return [
            (float(right), float(down)) if count.sum() >= _LEAST_POINTS else (0.0, 0.0)
            for (right, down), count in (
                (np.median(step[count], axis=0) if count.any() else (0, 0), count)
                for step, count in zip(steps, counts, strict=True)
            )
        ]


def _points(box: Sides, scale: float) -> NDArray[np.float32]:
    """Returns points spread over the middle of a box, float32 ``[points, 1, 2]``."""
    x, y, width, height = (side / scale for side in box)
    spread = _MIDDLE * np.linspace(-0.5, 0.5, _POINTS)
    across, down = np.meshgrid(x + width * (0.5 + spread), y + height * (0.5 + spread))
    return np.stack([across, down], axis=-1).reshape(-1, 1, 2).astype(np.float32)
