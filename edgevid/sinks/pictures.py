"""Labelled pictures: to a window, to a video file, or both, drawn once."""

from __future__ import annotations

from typing import Protocol

from edgevid.preprocess import Box
from edgevid.records import Event, Frame, Prediction, Summary
from edgevid.sinks.base import Sink
from edgevid.sinks.overlay import Picture, draw
from edgevid.sources.base import Source


class PictureOutput(Protocol):
    """Takes labelled pictures, one a frame."""

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

    def start(self, source: Source) -> None:
        """Forgets the last clip's prediction."""
        self._latest = None
        for output in self._outputs:
            output.start(source.fps)

    def take(self, frame: Frame, prediction: Prediction | None) -> None:
        """Labels one frame."""
        self._latest = prediction or self._latest
        picture = draw(frame, self._latest, crop=self._crop)
        for output in self._outputs:
            output.show(picture, frame.timestamp)

    def event(self, event: Event) -> None:
        """The picture shows what is probable, not what began."""

    def finish(self, summary: Summary) -> None:
        """Makes the outputs whole."""
        for output in self._outputs:
            output.finish()

    def abandon(self) -> None:
        """Takes unfinished files away."""
        for output in self._outputs:
            output.abandon()
