"""What a person at a terminal reads while it runs."""

from __future__ import annotations

import sys
from typing import NoReturn, TextIO

from tqdm import tqdm

from edgevid.records import Event, Frame, Prediction, Summary
from edgevid.sinks.base import Sink
from edgevid.sources.base import Source


class ConsoleSink(Sink):
    """Prints a line when an action starts or ends, and one line at the end.

    On a terminal a file gets a progress bar as well.

    Args:
        results: where the lines go; None keeps them back.
        messages: where the progress bar and the last line go.
    """

    def __init__(self, results: TextIO | None = None, messages: TextIO | None = None) -> None:
        self._results = results
        self._messages = messages or sys.stderr
        self._bar: tqdm[NoReturn] | None = None

    def start(self, source: Source) -> None:
        """Announces a clip or camera."""
        self._end_bar()
        if self._messages.isatty() and not source.is_live:
            self._bar = tqdm(
                total=source.length,
                desc=source.name,
                unit="frame",
                file=self._messages,
                leave=False,
            )
        self._print(source.name)

    def take(self, frame: Frame, prediction: Prediction | None) -> None:
        """Moves the bar on, with the label that is on top."""
        if self._bar is None:
            return
        if prediction is not None and prediction.scores:
            top = prediction.top
            self._bar.set_postfix_str(f"{top.label} {top.probability:.0%}", refresh=False)
        self._bar.update()

    def event(self, event: Event) -> None:
        """Says what started or ended, and how probable it was then."""
        sign = "+" if event.state == "start" else "-"
        self._print(f"{event.timestamp:8.1f} s  {sign} {event.label}  {event.probability:.0%}")

    def finish(self, summary: Summary) -> None:
        """Says how it went."""
        self._end_bar()
        times = summary.inference_ms
        parts = [
            f"{summary.frames} frames",
            f"{summary.predictions} predictions",
            f"{times['p50']:.1f} ms each (p99 {times['p99']:.1f})",
            f"{summary.wall_s:.1f} s",
        ]
        if summary.skipped_ticks:
            parts.insert(2, f"{summary.skipped_ticks} skipped for want of a frame in time")
        if summary.unreadable:
            parts.insert(1, f"{summary.unreadable} unreadable")
        print(", ".join(parts), file=self._messages)

    def abandon(self) -> None:
        """Takes the bar away."""
        self._end_bar()

    def _print(self, line: str) -> None:
        if self._results is not None:
            tqdm.write(line, file=self._results)
            self._results.flush()

    def _end_bar(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None
