"""The one thread that runs the model: each camera's newest frame, one after the other."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from apps.raspberry_pi.cameras.camera import Camera
from apps.raspberry_pi.cameras.drawing import Drawing
from apps.raspberry_pi.cameras.features import Keeper
from apps.raspberry_pi.cameras.mask import Mask
from apps.raspberry_pi.config import CameraConfig, Rules
from apps.raspberry_pi.hub import Hub
from edgevid import (
    EdgevidError,
    Event,
    FollowingWatch,
    Frame,
    Model,
    Prediction,
    Stream,
    UsageError,
    Watch,
    follow,
    parse_zones,
)

if TYPE_CHECKING:
    from apps.raspberry_pi.archiver import Archiver

_LOG = logging.getLogger("edgevid.service")

Take = Callable[[str, Frame], None]
AnyWatch = Watch | FollowingWatch


def followed(config: CameraConfig, model: Model, drawing: Drawing | None = None) -> str:
    """Returns what a camera follows, as ``edgevid.follow`` takes it; empty for the whole picture.

    What was chosen on the page goes before the config; where neither says anything, the model's
    examples decide, but for a camera of which something else says where it looks.
    """
    elsewhere = config.crop is not None or config.features is not None
    chosen = (drawing.follow if drawing else "") or config.follow
    what = chosen or ("" if elsewhere else model.manifest.follows)
    return "" if what == "none" else what


def open_watch(
    config: CameraConfig, rules: Rules, model: Model, drawing: Drawing | None = None
) -> AnyWatch:
    """Returns the watch of one camera.

    Args:
        config: the camera's.
        rules: for all cameras; the camera's own go before them.
        model: shared.
        drawing: what was drawn on its picture: goes before the config's zones, and what it follows.

    Raises:
        EdgevidError: a rule that makes no sense, a label that the model lacks, or no detector.
    """
    own = rules.under(config)
    told = own.over(model.manifest)

    def new_stream() -> Stream:
        return model.stream(
            memory=config.memory,
            allow=own.allow or (),
            deny=own.deny or (),
            fit=config.fit,
            crop=config.crop,
        )

    what = followed(config, model, drawing)
    if not what:
        drawn = drawing is not None and drawing.follow
        if not drawn and (config.zones or config.dwell is not None):
            raise UsageError("zones and dwell go with follow")
        return Watch(new_stream(), told, gated=not config.always, paced=True)
    if config.crop is not None:
        raise UsageError("crop and follow both say where to look: give one of them")
    if config.features is not None:
        raise UsageError("features are of the whole picture: they do not go with follow")
    return follow(
        what,
        new_stream,
        rules=told,
        gated=not config.always,
        paced=True,
        tracks=config.tracks,
        detector=config.detector,
        zones=drawing.zones if drawing else parse_zones(config.zones, config.zone_allow),
        dwell_s=config.dwell,
    )


class Watcher:
    """Steps the newest frame of each camera and publishes what comes of it.

    Args:
        cameras: by name; started and stopped by someone else.
        watches: by the same names.
        hub: where to publish.
        take: called with each frame that was stepped, from the watcher's thread.
        keepers: of features, by the names of the cameras that have one.
        archiver: takes all steps; None where no archive is wanted.
        masks: by the names of cameras: what the model does not get to see.
    """

    def __init__(
        self,
        cameras: Mapping[str, Camera],
        watches: Mapping[str, AnyWatch],
        hub: Hub,
        take: Take,
        keepers: Mapping[str, Keeper],
        archiver: Archiver | None = None,
        masks: Mapping[str, Mask] | None = None,
    ) -> None:
        self._masks = dict(masks or {})
        self._cameras = cameras
        self._watches = dict(watches)
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
            skipped, saved = watch.skipped, watch.saved
            try:
                mask = self._masks.get(name)
                seen = frame.changed(mask.hide) if mask else frame
                predictions, events = _take(watch, seen)
            except EdgevidError as error:  # such as a crop that reaches past the picture
                camera.refuse(str(error))
                continue
            except Exception as error:  # such as too little memory: the others go on
                _LOG.exception("%s: a picture cannot be classified", name)
                camera.refuse(f"cannot be classified: {type(error).__name__}: {error}")
                continue
            if predictions is None:  # a frame between two ticks: capture sends none
                continue
            self._hub.record_step(
                name,
                frame,
                predictions,
                skipped=watch.skipped - skipped,
                saved=watch.saved - saved,
            )
            self._take(name, frame)
            if isinstance(watch, Watch) and name in self._keepers:  # features of what is followed
                self._keepers[name].add(watch.stream, frame.timestamp)  # are in the archive alone
            if self._archiver is not None:
                self._archiver.take(name, watch, predictions, events, frame.timestamp)
            self._publish(name, events)
            stepped += 1
        return stepped

    def change(
        self, watches: Mapping[str, AnyWatch], masks: Mapping[str, Mask], reason: str
    ) -> None:
        """Has other watches go on in the places of those that there are; events end with that.

        Args:
            watches: of all cameras, in the same order; they have taken no frame.
            masks: in place of those that there are.
            reason: why the events end.
        """
        for name, successor in watches.items():
            watch = self._watches[name]
            ended = _hand_over(watch, successor)
            for event in ended:
                self._hub.bus.publish(name, event, reason)
            if self._archiver is not None:
                self._archiver.change(name, ended)
            self._watches[name] = successor
        self._masks = dict(masks)

    def close(self) -> None:
        """Ends what is going on in front of every camera."""
        for name in self._cameras:
            self._end(name)

    def _end(self, name: str) -> None:
        """Ends what is going on in front of a camera."""
        ended = self._watches[name].end()
        self._publish(name, ended)
        if name in self._keepers:
            self._keepers[name].end()
        if self._archiver is not None:
            self._archiver.end(name, ended)

    def _publish(self, name: str, events: Iterable[Event]) -> None:
        for event in events:
            self._hub.bus.publish(name, event)


def _hand_over(watch: AnyWatch, successor: AnyWatch) -> list[Event]:
    if isinstance(watch, FollowingWatch) and isinstance(successor, FollowingWatch):
        return watch.hand_over(successor)
    if isinstance(watch, Watch) and isinstance(successor, Watch):
        return watch.hand_over(successor)
    return watch.end()  # what one looks at is nothing to the other


def _take(watch: AnyWatch, frame: Frame) -> tuple[list[Prediction] | None, list[Event]]:
    """Gives a watch a frame; returns the predictions, None between two ticks, and the events."""
    if isinstance(watch, FollowingWatch):
        return watch.take(frame)
    prediction, events = watch.take(frame)
    return None if prediction is None else [prediction], events
