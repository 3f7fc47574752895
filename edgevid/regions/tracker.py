"""Tracks boxes from picture to picture: matched by overlap, predicted by a Kalman filter."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edgevid.records import Box
from edgevid.regions.boxes import Sides, iou
from edgevid.support.opencv import cv2

_LEAST_IOU = 0.15  # of two boxes of the same thing
_JITTER = 0.1  # of the longer side: by how much a box that was found is off
# By how much its middle, size and velocity change in a tick, as shares of its longer side: what is
# near moves by more pixels.
_NOISE = np.array([0.05, 0.05, 0.03, 0.03, 0.3, 0.3], np.float32)
_TICK_S = 0.2
_NEAR = 0.6  # of the larger side: how far the middle of a box may be from where it is expected


class Track:
    """Something that is followed.

    Attributes:
        number: counts from 1, and is never used again.
        box: where it is, as far as is known.
        seen: how many times it was found.
        is_missed: whether it was looked for last time and not found.
        unseen_s: seconds since it was first missed; 0 while it is found.
        scene: the part of the picture that moves with it, where that is larger; else None.
    """

    def __init__(self, number: int, box: Sides) -> None:
        self.number = number
        self.seen = 1
        self.is_missed = False
        self.unseen_s = 0.0
        self.scene: Box | None = None
        # The state: middle, size, and the middle's velocity in pixels a second.
        self._filter = cv2.KalmanFilter(6, 4)
        self._filter.measurementMatrix = np.eye(4, 6, dtype=np.float32)
        self._velocity = (0.0, 0.0)
        self.place(box)
        side = max(box[2:])
        spread = np.array([0.05, 0.05, 0.1, 0.1, 1.0, 1.0], np.float32) * side
        self._filter.errorCovPost = np.diag(spread**2)

    def predict(self, seconds: float) -> None:
        """Lets time pass: it goes on as it went."""
        transition = np.eye(6, dtype=np.float32)
        transition[0, 4] = transition[1, 5] = seconds
        self._filter.transitionMatrix = transition
        noise = _NOISE * max(self.box[2:])
        self._filter.processNoiseCov = np.diag(noise * noise * np.float32(seconds / _TICK_S))
        self._filter.statePost = self._state()  # as a whole: OpenCV gives out copies
        self._filter.predict()
        self._take_state()
        if self.is_missed:
            self.unseen_s += seconds

    def correct(self, box: Sides) -> None:
        """Takes where it was found."""
        self._filter.measurementNoiseCov = np.eye(4, dtype=np.float32) * np.float32(
            (_JITTER * max(self.box[2:])) ** 2
        )
        self._filter.statePre = self._state()
        self._filter.correct(_measured(box))
        self._take_state()
        self.seen += 1
        self.is_missed = False
        self.unseen_s = 0.0

    def place(self, box: Sides) -> None:
        """Puts it where it is known to be by other means than being found."""
        self.box = (box[0], box[1], max(box[2], 1.0), max(box[3], 1.0))

    def miss(self) -> None:
        """Takes that it was not found: it is taken to stand where it is."""
        self.is_missed = True
        self._velocity = (0.0, 0.0)

    def _take_state(self) -> None:
        x, y, width, height, *velocity = (float(v) for v in self._filter.statePost.ravel())
        self._velocity = (velocity[0], velocity[1])
        self.place((x - width / 2, y - height / 2, width, height))

    def _state(self) -> NDArray[np.float32]:
        return np.vstack([_measured(self.box), *self._velocity]).astype(np.float32)


class Tracker:
    """Gives what is found in each picture the number that it had in the last.

    Args:
        most: tracks at a time; what is found besides is passed over, and counted.
        confirmed_by: finds after which a track is one; what is found less often is ignored.
        keep_s: seconds for which something that is not found is still taken to be there.

    Attributes:
        tracks: those that are followed, oldest first.
        passed_over: things in the last picture for which there was no track left.

    Example:
        >>> from edgevid.regions.tracker import Tracker
        >>> tracker = Tracker(most=4, confirmed_by=1, keep_s=2.0)
        >>> tracker.predict(0.2); tracker.update([(10, 10, 20, 40), (90, 10, 20, 40)])
        >>> tracker.predict(0.2); tracker.update([(92, 11, 20, 40), (11, 10, 20, 40)])
        >>> [(track.number, round(track.box[0])) for track in tracker.tracks]
        [(1, 11), (2, 92)]
    """

    def __init__(self, *, most: int, confirmed_by: int, keep_s: float) -> None:
        self._most = most
        self._confirmed_by = confirmed_by
        self._keep_s = keep_s
        self._known: list[Track] = []
        self._given = 0
        self.tracks: list[Track] = []
        self.passed_over = 0

    def reset(self) -> None:
        """Forgets what was followed; numbers go on."""
        self._known.clear()
        self.tracks = []
        self.passed_over = 0

    def predict(self, seconds: float) -> None:
        """Lets time pass."""
        for track in self._known:
            track.predict(seconds)

    def update(self, found: Sequence[Sides]) -> None:
        """Takes what was found now."""
        pairs = sorted(
            (
                (closeness, n, m)
                for n, track in enumerate(self._known)
                for m, box in enumerate(found)
                if (closeness := _closeness(track.box, box)) > 0
            ),
            key=lambda pair: (-pair[0], pair[1], pair[2]),
        )
        tracked: set[int] = set()
        taken: set[int] = set()
        for _, n, m in pairs:
            if n not in tracked and m not in taken:
                tracked.add(n)
                taken.add(m)
                self._known[n].correct(found[m])
        for n, track in enumerate(self._known):
            if n not in tracked:
                track.miss()
        # One that is not confirmed yet must be found again at once.
        self._known = [
            track
            for n, track in enumerate(self._known)
            if n in tracked or (track.seen >= self._confirmed_by and track.unseen_s <= self._keep_s)
        ]
        for m, box in enumerate(found):
            if m not in taken:
                self._known.append(Track(0, box))
        self._confirm()

    def _confirm(self) -> None:
        """Chooses what is followed: who is followed already and in sight, then the largest."""
        followed = {id(track) for track in self.tracks}
        able = [track for track in self._known if track.seen >= self._confirmed_by]
        able.sort(
            key=lambda track: (
                track.is_missed,
                id(track) not in followed,
                -track.box[2] * track.box[3],
            )
        )
        chosen = able[: self._most]
        for track in chosen:
            if not track.number:
                self._given += 1
                track.number = self._given
        self.tracks = sorted(chosen, key=lambda track: track.number)
        self.passed_over = sum(not track.is_missed for track in able[self._most :])


def _closeness(expected: Sides, found: Sides) -> float:
    """Returns how well a box is where something is expected; 0 where it is something else."""
    shared = iou(expected, found)
    if shared >= _LEAST_IOU:
        return 1 + shared
    across = (expected[0] + expected[2] / 2) - (found[0] + found[2] / 2)
    down = (expected[1] + expected[3] / 2) - (found[1] + found[3] / 2)
    side = max(*expected[2:], *found[2:])
    small = min(expected[2] * expected[3], found[2] * found[3])
    large = max(expected[2] * expected[3], found[2] * found[3])
    if small < 0.3 * large:
        return 0.0
    return max(0.0, 1 - math.hypot(across, down) / (_NEAR * side))


def _measured(box: Sides) -> NDArray[np.float32]:
    x, y, width, height = box
    # A column, as OpenCV 5 insists.
    return np.array([[x + width / 2], [y + height / 2], [width], [height]], np.float32)
