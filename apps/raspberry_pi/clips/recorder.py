"""Writes clips in a thread of its own."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from functools import partial
from queue import Empty, SimpleQueue

from apps.raspberry_pi.bus import CameraEvent, EventBus
from apps.raspberry_pi.clips.writer import Clips
from apps.raspberry_pi.config import ClipsConfig
from edgevid import EdgevidError, Frame

_LOG = logging.getLogger("edgevid.service")

# What may wait to be taken in; frames that come then are left out.
_WAITING = 16  # frames
_WAITING_BYTES = 64 << 20  # of all cameras' frames together, unless one alone has more
_WAITING_EVENTS = 1000  # while the disk hangs
_TICK_S = 0.5


class Recorder:
    """Writes a clip around each event.

    A disk that is full, or a folder that is gone, stops nothing else, and is told once.

    Args:
        config: where, how much, how long.
        bus: whose events start clips.
        fps: frames a second that the cameras give.

    Raises:
        OutputError: there can be no such folder.
        UsageError: another service keeps its clips there.
    """

    def __init__(self, config: ClipsConfig, bus: EventBus, fps: float) -> None:
        self._clips = Clips(config, fps)
        self._jobs: SimpleQueue[tuple[float, Callable[[], None] | None]] = SimpleQueue()
        self._counting = threading.Lock()
        self._frames = self._bytes = 0  # that wait
        self._failing = False
        self._leave = bus.listen(self._take_event)
        self._thread = threading.Thread(target=self._run, name="clips", daemon=True)
        self._thread.start()

    def take(self, name: str, frame: Frame) -> None:
        """Takes a camera's next frame, unless the writing has fallen behind."""
        size = frame.image.nbytes
        with self._counting:
            full = self._frames >= _WAITING or self._bytes + size > _WAITING_BYTES
            if full and self._frames:
                return
            self._frames += 1
            self._bytes += size

        def take_in() -> None:
            try:
                self._clips.frame(name, frame)
            finally:
                with self._counting:
                    self._frames -= 1
                    self._bytes -= size

        self._put(take_in)

    def _take_event(self, found: CameraEvent) -> None:
        if self._jobs.qsize() < _WAITING_EVENTS:
            self._put(lambda: self._clips.event(found))

    def keep_now(self) -> None:
        """Starts a clip of every camera, though nothing has happened."""
        self._put(self._clips.start_all)

    def is_alive(self) -> bool:
        """Whether its thread runs."""
        return self._thread.is_alive()

    def stop(self, within: float) -> None:
        """Makes the clips whole that are being written."""
        self._leave()
        self._put(None)
        self._thread.join(within)

    def _put(self, job: Callable[[], None] | None) -> None:
        self._jobs.put((time.monotonic(), job))

    def _run(self) -> None:
        while True:
            try:
                now, job = self._jobs.get(timeout=0 if self._clips.is_behind else _TICK_S)
            except Empty:  # nothing waits: there is time for what is held
                now, job = time.monotonic(), self._clips.catch_up
            if job is None:
                self._try(self._clips.close)
                return
            self._try(job)
            # What was put later may be the next frame of a camera that seems silent by now.
            self._try(partial(self._clips.end_silent, now))

    def _try(self, job: Callable[[], None]) -> None:
        written = self._clips.written
        try:
            job()
        except Exception as error:  # whatever it is, there are months to go
            if not self._failing:
                _LOG.warning(
                    "clips: %s; no more about it until one is written again",
                    error,
                    exc_info=not isinstance(error, (EdgevidError, OSError)),
                )
            self._failing = True
        if self._failing and self._clips.written > written:
            self._failing = False
            _LOG.info("clips: written again")
