"""Finds out what a recorded clip shows, by the videos that a camera played."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edgevid import open_source
from edgevid.support.opencv import cv2

_SIZE = (24, 18)


class Moment(NamedTuple):
    """What a frame of a clip shows: a video, and the second in it."""

    at: float
    video: Path
    second: float


class Whereabouts:
    """Knows videos by how their pictures look.

    Args:
        videos: what cameras play.
        shown: makes of their pictures what a camera shows; the same unless told.
    """

    def __init__(
        self,
        videos: Sequence[Path],
        shown: Callable[[NDArray[np.uint8]], NDArray[np.uint8]] = lambda picture: picture,
    ) -> None:
        self._places: list[tuple[Path, float]] = []
        looks: list[NDArray[np.float32]] = []
        for video in videos:
            with open_source(video) as source:
                for frame in source:
                    self._places.append((video, frame.timestamp))
                    looks.append(_look(shown(frame.image)))
        self._looks = np.stack(looks)

    def of(self, clip: Path) -> list[Moment]:
        """Returns what each frame of a clip shows."""
        found = []
        with open_source(clip) as source:
            for frame in source:
                distances = np.abs(self._looks - _look(frame.image)).sum(axis=1)
                found.append(Moment(frame.timestamp, *self._places[int(distances.argmin())]))
        return found


def _look(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    small = cv2.resize(image, _SIZE, interpolation=cv2.INTER_AREA)
    grey: NDArray[np.float32] = small.mean(axis=2).astype(np.float32).ravel()
    return grey
