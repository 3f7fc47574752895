"""The newest frame of a live source, without a queue."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import suppress

from edgevid.records import Frame
from edgevid.sources.base import Source

_WAKE_S = 0.2  # so that Ctrl-C is noticed while a camera hangs
_JOIN_S = 2.0  # a camera that gives no frame in this time hangs


class LatestSource(Source):
    """Reads a live source in a thread of its own and hands over the latest frame only.

    A reader that is slow misses frames; what it gets is what happens now.
    """

    is_live = True

    def __init__(self, source: Source) -> None:
        self.name = source.name
        self.fps = source.fps
        self.length = source.length
        self.captured = 0
        self._source = source
        self._changed = threading.Condition()
        self._frame: Frame | None = None
        self._error: Exception | None = None
        self._ended = False
        self._stopping = False
        self._is_left = False  # closed by the reader while the source hangs
        self._thread = threading.Thread(target=self._capture, name=self.name, daemon=True)

    @property
    def unreadable(self) -> int:  # type: ignore[override]
        """Frames so far that could not be decoded."""
        return self._source.unreadable

    def __iter__(self) -> Iterator[Frame]:
        self._thread.start()
        while True:
            with self._changed:
                while self._frame is None and not self._ended and not self._stopping:
                    self._changed.wait(_WAKE_S)
                frame, self._frame = self._frame, None
            if self._stopping:
                return
            if frame is None:
                break
            yield frame
        if self._error is not None:
            raise self._error

    def stop(self) -> None:
        """Ends the iteration soon. Can be called from a signal handler: it takes no lock."""
        self._stopping = True

    def _capture(self) -> None:
        try:
            for frame in self._source:
                with self._changed:
                    if self._stopping:
                        break
                    self._frame = frame
                    self.captured += 1
                    self._changed.notify()
        except Exception as error:
            # It belongs to the reader of the frames, not to this thread.
            self._error = error
        finally:
            with self._changed:
                self._ended = True
                self._changed.notify()
                nobody_else_closes = self._is_left
            if nobody_else_closes:
                with suppress(Exception):  # nor is anybody there to be told
                    self._source.close()

    def close(self) -> None:
        """Stops reading and lets go of the source; of one that hangs, when it hangs no more."""
        self.stop()
        if self._thread.is_alive():
            self._thread.join(_JOIN_S)
        with self._changed:
            # A camera that hangs in a read cannot be closed under it.
            self._is_left = self._thread.is_alive() and not self._ended
        if not self._is_left:
            self._source.close()
