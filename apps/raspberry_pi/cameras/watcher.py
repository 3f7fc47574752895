"""The one thread that runs the model: each camera's newest frame, one after the other."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from apps.raspberry_pi.cameras.camera import Camera
from apps.raspberry_pi.cameras.features import Keeper
from apps.raspberry_pi.config import CameraConfig, Rules
from apps.raspberry_pi.hub import Hub
from edgevid import EdgevidError, Event, Frame, Model, Watch

if TYPE_CHECKING:
    from apps.raspberry_pi.archiver import Archiver

_LOG = logging.getLogger("edgevid.service")

Take = Callable[[str, Frame], None]


def open_watch(config: CameraConfig, rules: Rules, model: Model) -> Watch:
    """Returns the watch of one camera.

    Args:
        config: the camera's.
        rules: for all cameras; the camera's own go before them.
        model: shared.

    Raises:
        EdgevidError: a rule that makes no sense, or a label that the model lacks.
    """
    own = rules.under(config)
    stream = model.stream(
        memory=config.memory,
        allow=own.allow or (),
        deny=own.deny or (),
        fit=config.fit,
        crop=config.crop,
    )
    return Watch(stream, own.over(model.manifest), paced=True)


class Watcher:
    """Steps the newest frame of each camera and publishes what comes of it.

    Args:
        cameras: by name; started and stopped by someone else.
        watches: by the same names.
        hub: where to publish.
        take: called with each frame that was stepped, from the watcher's thread.
        keepers: of features, by the names of the cameras that have one.
        archiver: takes all steps; None where no archive is wanted.
    """

    def __init__(
        self,
        cameras: Mapping[str, Camera],
        watches: Mapping[str, Watch],
        hub: Hub,
        take: Take,
        keepers: Mapping[str, Keeper],
        archiver: Archiver | None = None,
    ) -> None:
        self._cameras = cameras
        self._watches = watches
        self._losses = dict.fromkeys(cameras, 0)
        self._hub = hub
        self._take = take
        self._keepers = keepers
        self._archiver = archiver

    def turn(self) -> int:
        """Takes each camera's newest frame, if there is one; returns how many there were."""
        stepped = 0
        for name, camera in self._cameras.items():
            losses, frame = camera.take()
            if losses != self._losses[name]:
                self._losses[name] = losses
                self._end(name)
            if frame is None:
                continue
            watch = self._watches[name]
            skipped = watch.skipped
            try:
                prediction, events = watch.take(frame)
            except EdgevidError as error:  # such as a crop that reaches past the picture
                camera.refuse(str(error))
                continue
            except Exception as error:  # such as too little memory: the others go on
                _LOG.exception("%s: a picture cannot be classified", name)
                camera.refuse(f"cannot be classified: {type(error).__name__}: {error}")
                continue
            if prediction is None:  # a frame between two ticks: capture sends none
                continue
            self._hub.record_step(name, frame, prediction, watch.skipped - skipped)
            self._take(name, frame)
            if name in self._keepers:
                self._keepers[name].add(watch.stream, frame.timestamp)
            if self._archiver is not None:
                self._archiver.take(name, watch.stream, prediction, events)
            self._publish(name, events)
            stepped += 1
        return stepped

    def close(self) -> None:
        """Ends what is going on in front of every camera."""
        for name in self._cameras:
            self._end(name)

    def _end(self, name: str) -> None:
        """Ends what is going on in front of a camera."""
        self._publish(name, self._watches[name].end())
        if name in self._keepers:
            self._keepers[name].end()
        if self._archiver is not None:
            self._archiver.end(name)

    def _publish(self, name: str, events: Iterable[Event]) -> None:
        for event in events:
            self._hub.bus.publish(name, event)
