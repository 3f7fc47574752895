"""Writes the archive of what all cameras show, in a thread of its own: ``[archive]``."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from queue import SimpleQueue

from apps.raspberry_pi.clock import unix_time
from apps.raspberry_pi.config import ArchiveConfig
from edgevid import EdgevidError, Event, Model, Prediction, Stream
from edgevid.archive.live import LiveArchive

_LOG = logging.getLogger("edgevid.service")

_WAITING = 3000  # steps while the disk hangs; more are left out
_AGAIN_S = 60.0  # between attempts to open an archive that could not be used


class Archiver:
    """Takes each camera's steps; a full disk stops no camera, and is told once.

    Args:
        config: where, how much, how long.
        model: shared by all cameras.
        name: the model's, as the config has it.
    """

    def __init__(self, config: ArchiveConfig, model: Model, name: str) -> None:
        self._config = config
        self._model = model
        self._name = name
        self._archive: LiveArchive | None = None
        self._tried = -_AGAIN_S
        self._failing = False
        self._jobs: SimpleQueue[Callable[[LiveArchive], None] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="archive", daemon=True)
        self._thread.start()

    def take(
        self, camera: str, stream: Stream, prediction: Prediction, events: Sequence[Event]
    ) -> None:
        """Takes the step that a camera's stream has just made."""
        if self._jobs.qsize() >= _WAITING:
            return
        features, at = stream.features, unix_time(prediction.timestamp)
        self._jobs.put(lambda archive: archive.add(camera, features, prediction, events, at))

    def end(self, camera: str) -> None:
        """What a camera shows next has nothing to do with what it showed before."""
        self._jobs.put(lambda archive: archive.end(camera))

    def is_alive(self) -> bool:
        """Whether its thread runs."""
        return self._thread.is_alive()

    def stop(self, within: float) -> None:
        """Writes what waits."""
        self._jobs.put(None)
        self._thread.join(within)

    def _run(self) -> None:
        while True:
            job = self._jobs.get()
            if job is None:
                if self._archive is not None:
                    self._try(LiveArchive.close)
                return
            self._try(job)

    def _try(self, job: Callable[[LiveArchive], None]) -> None:
        try:
            if self._archive is None:
                if time.monotonic() - self._tried < _AGAIN_S:
                    return
                self._tried = time.monotonic()
                self._archive = self._opened()
            job(self._archive)
        except Exception as error:  # whatever it is, there are months to go
            if not self._failing:
                known = isinstance(error, (EdgevidError, OSError))
                _LOG.error("archive: %s", error, exc_info=not known)
            self._failing = True
        else:
            if self._failing:
                _LOG.info("archive: written again")
            self._failing = False

    def _opened(self) -> LiveArchive:
        folder = self._config.folder
        assert folder is not None
        return LiveArchive(
            folder,
            self._model,
            self._name,
            budget_mb=self._config.budget_mb,
            days=self._config.days,
        )
