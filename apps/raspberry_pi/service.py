"""The service: cameras, the watcher, and the parts that listen, from start to end."""

from __future__ import annotations

import ctypes
import gc
import logging
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from queue import SimpleQueue
from typing import TYPE_CHECKING, Protocol

from apps.raspberry_pi import log
from apps.raspberry_pi.cameras.camera import Camera
from apps.raspberry_pi.cameras.capture import Order
from apps.raspberry_pi.cameras.drawing import Drawing
from apps.raspberry_pi.cameras.features import open_keepers
from apps.raspberry_pi.cameras.mask import Mask
from apps.raspberry_pi.cameras.watcher import AnyWatch, Take, Watcher, followed, open_watch
from apps.raspberry_pi.config import CameraConfig, Config
from apps.raspberry_pi.hub import Hub
from apps.raspberry_pi.notify import Notifier
from apps.raspberry_pi.status import State
from edgevid import EdgevidError, Model, UsageError

if TYPE_CHECKING:
    from apps.raspberry_pi.archiver import Archiver

_LOG = logging.getLogger("edgevid.service")

_TURN_S = 0.2  # the longest that a turn waits for a frame; a signal is noticed as soon
_TEND_S = 1.0  # how often it is seen to that every thread is there
# Systemd and people expect an end within two seconds of being told.
_PARTS_END_S = 1.2
_CAMERAS_END_S = 0.3  # beyond that
_CHANGE_S = 10.0  # until another model watches; a turn takes milliseconds


class Part(Protocol):
    """What runs beside the watcher, in threads of its own: MQTT, the page, the clips."""

    def is_alive(self) -> bool:
        """Whether the threads run that must."""

    def stop(self, within: float) -> None:
        """Writes out what is held, in so many seconds; comes after the last event."""


def stop_all(parts: Sequence[Part]) -> None:
    """Stops every part, whatever becomes of the others; all at once, since each may take time."""
    deadline = time.monotonic() + _PARTS_END_S
    ending = []
    for part in parts:
        thread = threading.Thread(target=_stop, args=(part,), name=f"end of {part}", daemon=True)
        try:
            thread.start()
            ending.append((part, thread))
        except RuntimeError:  # the system has no thread left
            _stop(part)
    for part, thread in ending:
        thread.join(max(0.0, deadline - time.monotonic()))
        if thread.is_alive():
            _LOG.error("%s: does not end in time", type(part).__name__)


def _stop(part: Part) -> None:
    try:
        part.stop(_PARTS_END_S)
    except Exception:
        _LOG.exception("could not be stopped: %s", part)


