"""Plays a file at its own speed."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator

from edgevid.records import Frame
from edgevid.sources.base import Source

_SHORTENED_S = 0.04  # what is left of a pause that is left out: one frame, usually


class RealtimeSource(Source):
    """Gives each frame of a file when its moment comes, counted from the first.

    A longer pause in the file's time than anybody would sit through is left out.

    Args:
        source: the file.
        speed: how many times as fast as it was taken.
        longest_pause: between two frames, in the file's seconds.
        clock: seconds that pass by themselves.
        sleep: waits this many seconds.

    Attributes:
        left_out: seconds of the file's time, so far, that were skipped without waiting.

    Example:
        >>> with edgevid.open_source("clip.mp4") as clip:
        ...     for frame in RealtimeSource(clip, speed=100.0):
        ...         last = frame.timestamp
    """

    is_live = True

    def __init__(
        self,
        source: Source,
        *,
        speed: float = 1.0,
        longest_pause: float = 10.0,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.name = source.name
        self.fps = source.fps
        self.length = source.length
        self.left_out = 0.0
        self._source = source
        self._speed = speed
        self._longest_pause = longest_pause
        self._clock = clock
        self._sleep = sleep

    @property
    def unreadable(self) -> int:  # type: ignore[override]
        """Frames so far that could not be decoded."""
        return self._source.unreadable

    def __iter__(self) -> Iterator[Frame]:
        previous, began = math.inf, math.nan
        for frame in self._source:
            pause = frame.timestamp - previous
            if pause > self._longest_pause:
                self.left_out += pause - _SHORTENED_S
            previous = frame.timestamp
            moment = (frame.timestamp - self.left_out) / self._speed
            if math.isnan(began):
                began = self._clock() - moment
            wait = began + moment - self._clock()
            if wait > 0:
                self._sleep(wait)
            yield frame

    def close(self) -> None:
        """Lets go of the file."""
        self._source.close()
