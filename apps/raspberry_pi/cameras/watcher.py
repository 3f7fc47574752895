"""The one thread that runs the model: each camera's newest frame, one after the other."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

from apps.raspberry_pi.cameras.camera import Camera
from apps.raspberry_pi.config import CameraConfig, Rules
from apps.raspberry_pi.hub import Hub
from edgevid import EdgevidError, Event, EventDetector, Frame, Model, Pace, Prediction

_LOG = logging.getLogger("edgevid.service")

_FOLLOWED = 5  # labels a step that events are made from

Take = Callable[[str, Frame], None]


class Watch:
    """One camera's stream through the model, and the events in it.

    Args:
        config: the camera's.
        rules: for all cameras; the camera's own go before them.
        model: shared.

    Raises:
        EdgevidError: a rule that makes no sense, or a label that the model lacks.
    """

    def __init__(self, config: CameraConfig, rules: Rules, model: Model) -> None:
        own = rules.under(config)
        told = own.over(model.manifest)
        gated = not config.always

        def new_stream() -> Stream:
            return model.stream(
                memory=config.memory,
                top_k=_FOLLOWED,
                allow=own.allow or (),
                deny=own.deny or (),
                fit=config.fit,
                crop=config.crop,
            )

        # Capture chooses the frames by the same clock.
        self._watch: edgevid.Watch | FollowingWatch
        if config.follow is None:
            if config.zones or config.dwell:
                raise UsageError("zones and dwell go with follow")
            self._watch = edgevid.Watch(new_stream(), told, gated=gated, paced=False)
        elif config.crop is not None:
            raise UsageError("crop and follow both say where to look: give one of them")
        else:
            self._watch = follow(
                config.follow,
                new_stream,
                rules=told,
                gated=gated,
                paced=False,
                tracks=config.tracks,
                detector=config.detector,
                zones=parse_zones(config.zones, config.zone_allow),
                dwell_s=config.dwell,
            )

    def step(self, frame: Frame) -> Step:
        """Takes a frame; returns what it shows, and what began or ended."""
        before, saved = self._watch.skipped, self._watch.saved
        seen = self._watch.take(frame)
        if isinstance(seen, Seen):
            predictions = [seen.prediction] if seen.prediction is not None else []
        else:
            predictions = seen.predictions or []
        return Step(
            predictions, seen.events, self._watch.skipped - before, self._watch.saved - saved
        )

    def end(self) -> list[Event]:
        """Forgets what the camera saw; returns what ended with it."""
        return self._watch.end()


class Watcher:
    """Steps the newest frame of each camera and publishes what comes of it.

    Args:
        cameras: by name; started and stopped by someone else.
        watches: by the same names.
        hub: where to publish.
        take: called with each frame that was stepped, from the watcher's thread.
    """

    def __init__(
        self, cameras: Mapping[str, Camera], watches: Mapping[str, Watch], hub: Hub, take: Take
    ) -> None:
        self._cameras = cameras
        self._watches = watches
        self._losses = dict.fromkeys(cameras, 0)
        self._hub = hub
        self._take = take

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
            try:
                prediction, events, skipped = self._watches[name].step(frame)
            except EdgevidError as error:  # such as a crop that reaches past the picture
                camera.refuse(str(error))
                continue
            except Exception as error:  # such as too little memory: the others go on
                _LOG.exception("%s: a picture cannot be classified", name)
                camera.refuse(f"cannot be classified: {type(error).__name__}: {error}")
                continue
            self._hub.stepped(name, frame, prediction, skipped)
            self._take(name, frame)
            for event in events:
                self._hub.happened(name, event)
            stepped += 1
        return stepped

    def close(self) -> None:
        """Ends what is going on in front of every camera."""
        for name in self._cameras:
            self._end(name)

    def _end(self, name: str) -> None:
        """Ends what is going on in front of a camera."""
        for event in self._watches[name].end():
            self._hub.happened(name, event)
