"""Watches one camera or clip: pace, stream and events."""

from __future__ import annotations

from typing import NamedTuple

from edgevid.modelfile.manifest import EventRules
from edgevid.records import Event, Frame, Prediction
from edgevid.runtime.events import EventDetector
from edgevid.runtime.gate import Gate
from edgevid.runtime.model import Stream
from edgevid.runtime.ticks import Ticks


class Seen(NamedTuple):
    """What one frame brought.

    Attributes:
        prediction: the model's, on a frame that falls on its clock; else None.
        events: what started or ended with it; what a jump in time ended comes first.
    """

    prediction: Prediction | None
    events: list[Event]


class Watch:
    """Pace, gate, stream and events together: the way of every frame, whatever it comes from.

    Args:
        stream: of the model; belongs to this watch.
        rules: when an action counts as started or ended; the model's own when None.
        fps: frames a second that the model is to see; the model's own when None.
        gated: where nothing in the picture changes, and what came before has settled, save the
            model's steps: the last prediction stands, with an ``inference_ms`` of 0. For live
            sources, whose device has better to do; what a file gives should not depend on it.
        paced: the frames were chosen by the model's clock before they came here, in the process
            that captures them for instance, and the ``index`` of each is its tick: all of them
            are for the model.

    Attributes:
        stream: as given.
        gated: as given; can be changed between two sources.
        saved: predictions, so far, that stood without a step.

    Example:
        >>> model = edgevid.load_model("camera-motion")
        >>> watch = edgevid.Watch(model.stream())
        >>> events = []
        >>> with edgevid.open_source("clip.mp4") as frames:
        ...     for frame in frames:
        ...         events += watch.take(frame).events
        >>> events += watch.end()
        >>> [event.label for event in events if event.state == "start"][:3]
        ['still', 'pan left', 'still']
    """

    def __init__(
        self,
        stream: Stream,
        rules: EventRules | None = None,
        *,
        fps: float | None = None,
        gated: bool = False,
        paced: bool = False,
    ) -> None:
        manifest = stream.model.manifest
        self.stream = stream
        self.gated = gated
        self.saved = 0
        self._gate = Gate(stream.memory_frames)
        self._latest: Prediction | None = None
        self._detector = EventDetector(rules or manifest.events)
        self._ticks = Ticks(fps or manifest.fps, paced=paced)

    @property
    def skipped(self) -> int:
        """Ticks of the model's clock, so far, that went by without a frame."""
        return self._ticks.skipped

    def take(self, frame: Frame) -> Seen:
        """Takes the next frame of the source.

        Where time jumps (back, or ten seconds and more ahead) it starts afresh, and warns.
        """
        ended = self.end() if self._ticks.jumps(frame) else []
        if not self._ticks.due(frame):
            return Seen(None, ended)
        prediction = self._predict(frame)
        return Seen(prediction, ended + self._detector.update(prediction))

    def _predict(self, frame: Frame) -> Prediction:
        if not self.gated:
            return self.stream.step(frame)
        if self._gate.passes(self.stream.view(frame.image)) or self._latest is None:
            self._latest = self.stream.step(frame)
            self._gate.note({score.label: score.probability for score in self._latest.scores})
            return self._latest
        self.saved += 1
        return Prediction(frame.timestamp, frame.index, self._latest.scores, 0.0)

    def end(self, *, reset: bool = True) -> list[Event]:
        """Ends what is going on, and returns it; what comes next has nothing to do with it.

        Args:
            reset: forget what the stream saw, too.
        """
        self._ticks.restart()
        self._gate.reset()
        if reset:
            self.stream.reset()
        return self._detector.close()

    def hand_over(self, successor: Watch) -> list[Event]:
        """Has another watch of the same source go on in its place; returns what ends with that.

        The clock goes on, so ticks that go by meanwhile count as skipped, and so does what the
        stream remembers, where both models are of one network.

        Args:
            successor: a watch that has taken no frame. This one must not be used again.
        """
        successor._ticks = self._ticks
        successor.saved = self.saved
        successor.stream.succeed(self.stream)
        return self._detector.close()