class Service:
    """Watches until it is told to stop.

    Args:
        config: the whole of it.
        model: shared by all cameras.
        hub: where everything is published.
        take: called with each frame that the model has seen.
        speed: of cameras that are files, how many times as fast as they were taken.
        archiver: takes each step; None where no archive is wanted.
        every_second: called about as often, from the watcher's thread.
        drawings: zones and masks by the names of cameras, in place of the config's zones.
        off: the cameras that are to rest until ``watch`` is called.

    Raises:
        UsageError: a camera's settings do not fit the model.
    """

    def __init__(
        self,
        config: Config,
        model: Model,
        hub: Hub,
        take: Take,
        *,
        speed: float = 1.0,
        archiver: Archiver | None = None,
        every_second: Callable[[], object] = lambda: None,
        drawings: Mapping[str, Drawing] | None = None,
        off: Collection[str] = (),
    ) -> None:
        self._config = config
        self._model = model
        self._drawings = dict(drawings or {})
        self._changes: SimpleQueue[tuple[Callable[[], None], threading.Event]] = SimpleQueue()
        self._changing = threading.Lock()
        self._settings = config.service
        self._hub = hub
        self._arrived = threading.Event()
        self._stopping = False
        self._failure: EdgevidError | None = None
        self._stepped = self._tended = time.monotonic()
        self._every_second = every_second
        self._notifier = Notifier()
        fps = model.manifest.fps
        watches = self._first_watches()
        self._cameras = {
            camera.name: Camera(
                camera.name,
                Order(camera.source, fps, camera.rotate, camera.mirror, speed),
                stall=config.service.stall,
                longest_wait=config.service.longest_wait,
                set_state=self._set_state(camera.name),
                arrived=self._arrived.set,
                on=camera.name not in off,
            )
            for camera in config.cameras
        }
        for name in self._cameras:
            hub.status.set_watching(name, name not in off)
        self._keepers = open_keepers(config.cameras, model)
        self._archiver = archiver
        self._watcher = Watcher(
            self._cameras, watches, hub, take, self._keepers, archiver, _masks(self._drawings)
        )

    @property
    def model(self) -> Model:
        """The model that watches."""
        return self._model

    def following(self) -> dict[str, str]:
        """Returns what each camera follows: ``motion``, ``people``, or nothing."""
        return {
            camera.name: followed(camera, self._model, self._drawings.get(camera.name))
            for camera in self._config.cameras
        }

    def watch(self, camera: str, on: bool) -> None:
        """Has a camera watch, or rest. From any thread.

        Raises:
            KeyError: there is none of that name.
        """
        self._hub.status.set_watching(camera, on)
        self._cameras[camera].watch(on)

    def use(self, model: Model, reason: str) -> None:
        """Has another model watch, between two frames: cameras and clock go on. From any thread.

        Args:
            model: in place of the one that runs.
            reason: why events end that are going on.

        Raises:
            UsageError: a camera's settings do not fit it; then nothing is changed.
            EdgevidError: the service does not take it.
        """
        with self._changing:
            watches = _watches(self._config, model, self._drawings)

            def change() -> None:
                self._model = model
                self._watcher.change(watches, _masks(self._drawings), reason)
                for keeper in self._keepers.values():
                    keeper.use(model)
                if self._archiver is not None:
                    self._archiver.use(model)
                self._hub.status.model = model.manifest.name

            self._between_frames(change)
        _give_memory_back()

    def draw(self, drawings: Mapping[str, Drawing], reason: str) -> None:
        """Has other zones and masks count. From any thread; see ``use``."""
        with self._changing:
            watches = _watches(self._config, self._model, drawings)

            def change() -> None:
                self._drawings = dict(drawings)
                self._watcher.change(watches, _masks(drawings), reason)

            self._between_frames(change)

    def _first_watches(self) -> dict[str, AnyWatch]:
        """Returns the watches of the start.

        What was chosen on the page may not be possible any more, such as people whose detector
        cannot be fetched again: that must not keep a service from starting.
        """
        try:
            return _watches(self._config, self._model, self._drawings)
        except EdgevidError as error:
            if not any(drawing.follow for drawing in self._drawings.values()):
                raise
            _LOG.error("followed is what edgevid.toml says, not what was chosen: %s", error)
            self._drawings = {
                name: replace(drawing, follow="") for name, drawing in self._drawings.items()
            }
            return _watches(self._config, self._model, self._drawings)

    def _between_frames(self, change: Callable[[], None]) -> None:
        done = threading.Event()
        self._changes.put((change, done))
        self._arrived.set()
        if not done.wait(_CHANGE_S):
            raise EdgevidError("the watching does not take the change now: try again")

    def stop(self) -> None:
        """Has ``run`` end soon. Can be called from a signal handler: it takes no lock."""
        self._stopping = True

    def fail(self, error: EdgevidError) -> None:
        """Has ``run`` end soon, with an error. From any thread."""
        self._failure = error
        self._stopping = True

    def run(self, parts: Sequence[Part] = ()) -> None:
        """Watches until ``stop``, then has the parts write out what they hold.

        Args:
            parts: already started.

        Raises:
            EdgevidError: what ``fail`` was given, or one of them has ended by itself: all is to be
                started anew.
        """
        for camera in self._cameras.values():
            camera.start()
        self._notifier.say("READY=1")
        try:
            while not self._stopping:
                self._arrived.wait(_TURN_S)
                self._arrived.clear()
                self._change()
                if self._watcher.turn():
                    self._stepped = time.monotonic()
                if time.monotonic() - self._tended > _TEND_S:
                    self._tended = time.monotonic()
                    self._tend(parts)
                if self._frames_come():
                    self._notifier.ping()
        except BaseException:
            self._hub.status.problem = self._hub.status.problem or "the watching has ended"
            raise
        finally:
            self._end(parts)
        if self._failure is not None:
            raise self._failure

    def _change(self) -> None:
        while not self._changes.empty():
            change, done = self._changes.get()
            change()
            done.set()

    def _tend(self, parts: Sequence[Part]) -> None:
        """Sees to it that all is there which should be.

        A camera's thread is started anew. What another part had in hand when its thread died
        nobody knows: all ends in order, and systemd starts it again.
        """
        for camera in self._cameras.values():
            camera.tend()
        for part in parts:
            if not part.is_alive():
                problem = f"{type(part).__name__} has ended unexpectedly"
                self._hub.status.problem = problem
                raise EdgevidError(f"{problem}: the service ends, to be started again")
        self._every_second()

    def _end(self, parts: Sequence[Part]) -> None:
        self._notifier.say("STOPPING=1")
        for camera in self._cameras.values():
            camera.stop()
        self._watcher.close()
        deadline = time.monotonic() + _PARTS_END_S + _CAMERAS_END_S
        stop_all(parts)
        for camera in self._cameras.values():
            camera.join(max(0.0, deadline - time.monotonic()))

    def _frames_come(self) -> bool:
        """Whether the watchdog is to be told that all is well.

        A camera that is away is no reason to stop the others, and to be opened again it needs no
        restart. Only when none has given a frame for long, a restart may help.
        """
        longest = self._settings.restart_after
        if not any(camera.watching for camera in self._hub.status.cameras()):
            self._stepped = time.monotonic()
        return not longest or time.monotonic() - self._stepped < longest

    def _set_state(self, name: str) -> Callable[[State, str], None]:
        def set_state(state: State, problem: str) -> None:
            if self._hub.status.set_state(name, state, problem):
                _LOG.log(
                    logging.WARNING if state == "lost" else logging.INFO,
                    "%s: %s%s",
                    name,
                    state,
                    f": {problem}" if problem else "",
                    extra=log.NEWS,
                )

        return set_state


def _give_memory_back() -> None:
    """Has the system get what another model has left.

    It hangs in a cycle of references, what LiteRT holds looks small to Python, and glibc keeps
    what is freed: without this, 25 MB.
    """
    gc.collect()
    with suppress(OSError, AttributeError):  # glibc alone has it
        ctypes.CDLL(None).malloc_trim(0)


def _watches(config: Config, model: Model, drawings: Mapping[str, Drawing]) -> dict[str, AnyWatch]:
    return {
        camera.name: _watch(camera, config, model, drawings.get(camera.name))
        for camera in config.cameras
    }


def _masks(drawings: Mapping[str, Drawing]) -> dict[str, Mask]:
    return {name: Mask(drawing.masks) for name, drawing in drawings.items() if drawing.masks}


def _watch(camera: CameraConfig, config: Config, model: Model, drawing: Drawing | None) -> AnyWatch:
    try:
        return open_watch(camera, config.events, model, drawing)
    except EdgevidError as error:
        problem = str(error).removeprefix("manifest: ")  # whose rules were right
        raise UsageError(f"camera {camera.name}: {problem}") from error
