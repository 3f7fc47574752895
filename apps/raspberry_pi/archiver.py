"""Writes the archive of what all cameras show, in a thread of its own: ``[archive]``."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from queue import SimpleQueue

import numpy as np
from numpy.typing import NDArray

from apps.raspberry_pi.clock import unix_time
from apps.raspberry_pi.config import ArchiveConfig
from edgevid import EdgevidError, Event, FollowingWatch, Model, Prediction, Watch
from edgevid.archive.live import LiveArchive

_LOG = logging.getLogger("edgevid.service")

_WAITING = 3000  # rows while the disk hangs; more are left out
_AGAIN_S = 60.0  # between attempts to open an archive that could not be used


class Archiver:
    """Takes each camera's steps; a full disk stops no camera, and is told once.

    What is given to it comes from one thread, the watcher's.

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
        self._taken = self._done = 0  # rows; each is counted by one thread alone
        self._jobs: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="archive", daemon=True)
        self._thread.start()

    def take(
        self,
        camera: str,
        watch: Watch | FollowingWatch,
        predictions: Sequence[Prediction],
        events: Sequence[Event],
        timestamp: float,
    ) -> None:
        """Takes the step that a camera's watch has just made.

        Args:
            camera: its name.
            watch: what made it.
            predictions: of the whole picture one, or one of each track, of which there may be none.
            events: what started or ended with it.
            timestamp: of the frame, on the monotonic clock.
        """
        if self._taken - self._done >= _WAITING:
            return
        seen = [(said, _features(watch, said)) for said in predictions]
        at, rows = unix_time(timestamp), max(1, len(seen))
        self._taken += rows

        def add() -> None:
            self._done += rows
            self._try(lambda archive: archive.add(camera, seen, events, at))

        self._jobs.put(add)

    def end(self, camera: str, events: Sequence[Event]) -> None:
        """What a camera shows next has nothing to do with what it showed before.

        Args:
            camera: its name.
            events: what ended with that.
        """
        self._jobs.put(lambda: self._try(lambda archive: archive.end(camera, events)))

    def change(self, camera: str, events: Sequence[Event]) -> None:
        """Another watch looks through a camera: the numbers of its tracks may begin anew.

        Args:
            camera: its name.
            events: what ended with that.
        """

        def change(archive: LiveArchive) -> None:
            archive.end(camera, events)
            archive.write(camera)

        self._jobs.put(lambda: self._try(change))

    def use(self, model: Model) -> None:
        """Another model runs from now on; features of another network come into no archive."""

        def use() -> None:
            if self._archive is not None:
                self._try(LiveArchive.close)
            self._archive, self._model, self._tried = None, model, -_AGAIN_S

        self._jobs.put(use)

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
            job()

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


def _features(watch: Watch | FollowingWatch, said: Prediction) -> NDArray[np.float32]:
    """Returns what the network knew when it said something."""
    if isinstance(watch, FollowingWatch):
        assert said.track is not None
        return watch.features(said.track)
    return watch.stream.features
