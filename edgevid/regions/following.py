"""Watches several parts of one picture, each with a stream of its own."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from edgevid.errors import UsageError
from edgevid.modelfile.manifest import EventRules
from edgevid.records import Box, Event, Frame, Prediction
from edgevid.regions.boxes import grown, inside
from edgevid.regions.square import Square
from edgevid.regions.zones import Visit, Zone
from edgevid.runtime.events import EventDetector
from edgevid.runtime.gate import Gate
from edgevid.runtime.model import Stream
from edgevid.runtime.scenes import CUT, SceneWatch
from edgevid.runtime.ticks import Ticks

if TYPE_CHECKING:  # these load OpenCV
    from edgevid.regions.finder import Finder
    from edgevid.regions.tracker import Track

_LOG = logging.getLogger("edgevid")


class Followed(NamedTuple):
    """What one frame brought.

    Attributes:
        predictions: on a frame that falls on the model's clock one for each track, which may be
            none; else None.
        events: what started or ended with it; what a jump in time ended comes first.
    """

    predictions: list[Prediction] | None
    events: list[Event]


@dataclass(slots=True)
class _TrackStream:
    """One track's stream, and what is known of it."""

    track: Track
    stream: Stream
    detector: EventDetector
    visit: Visit
    square: Square
    latest: Prediction | None = None
    box: Box = (0, 0, 1, 1)


