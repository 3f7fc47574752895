"""Labelled pictures: to a window, to a video file, or both, drawn once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from edgevid.errors import OutputError
from edgevid.records import Box, Event, Frame, Prediction, Summary
from edgevid.sinks.base import Sink
from edgevid.sinks.overlay import Picture, draw
from edgevid.sources.base import Source


class PictureOutput(Protocol):
    """Takes labelled pictures, one a frame. Fails as a ``Sink`` does.

    Attributes:
        is_open: whether it still takes anything.
    """

    is_open: bool

    def start(self, fps: float | None) -> None:
        """A clip or camera of this nominal rate begins."""

    def show(self, picture: Picture, timestamp: float) -> None:
        """Takes the next picture: BGR, and when it was in seconds."""

    def finish(self) -> None:
        """All is done."""

    def abandon(self) -> None:
        """Nothing came of it."""


class PictureSink(Sink):
    """Draws the latest prediction into every frame and hands the picture to its outputs.

    Args:
        outputs: a window, a video file, or both.
        crop: the part that the model looks at, to be outlined.
    """

    def __init__(self, outputs: list[PictureOutput], *, crop: Box | None = None) -> None:
        self._outputs = outputs
        self._crop = crop
        self._latest: Prediction | None = None
        self._tracks: Sequence[Prediction] = ()

    @property
    def is_open(self) -> bool:  # type: ignore[override]
        """Whether one of the outputs still takes anything."""
        return any(output.is_open for output in self._outputs)

    def start(self, source: Source) -> None:
        """Forgets the last clip's prediction."""
        self._latest, self._tracks = None, ()
        self._each(lambda output: output.start(source.fps))

    def take(self, frame: Frame, prediction: Prediction | None) -> None:
        """Labels one frame."""
        self._latest = prediction or self._latest
        if self.is_open:
            picture = draw(frame, self._latest, crop=self._crop)
            self._each(lambda output: output.show(picture, frame.timestamp))

    def take_tracks(self, frame: Frame, predictions: Sequence[Prediction] | None) -> None:
        """Labels what is followed in one frame."""
        self._tracks = self._tracks if predictions is None else predictions
        if self.is_open:
            picture = draw(frame, None, tracks=self._tracks)
            self._each(lambda output: output.show(picture, frame.timestamp))

    def event(self, event: Event) -> None:
        """The picture shows what is probable, not what began."""

    def finish(self, summary: Summary) -> None:
        """Makes the outputs whole."""
        self._each(lambda output: output.finish())

    def abandon(self) -> None:
        """Takes unfinished files away."""
        for output in self._outputs:
            output.abandon()

    def _each(self, give: Callable[[PictureOutput], None]) -> None:
        """Gives all outputs their turn, though one of them fails."""
        failure: OutputError | None = None
        for output in self._outputs:
            try:
                give(output)
            except OutputError as error:
                failure = error
        if failure is not None:
            raise failure
