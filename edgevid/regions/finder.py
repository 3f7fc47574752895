"""Finds what to follow: by motion, or by a detector and by motion between its runs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from edgevid.records import Box
from edgevid.regions.boxes import Sides, are_one, area, grown, iou, overlap
from edgevid.regions.flow import STILL, Flow, Move
from edgevid.regions.motion import MotionFinder
from edgevid.regions.square import WITH_ROOM, View
from edgevid.regions.tracker import Tracker

_PERIOD_S = 1.0  # between two looks of a detector, at least
_LONGEST_S = 4.0  # between two; twice as long after each that found all as expected
_AS_EXPECTED = 0.5  # IoU of where a track was taken to be and where it was found
_NEW = 3  # times that somebody must have been found before
_KEEP_MOVING_S = 2.8  # that what moved and stands still is still taken to be there
_KEEP_DETECTED_S = 2.2  # three further looks in which a detector misses it
_WIDTH = 80  # pixels in which motion is looked for, where a detector looks too
_BEGINS = 0.01  # of the picture: when so much more moves where nobody is, it looks again
_NEARBY = 0.5  # of a person's box, further than which what moves is no part of them
_SQUEEZED = 1.5  # width to height at most: people who are squeezed more are too thin
_EDGE = 0.03  # of a view's side: what comes as near to its edge may go on beyond it
_HELD = 0.5  # of a box that must lie in what moves for it to be what moves there
_AROUND = 1.5  # times the longer side of what moves: how much is looked at more closely
_LEAST_AROUND = 1 / 3  # of the picture's shorter side


class Detector(Protocol):
    """Finds things of one kind in a picture."""

    def find(self, image: NDArray[np.uint8]) -> list[Box]:
        """Returns where they are, in pixels of the picture."""
        ...


class Finder(Protocol):
    """Follows things from picture to picture.

    Attributes:
        tracker: what is followed.
        view: what is to be shown of it, as ``Square`` takes it.
        margin: by how much of its sides a box is to be shown larger than the track's.
    """

    tracker: Tracker
    view: View
    margin: float

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

    view = WITH_ROOM
    margin = 0.0  # what moved in the last second is in it

    def __init__(self, *, most: int) -> None:
        self.tracker = Tracker(most=most, confirmed_by=2, keep_s=_KEEP_MOVING_S)
        self._motion = MotionFinder()

    def take(self, image: NDArray[np.uint8], seconds: float, *, anew: bool) -> None:
        """Takes the next picture."""
        self.tracker.predict(seconds)
        self.tracker.update(self._motion.find(image, seconds))

    def reset(self) -> None:
        """Forgets everything."""
        self.tracker.reset()
        self._motion.reset()


class ByDetector:
    """Follows what a detector finds; between its looks the optical flow moves the tracks.

    It looks once a second. While that finds all where they were expected and nobody new, it looks
    half as often each time, down to once in four seconds. When something begins to move where
    nobody is, or the flow cannot tell where somebody went, it looks again after half of that time.

    Its input is a square: in a wide picture people would be squeezed, and those far away too small.
    So of a wide picture it sees each end by itself, and where something moves and nobody was found
    it looks once more, at that part only.

    Args:
        detector: what finds things.
        most: tracks at a time.
        view: what is to be shown of each.
    """

    # A detector's box ends at the body, and between its looks arms reach out of it.
    margin = 0.15

    def __init__(self, detector: Detector, *, most: int, view: View = WITH_ROOM) -> None:
        self.view = view
        self.tracker = Tracker(most=most, confirmed_by=1, keep_s=_KEEP_DETECTED_S)
        self._detector = detector
        self._most = most
        self._flow = Flow()
        self._motion = MotionFinder(width=_WIDTH, noisy=True)
        self._forget_looks()

    def _forget_looks(self) -> None:
        self._since_s = math.inf  # the last look
        self._period_s = _PERIOD_S
        self._elsewhere = 0.0  # of the picture that moved at the last look where nobody was found
        self._surroundings_s = 0.0  # since it was told what moves with whom

    def take(self, image: NDArray[np.uint8], seconds: float, *, anew: bool) -> None:
        """Takes the next picture."""
        self._motion.take(self._flow.take(image), seconds)
        tracks = self.tracker.tracks
        moves = self._flow.of([track.box for track in tracks])
        for track, move in zip(tracks, moves, strict=True):
            track.place(_moved(track.box, move))
        self._since_s += seconds
        self._surroundings_s += seconds
        is_lost = any(move is STILL for move in moves)
        looks = anew or self._is_due(image.shape, is_lost=is_lost)
        if looks or self._surroundings_s > _PERIOD_S - 1e-6:
            moving = self._motion.parts(image.shape[1], image.shape[0])
            if looks:
                self._look_again(image, moving)
            self._surroundings_s = 0.0
            for track in self.tracker.tracks:
                track.scene = _scene(track.box, moving)

    def _is_due(self, shape: tuple[int, ...], *, is_lost: bool) -> bool:
        if self._since_s > self._period_s - 1e-6:
            return True
        if self._since_s < max(_PERIOD_S, self._period_s / 2) - 1e-6:
            return False
        return is_lost or self._moving_elsewhere(shape) > self._elsewhere + _BEGINS

    def _moving_elsewhere(self, shape: tuple[int, ...]) -> float:
        """Returns how much of the picture moves where nobody is known to be."""
        around = [grown(track.box, _NEARBY) for track in self.tracker.tracks]
        return self._motion.share(shape[1], around)

    def _look_again(self, image: NDArray[np.uint8], moving: Sequence[Box]) -> None:
        tracks = self.tracker.tracks
        expected = [track.box for track in tracks]
        self.tracker.predict(self._since_s)
        for track, box in zip(tracks, expected, strict=True):
            track.place(box)  # the picture tells better than how it went before
        self.tracker.update(self._look(image, moving))
        followed = self.tracker.tracks
        is_as_expected = followed == tracks and all(
            not track.is_missed and track.seen > _NEW and iou(track.box, box) > _AS_EXPECTED
            for track, box in zip(tracks, expected, strict=True)
        )
        self._period_s = min(2 * self._period_s, _LONGEST_S) if is_as_expected else _PERIOD_S
        self._since_s = 0.0
        self._elsewhere = self._moving_elsewhere(image.shape)

    def _look(self, image: NDArray[np.uint8], moving: Sequence[Box]) -> list[Box]:
        """Returns what the detector finds, and finds closer by where something else moves."""
        found: list[Box] = []
        cut: list[Box] = []
        for view in _views(image.shape):
            for box in self._seen_in(image, view):
                if _is_cut(box, view, image.shape):
                    cut.append(box)
                elif not any(are_one(box, other) for other in found):
                    found.append(box)
        # What one view shows a part of, another mostly shows whole.
        found += [box for box in cut if not any(overlap(box, other) for other in found)]
        missed = [
            part
            for part in moving
            if not any(overlap(part, box) > _HELD * area(box) for box in found)
        ]
        if missed and len(found) < self._most:
            closer = self._seen_in(image, _around(max(missed, key=area), image.shape))
            found += [box for box in closer if not any(are_one(box, other) for other in found)]
        return found

    def _seen_in(self, image: NDArray[np.uint8], view: Box) -> list[Box]:
        """Returns what the detector finds in a part of the picture."""
        x, y, width, height = view
        boxes = self._detector.find(image[y : y + height, x : x + width])
        return [(x + left, y + top, w, h) for left, top, w, h in boxes]

    def reset(self) -> None:
        """Forgets everything."""
        self.tracker.reset()
        self._flow.reset()
        self._motion.reset()
        self._forget_looks()


def _scene(box: Sides, moving: Sequence[Box]) -> Box | None:
    """Returns what moves with a box, where that is more than the box.

    What people do they often do with others, or with things; and where the camera itself moves
    all that it shows may tell of it.
    """
    part = max(moving, key=lambda part: overlap(part, box), default=None)
    if part is None or overlap(part, box) <= _HELD * area(box) or area(part) <= area(box):
        return None
    return part


def _views(shape: tuple[int, ...]) -> list[Box]:
    """Returns the parts of a picture to look at: all, or the squares at both ends of a long one."""
    height, width = shape[:2]
    side = min(height, width)
    if max(height, width) <= _SQUEEZED * side:
        return [(0, 0, width, height)]
    return [(0, 0, side, side), (width - side, height - side, side, side)]


def _is_cut(box: Box, view: Box, shape: tuple[int, ...]) -> bool:
    """Returns whether a box ends where a view does and the picture does not."""
    near = _EDGE * max(view[2:])
    return any(
        (view[axis] > 0 and box[axis] - view[axis] < near)
        or (
            view[axis] + view[axis + 2] < size
            and view[axis] + view[axis + 2] - box[axis] - box[axis + 2] < near
        )
        for axis, size in ((0, shape[1]), (1, shape[0]))
    )


def _around(part: Box, shape: tuple[int, ...]) -> Box:
    """Returns a square around a part of a picture."""
    shorter = min(shape[:2])
    side = round(min(shorter, max(_AROUND * max(part[2:]), _LEAST_AROUND * shorter)))
    x, y = (
        min(max(0, part[axis] + (part[axis + 2] - side) // 2), size - side)
        for axis, size in ((0, shape[1]), (1, shape[0]))
    )
    return x, y, side, side


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
