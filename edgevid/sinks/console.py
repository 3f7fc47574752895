"""Events and a summary on the terminal."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import NoReturn, TextIO

from tqdm import tqdm

from edgevid.errors import OutputError
from edgevid.plain_text import readable
from edgevid.records import Event, Frame, Prediction, Summary
from edgevid.sinks.base import Sink
from edgevid.sources.base import Source
from edgevid.support import command

_MOST_PROBLEMS = 20  # told one by one at the end


class ConsoleSink(Sink):
    """Prints a line when an action starts or ends, and at the end how it went.

    On a terminal a file gets a progress bar as well. A reader that has gone is no error:
    ``is_open`` tells.

    Args:
        results: where the lines go; None keeps them back.
        messages: where the progress bar and the last lines go; standard error when None.
    """

    def __init__(self, results: TextIO | None = None, messages: TextIO | None = None) -> None:
        self.is_open = True
        self._results = results
        self._messages = messages or sys.stderr  # None where it is closed
        self._bar: tqdm[NoReturn] | None = None

    def start(self, source: Source) -> None:
        """Announces a clip or camera."""
        self._end_bar()
        name = readable(source.name)
        if self._messages and self._messages.isatty() and not source.is_live:
            self._bar = tqdm(
                total=source.length, desc=name, unit="frame", file=self._messages, leave=False
            )
        self._print(name)

    def take(self, frame: Frame, prediction: Prediction | None) -> None:
        """Moves the bar on, with the label that is on top."""
        if self._bar is None:
            return
        with suppress(OSError):
            if prediction is not None and prediction.scores:
                top = prediction.top
                self._bar.set_postfix_str(f"{top.label} {top.probability:.0%}", refresh=False)
            self._bar.update()

    def take_tracks(self, frame: Frame, predictions: Sequence[Prediction] | None) -> None:
        """Moves the bar on, with what is on top for the first that is followed."""
        self.take(frame, predictions[0] if predictions else None)

    def event(self, event: Event) -> None:
        """Says what started or ended, and how probable it was then."""
        sign = "+" if event.state == "start" else "-"
        line = f"{event.timestamp:8.1f} s  {sign} {event.label}  {event.probability:.0%}"
        if event.track is not None:
            line += f"  track {event.track}"
        if event.zone is not None:
            line += f" in {event.zone}"
        self._print(line)

    def finish(self, summary: Summary) -> None:
        """Says how it went, and what is missing."""
        self._end_bar()
        times = summary.inference_ms
        parts = [
            f"{summary.frames} frames",
            f"{summary.predictions} predictions",
            f"{times['p50']:.1f} ms each (p99 {times['p99']:.1f})",
            f"{summary.wall_s:.1f} s",
        ]
        if summary.saved is not None:
            parts.insert(2, f"{summary.saved} of them stood without a step")
        if summary.skipped_ticks:
            parts.insert(2, f"{summary.skipped_ticks} skipped for want of a frame in time")
        if summary.unreadable:
            parts.insert(1, f"{summary.unreadable} unreadable")
        self._tell(", ".join(parts))
        for found in summary.problems[:_MOST_PROBLEMS]:
            self._tell(readable(f"incomplete: {found.source}: {found.problem}"))
        if len(summary.problems) > _MOST_PROBLEMS:
            self._tell(f"incomplete: {len(summary.problems) - _MOST_PROBLEMS} more")

    def abandon(self) -> None:
        """Takes the bar away."""
        self._end_bar()

    def _print(self, line: str) -> None:
        if self._results is None or not self.is_open:
            return
        try:
            tqdm.write(readable(line), file=self._results)
            self._results.flush()
        except OSError as error:
            self.is_open = False
            command.let_go(self._results)
            if not isinstance(error, BrokenPipeError):
                reason = f"cannot be written any more: {error.strerror}"
                raise OutputError(f"standard output: {reason}") from error

    def _tell(self, line: str) -> None:
        if self._messages:
            with suppress(OSError):
                print(line, file=self._messages)

    def _end_bar(self) -> None:
        if self._bar is not None:
            with suppress(OSError):
                self._bar.close()
            self._bar = None
