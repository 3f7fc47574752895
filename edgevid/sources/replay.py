"""Frames from memory: for tests, notebooks and programs that have pictures already."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from edgevid.records import Frame
from edgevid.sources.base import Source


class ReplaySource(Source):
    """Gives pictures that are already there, at an even rate.

    Args:
        images: RGB, uint8, ``[height, width, 3]`` each.
        fps: pictures a second.
        name: for messages and results.
        is_live: whether to pass for a camera.

    Example:
        >>> black = np.zeros((48, 64, 3), np.uint8)
        >>> [frame.timestamp for frame in ReplaySource([black, black, black], fps=10)]
        [0.0, 0.1, 0.2]
    """

    def __init__(
        self,
        images: Iterable[NDArray[np.uint8]],
        *,
        fps: float = 5.0,
        name: str = "replay",
        is_live: bool = False,
    ) -> None:
        self.name = name
        self.is_live = is_live
        self._images = images
        self._interval = 1 / fps
        self.fps: float | None = fps
        self.length = len(images) if isinstance(images, (list, tuple)) else None
        self.unreadable = 0

    def __iter__(self) -> Iterator[Frame]:
        for index, image in enumerate(self._images):
            yield Frame(image, index * self._interval, index)

    def close(self) -> None:
        """Nothing is held."""
