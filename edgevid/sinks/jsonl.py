"""Predictions and events as JSON Lines, one object a line."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any, TextIO

from edgevid.errors import OutputError
from edgevid.records import Event, Frame, Prediction, Summary
from edgevid.sinks.base import Sink
from edgevid.sources.base import Source
from edgevid.whole_file import WholeFile


class JsonLinesSink(Sink):
    """Writes each prediction, each event and the final summary to a file, or to standard output.

    Each line is flushed when it is written: a program at the other end of a pipe sees it at once.

    Args:
        path: the file; ``-`` for standard output.

    Raises:
        OutputError: the file cannot be written.
    """

    def __init__(self, path: str) -> None:
        self._whole = WholeFile(Path(path)) if path != "-" else None
        self._file: TextIO = (
            self._whole.path.open("w", encoding="utf-8") if self._whole else sys.stdout
        )
        self._source = ""

    def start(self, source: Source) -> None:
        """Notes the name that goes with the predictions to come."""
        self._source = source.name

    def take(self, frame: Frame, prediction: Prediction | None) -> None:
        """Writes a line for each model step."""
        if prediction is not None:
            self._write(
                {
                    "type": "prediction",
                    "source": self._source,
                    "index": prediction.index,
                    "timestamp": round(prediction.timestamp, 6),
                    "scores": [asdict(score) for score in prediction.scores],
                    "inference_ms": round(prediction.inference_ms, 3),
                }
            )

    def event(self, event: Event) -> None:
        """Writes a line for each start and end of an action."""
        self._write({"type": "event", "source": self._source, **asdict(event)})

    def finish(self, summary: Summary) -> None:
        """Writes the summary and gives the file its name."""
        self._write({"type": "summary", **asdict(summary)})
        if self._whole:
            self._file.close()
            self._whole.keep()

    def abandon(self) -> None:
        """Takes the file away."""
        if self._whole:
            self._file.close()
            self._whole.discard()

    def _write(self, record: dict[str, Any]) -> None:
        try:
            self._file.write(json.dumps(record, ensure_ascii=False) + "\n")
            self._file.flush()
        except BrokenPipeError:
            raise  # the reader has seen enough: the command ends quietly
        except OSError as error:
            raise OutputError(f"the output cannot be written: {error.strerror}") from error
