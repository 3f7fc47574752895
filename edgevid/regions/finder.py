"""Finds what to follow: by motion, or by a detector and by motion between its runs."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from edgevid.records import Box
from edgevid.regions.boxes import Sides
from edgevid.regions.flow import Flow, Move
from edgevid.regions.motion import MotionFinder
from edgevid.regions.tracker import Tracker

_PERIOD_S = 1.0  # between two looks of a detector
_KEEP_MOVING_S = 3.0  # that what moved and stands still is still taken to be there
_KEEP_DETECTED_S = 3.2  # three looks in which a detector missed it


class Detector(Protocol):
    """Finds things of one kind in a picture."""

    def find(self, image: NDArray[np.uint8]) -> list[Box]:
        """Returns where they are, in pixels of the picture."""
        ...


class Finder(Protocol):
    """Follows things from picture to picture.

    Attributes:
        tracker: what is followed.
    """

    tracker: Tracker

    def take(self, image: NDArray[np.uint8], seconds: float, *, anew: bool) -> None:
        """Takes the next picture.

        Args:
            image: RGB, uint8, ``[height, width, 3]``.
            seconds: since the last one.
            anew: whether something has just begun to change after nothing did.
        """
        ...

    def reset(self) -> None:
        """Forgets everything: what comes next is another scene."""
        ...


class ByMotion:
    """Follows what moves.

    Args:
        most: tracks at a time.

    Example:
        >>> from edgevid.regions.finder import ByMotion
        >>> finder = ByMotion(most=4)
        >>> finder.take(np.zeros((120, 160, 3), np.uint8), 0.2, anew=True)
        >>> finder.tracker.tracks
        []
    """

    def __init__(self, *, most: int) -> None:
        self.tracker = Tracker(most=most, confirmed_by=2, keep_s=_KEEP_MOVING_S)
        self._motion = MotionFinder()

    def take(self, image: NDArray[np.uint8], seconds: float, *, anew: bool) -> None:
        """Takes the next picture."""
        self.tracker.predict(seconds)
        self.tracker.update(self._motion.find(image))

    def reset(self) -> None:
        """Forgets everything."""
        self.tracker.reset()
        self._motion.reset()


class ByDetector:
    """Follows what a detector finds, once a second; in between the tracks go with the picture.

    Args:
        detector: what finds things.
        most: tracks at a time.
    """

    def __init__(self, detector: Detector, *, most: int) -> None:
        self.tracker = Tracker(most=most, confirmed_by=1, keep_s=_KEEP_DETECTED_S)
        self._detector = detector
        self._flow = Flow()
        self._due_s = 0.0

    def take(self, image: NDArray[np.uint8], seconds: float, *, anew: bool) -> None:
        """Takes the next picture."""
        self._flow.take(image)
        tracks = self.tracker.tracks
        before = [track.box for track in tracks]
        self.tracker.predict(seconds)
        for track, box, move in zip(tracks, before, self._flow.of(before), strict=True):
            track.place(_moved(box, move))
        self._due_s -= seconds
        if self._due_s <= 1e-6 or anew:
            self.tracker.update(self._detector.find(image))
            self._due_s = _PERIOD_S

    def reset(self) -> None:
        """Forgets everything."""
        self.tracker.reset()
        self._flow.reset()
        self._due_s = 0.0


def _moved(box: Sides, move: Move) -> Sides:
    """Returns where a box has gone."""
    x, y, width, height = box
    wider, higher = width * move.size, height * move.size
    return (
        x + move.right - (wider - width) / 2,
        y + move.down - (higher - height) / 2,
        wider,
        higher,
    )
