"""Paces a file as a camera would."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from edgevid.records import Frame
from edgevid.sources.base import Source

_LONGEST_WAIT_S = 10.0


class RealtimeSource(Source):
    """Gives each frame of a file when its moment comes, counted from the first.

    Args:
        source: the file.
        clock: seconds that pass by themselves.
        sleep: waits this many seconds.
    """

    is_live = True

    def __init__(
        self,
        source: Source,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.name = source.name
        self.fps = source.fps
        self.length = source.length
        self._source = source
        self._clock = clock
        self._sleep = sleep

    @property
    def unreadable(self) -> int:  # type: ignore[override]
        """Frames so far that could not be decoded."""
        return self._source.unreadable

    def __iter__(self) -> Iterator[Frame]:
        offset: float | None = None
        for frame in self._source:
            now = self._clock()
            if offset is None:
                offset = now - frame.timestamp
            wait = offset + frame.timestamp - now
            if wait > _LONGEST_WAIT_S:  # the file's time jumps: nobody would sit through it
                offset -= wait
            elif wait > 0:
                self._sleep(wait)
            yield frame

    def close(self) -> None:
        """Lets go of the file."""
        self._source.close()
