"""From a container's times to a frame's: seconds that strictly increase, whatever the file says."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

_JUMP_BACK_S = 1.0  # less is a time that was written in disorder; more is another recording
_FASTEST = 1000.0  # frames a second: times that are closer than this mean nothing


class Moment(NamedTuple):
    """When a frame is.

    Attributes:
        timestamp: seconds, more than the frame's before.
        jumped: the file's own time jumped back, as where recordings were joined.
    """

    timestamp: float
    jumped: bool


class MediaClock:
    """Turns presentation times into timestamps, one frame after the other.

    Args:
        start: the time in the container that counts as 0 s, in seconds; the first frame's when
            None.
        interval: seconds from frame to frame where the file does not say.
        counted: go by the number of the frame alone: the file has no times, or none that can be.
    """

    def __init__(self, start: float | None, interval: float, *, counted: bool = False) -> None:
        self._start = start
        self._interval = interval
        self._counted = counted
        self._frames = 0
        self._previous = -math.inf

    def moment(self, time: float | None) -> Moment:
        """Returns when the next frame is.

        Args:
            time: its presentation time in the container, in seconds; None when it has none.
        """
        self._frames += 1
        if self._counted:
            return Moment((self._frames - 1) * self._interval, False)
        jumped = False
        if time is None:
            timestamp = max(0.0, self._previous + self._interval)
        else:
            if self._start is None or (self._frames == 1 and time < self._start):
                self._start = time
            timestamp = time - self._start
            jumped = timestamp < self._previous - _JUMP_BACK_S
            if jumped:
                timestamp = self._previous + self._interval
                self._start = time - timestamp
            elif timestamp <= self._previous:  # some containers repeat a time
                timestamp = self._previous + self._interval
        self._previous = timestamp
        return Moment(timestamp, jumped)


def means_nothing(times: Sequence[float]) -> bool:
    """Whether the times of successive frames, in seconds, are too close to be true."""
    return len(times) > 4 and (max(times) - min(times)) / (len(times) - 1) < 1 / _FASTEST