class FollowingWatch:
    """Watches several things at once: pace, gate, regions, and for each a stream and its events.

    Args:
        new_stream: starts a stream of the model, one for each track.
        finder: finds what is to be followed.
        rules: when an action counts as started or ended; the model's own when None.
        fps: frames a second that the model is to see; the model's own when None.
        gated: as in ``edgevid.Watch``.
        paced: as in ``edgevid.Watch``.
        zones: parts of the picture that events shall name.
        dwell_s: seconds after which it is an event that something stays in a zone, or before the
            camera where there are none; None for never.

    Attributes:
        gated: as given; can be changed between two sources.
        saved: predictions, so far, that stood without a step.
        passed_over: things, so far at most at a time, for which there was no track left.

    Example:
        >>> from edgevid.regions.finder import ByMotion
        >>> model = edgevid.load_model("camera-motion")
        >>> watch = edgevid.FollowingWatch(model.stream, ByMotion(most=4))
        >>> with edgevid.open_source("clip.mp4") as frames:
        ...     said = [watch.take(frame).predictions for frame in frames]
        >>> first = next(predictions for predictions in said if predictions)
        >>> first[0].track, len(first[0].box)
        (1, 4)
    """

    def __init__(
        self,
        new_stream: Callable[[], Stream],
        finder: Finder,
        rules: EventRules | None = None,
        *,
        fps: float | None = None,
        gated: bool = False,
        paced: bool = False,
        zones: Sequence[Zone] = (),
        dwell_s: float | None = None,
    ) -> None:
        self._zones = tuple(zones)
        self._dwell_s = dwell_s
        self._spare = new_stream()  # shows at once whether a stream can be had
        manifest = self._spare.model.manifest
        self.gated = gated
        self.saved = 0
        self.passed_over = 0
        self._new_stream = new_stream
        self._finder = finder
        self._rules = rules or manifest.events
        fps = fps or manifest.fps
        self._ticks = Ticks(fps, paced=paced)
        self._gate = Gate(self._spare.memory_frames)
        self._scenes = SceneWatch(fps)
        self._last = math.nan  # seconds, of the last tick
        self._followed: dict[int, _TrackStream] = {}

    @property
    def skipped(self) -> int:
        """Ticks of the model's clock, so far, that went by without a frame."""
        return self._ticks.skipped

    def take(self, frame: Frame) -> Followed:
        """Takes the next frame of the source.

        Where time jumps (back, or ten seconds and more ahead) it starts afresh, and warns.
        """
        ended = self.end() if self._ticks.jumps(frame) else []
        if not self._ticks.due(frame):
            return Followed(None, ended)
        image = frame.image
        was_open = self._gate.is_open
        if self.gated and not self._gate.passes(image):
            predictions = self._standing(frame)
        else:
            ended += self._look(frame, image, anew=not was_open)
            predictions = [self._step(one, frame, image) for one in self._followed.values()]
            if self.gated:
                self._gate.note(
                    {
                        f"{prediction.track} {score.label}": score.probability
                        for prediction in predictions
                        for score in prediction.scores
                    }
                )
        self._last = frame.timestamp
        for prediction, one in zip(predictions, self._followed.values(), strict=True):
            ended += _of(one, one.visit.move(one.box, frame.timestamp))
            ended += _told(one, one.detector.update(prediction))
        return Followed(predictions, ended)

    def features(self, track: int) -> NDArray[np.float32]:
        """Returns what the network knew of the last frame of a track, as ``Stream.features``.

        Args:
            track: the number of one that the last predictions are of.

        Raises:
            UsageError: no such track is followed now, or the model gives no features.
        """
        if track not in self._followed:
            raise UsageError(f"there is no track {track} now")
        return self._followed[track].stream.features

    def end(self, *, reset: bool = True) -> list[Event]:
        """Ends what is going on, and returns it; what comes next has nothing to do with it.

        Args:
            reset: as in ``edgevid.Watch``, whose place this takes; tracks end in any case.
        """
        self._ticks.restart()
        self._gate.reset()
        ended = self._forget()
        self._last = math.nan
        return ended

    def hand_over(self, successor: FollowingWatch) -> list[Event]:
        """Has another watch go on in its place, as ``edgevid.Watch`` does; tracks end.

        What the finder knows of the place goes on, unless the other finds by other means or shows
        another part of it.
        """
        ended = self._drop(set())
        successor._ticks, successor.saved = self._ticks, self.saved
        mine, other = self._finder, successor._finder
        if type(other) is type(mine) and other.view == mine.view:
            successor._finder = mine
        successor._scenes = self._scenes
        successor.passed_over = self.passed_over
        return ended

    def _forget(self) -> list[Event]:
        """Forgets the scene; returns what ended with it."""
        self._finder.reset()
        self._scenes.seen.clear()
        return self._drop(set())

    def _look(self, frame: Frame, image: NDArray[np.uint8], *, anew: bool) -> list[Event]:
        """Finds out what is where; returns what ended with a track."""
        ended: list[Event] = []
        if self._scenes.look(image) == CUT:
            ended += self._forget()
        seconds = 0.0 if math.isnan(self._last) else frame.timestamp - self._last
        self._finder.take(image, seconds, anew=anew)
        tracker = self._finder.tracker
        if tracker.passed_over and not self.passed_over:
            _LOG.warning(
                "more than %d to follow at a time, at %.1f s: the smaller ones are passed over",
                len(tracker.tracks),
                frame.timestamp,
            )
        self.passed_over = max(self.passed_over, tracker.passed_over)
        ended += self._drop({track.number for track in tracker.tracks})
        for track in tracker.tracks:
            if track.number not in self._followed:
                self._followed[track.number] = _TrackStream(
                    track,
                    self._new_stream(),
                    EventDetector(self._rules),
                    Visit(self._zones, self._dwell_s),
                    Square(self._finder.view),
                )
        return ended

    def _drop(self, kept: set[int]) -> list[Event]:
        """Lets go of all tracks but these; returns what ended with them."""
        ended = []
        for number in [number for number in self._followed if number not in kept]:
            one = self._followed.pop(number)
            ended += _told(one, one.detector.close())
            ended += _of(one, one.visit.leave(self._last))
        return ended

    def _step(self, one: _TrackStream, frame: Frame, image: NDArray[np.uint8]) -> Prediction:
        height, width = image.shape[:2]
        tracks = [other.track for other in self._followed.values()]
        x, y, side, _ = one.square.show(one.track, tracks, (width, height))
        view = image[y : y + side, x : x + side]
        one.box = inside(grown(one.track.box, self._finder.margin), width, height)
        said = one.stream.step(Frame(view, frame.timestamp, frame.index))
        one.latest = replace(said, track=one.track.number, box=one.box)
        return one.latest

    def _standing(self, frame: Frame) -> list[Prediction]:
        predictions = [
            replace(one.latest, timestamp=frame.timestamp, index=frame.index, inference_ms=0.0)
            for one in self._followed.values()
            if one.latest is not None
        ]
        self.saved += len(predictions)
        return predictions


def _told(one: _TrackStream, events: list[Event]) -> list[Event]:
    """Returns the actions that are to be told where they happened."""
    return _of(one, [event for event in events if one.visit.tell(event)])


def _of(one: _TrackStream, events: list[Event]) -> list[Event]:
    """Says whose events these are, and where."""
    return [
        replace(event, track=one.track.number, box=one.box, zone=event.zone or one.visit.zone)
        for event in events
    ]
