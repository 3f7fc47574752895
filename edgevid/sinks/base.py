"""The interface of all sinks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from edgevid.records import Event, Frame, Prediction, Summary
from edgevid.sources.base import Source


class Sink(Protocol):
    """Takes what a run gives: pictures, predictions, and at the end how it went.

    One that cannot write any more makes whole what it has, raises ``OutputError`` once, and
    passes over what comes after.

    Attributes:
        is_open: whether it still takes anything.

    Example:
        >>> class Counter(edgevid.Sink):
        ...     is_open, seen = True, 0
        ...     def take(self, frame, prediction):
        ...         self.seen += prediction is not None
        >>> counter = Counter()
        >>> counter.take(edgevid.Frame(np.zeros((48, 64, 3), np.uint8), 0.0, 0), None)
        >>> counter.seen
        0
    """

    is_open: bool

    def start(self, source: Source) -> None:
        """A clip or camera begins."""

    def take(self, frame: Frame, prediction: Prediction | None) -> None:
        """A frame passed; the prediction that was made on it, if one was."""

    def take_tracks(self, frame: Frame, predictions: Sequence[Prediction] | None) -> None:
        """A frame passed where several things are followed.

        Unless a sink does something else, each of them is taken by itself.

        Args:
            frame: the picture.
            predictions: those that were made on it, one for each track; None where it does not
                fall on the model's clock.
        """
        if not predictions:
            self.take(frame, None)
        for prediction in predictions or ():
            self.take(frame, prediction)

    def event(self, event: Event) -> None:
        """An action started or ended. Comes after the prediction that made it certain."""

    def finish(self, summary: Summary) -> None:
        """All is done: whatever was written becomes whole."""

    def abandon(self) -> None:
        """Nothing came of it: whatever was written goes away. Harmless after ``finish``."""
