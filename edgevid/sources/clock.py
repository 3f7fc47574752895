"""Turns a container's timestamps into strictly increasing seconds."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple, TypeVar

T = TypeVar("T")

ASSUMED_FPS = 25.0  # of pictures that come without times: what FFmpeg takes them to be

_JUMP_BACK_S = 1.0  # less is a time that was written in disorder; more is another recording
# So many pictures in a row must be from before, to be another recording: behind a damaged stretch
# a decoder hands out one or two that it had held back.
_LATE_IN_A_ROW = 3
FASTEST = 1000.0  # frames a second: times that are closer than this mean nothing


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

    Attributes:
        is_counted: as ``counted`` was given.
        strays: pictures so far that came too late to be shown.
    """

    def __init__(self, start: float | None, interval: float, *, counted: bool = False) -> None:
        self._start = start
        self._interval = interval
        self.is_counted = counted
        self._frames = 0
        self._previous = -math.inf
        self.strays = 0

    def timed(
        self, pictures: Iterable[T], time_of: Callable[[T], float | None]
    ) -> Iterator[tuple[T, Moment]]:
        """Yields pictures and when they are.

        Args:
            pictures: as they are decoded.
            time_of: tells a picture's presentation time in the container, in seconds.
        """
        held: list[T] = []
        for picture in pictures:
            if self._is_late(time_of(picture)):
                held.append(picture)
                if len(held) < _LATE_IN_A_ROW:
                    continue
            else:
                self.strays += len(held)
                held = [picture]
            for one in held:
                yield one, self.moment(time_of(one))
            held = []
        for one in held:
            yield one, self.moment(time_of(one))

    def _is_late(self, time: float | None) -> bool:
        if self.is_counted or time is None or self._start is None:
            return False
        return time - self._start < self._previous - _JUMP_BACK_S

    def moment(self, time: float | None) -> Moment:
        """Returns when the next frame is.

        Args:
            time: its presentation time in the container, in seconds; None when it has none.
        """
        self._frames += 1
        if self.is_counted:
            return Moment((self._frames - 1) * self._interval, False)
        jumped = False
        if time is None:
            timestamp = max(0.0, self._previous + self._interval)
        else:
            if self._start is None or (self._frames == 1 and time < self._start):
                self._start = time
            timestamp = time - self._start
            jumped = self._is_late(time)
            if jumped:
                timestamp = self._previous + self._interval
                self._start = time - timestamp
            elif timestamp <= self._previous:  # some containers repeat a time
                timestamp = self._previous + self._interval
        self._previous = timestamp
        return Moment(timestamp, jumped)


def means_nothing(times: Sequence[float]) -> bool:
    """Whether the times of successive frames, in seconds, are too close to be true."""
    rate = rate_of(times)
    return len(times) > 4 and (rate is None or rate > FASTEST)


def rate_of(times: Sequence[float]) -> float | None:
    """Returns frames a second of frames at these times, in seconds; None of too few."""
    span = max(times, default=0.0) - min(times, default=0.0)
    return (len(times) - 1) / span if span > 0 else None
