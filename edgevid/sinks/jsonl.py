"""Predictions and events as JSON Lines, one object a line."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import asdict
from io import FileIO
from pathlib import Path
from typing import Any, BinaryIO

from edgevid.errors import OutputError
from edgevid.records import Event, Frame, Prediction, Summary
from edgevid.sinks.base import Sink
from edgevid.sources.base import Source
from edgevid.support import command
from edgevid.support.atomic_file import AtomicFile

# What is not UTF-8 in a file's name; it can be in a string of Python's, but not in JSON.
_SURROGATE = re.compile("[\ud800-\udfff]")


class JsonLinesSink(Sink):
    """Writes each prediction, each event and the final summary to a file, or to standard output.

    Each line is written at once: a program at the other end of a pipe sees it immediately. When
    the disk is full the file gets its name with the lines that it has. A reader that has gone is
    no error: ``is_open`` tells.

    Args:
        path: the file; ``-`` for standard output.

    Raises:
        OutputError: the file cannot be written.
    """

    def __init__(self, path: str) -> None:
        self.is_open = True
        self._path = path
        self._source = ""
        self._lines: _StandardOutput | _LinesFile
        self._lines = _StandardOutput() if path == "-" else _LinesFile(Path(path))

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
                    **_known(track=prediction.track, box=prediction.box),
                }
            )

    def event(self, event: Event) -> None:
        """Writes a line for each start and end of an action."""
        self._write({"type": "event", "source": self._source, **_known(**asdict(event))})

    def finish(self, summary: Summary) -> None:
        """Writes the summary and gives the file its name."""
        self._write({"type": "summary", **_known(**asdict(summary))})
        if self.is_open:
            self._lines.keep()
            self.is_open = False

    def abandon(self) -> None:
        """Takes the file away, unless it is whole already."""
        self.is_open = False
        self._lines.discard()

    def _write(self, record: dict[str, Any]) -> None:
        if not self.is_open:
            return
        text = _SURROGATE.sub("\ufffd", json.dumps(record, ensure_ascii=False))
        line = f"{text}\n".encode()
        try:
            self._lines.write(line)
        except BrokenPipeError:
            self.is_open = False
            self._lines.keep()
        except OSError as error:
            self.is_open = False
            self._lines.keep()
            name = "standard output" if self._path == "-" else self._path
            raise OutputError(f"{name}: cannot be written any more: {error.strerror}") from error


def _known(**fields: Any) -> dict[str, Any]:
    """Returns the fields that hold something."""
    return {name: value for name, value in fields.items() if value is not None}


class _LinesFile:
    """A file that holds whole lines, whatever interrupts the writing of one."""

    def __init__(self, path: Path) -> None:
        self._whole = AtomicFile(path)
        self._file: FileIO = self._whole.path.open("wb", buffering=0)
        self._is_device = not self._whole.path.is_file()
        self._size = 0  # of the whole lines

    def write(self, line: bytes) -> None:
        if not self._is_device:
            self._file.seek(self._size)
        rest = memoryview(line)
        while rest:
            rest = rest[self._file.write(rest) :]
        self._size += len(line)

    def keep(self) -> None:
        if not self._file.closed:
            if not self._is_device:
                self._file.truncate(self._size)
            self._file.close()
            self._whole.keep()

    def discard(self) -> None:
        self._file.close()
        self._whole.discard()


class _StandardOutput:
    def __init__(self) -> None:
        if sys.stdout is None:
            raise OutputError("standard output is closed: nothing can be written to it")
        self._file: BinaryIO = sys.stdout.buffer

    def write(self, line: bytes) -> None:
        try:
            self._file.write(line)
            self._file.flush()
        except OSError:
            command.let_go(sys.stdout)
            raise

    def keep(self) -> None:
        """It is as whole as it will be."""

    def discard(self) -> None:
        """What went out cannot be taken back."""
