"""Videos that come through a pipe: standard input, a named pipe, a shell's ``<(command)``."""

from __future__ import annotations

import os
import shutil
import stat
import sys
import tempfile
from pathlib import Path
from typing import BinaryIO

STDIN = "-"

# Boxes of an MP4 file that may come before its index or its pictures.
_PREAMBLE = (b"ftyp", b"styp", b"free", b"skip", b"wide", b"uuid", b"pdin", b"sidx")
_LARGEST_PREAMBLE = 1 << 20  # bytes


def is_pipe(location: str) -> bool:
    """Whether a location is standard input or a pipe, which can be read once and not rewound."""
    if location == STDIN:
        return True
    try:
        return stat.S_ISFIFO(Path(location).stat().st_mode)
    except (OSError, ValueError):
        return False


def open_pipe(location: str) -> BinaryIO:
    """Opens a pipe for FFmpeg. Waits for its writer.

    An MP4 whose index comes after its pictures cannot be played before its end has come: it is
    copied to a temporary file first. Anything else is handed on as it comes.

    Raises:
        OSError: it cannot be opened, or the temporary file cannot be written.
    """
    if location == STDIN:
        stream = _Stream(os.fdopen(os.dup(sys.stdin.fileno()), "rb", buffering=0))
    else:
        stream = _Stream(Path(location).open("rb", buffering=0))  # noqa: SIM115  # it closes it
    if not stream.index_comes_last():
        return stream  # type: ignore[return-value]  # it has what FFmpeg needs of a file
    whole = tempfile.TemporaryFile()  # noqa: SIM115  # closed by its reader
    shutil.copyfileobj(stream, whole, 1 << 20)
    stream.close()
    whole.seek(0)
    return whole


class _Stream:
    """A pipe whose first bytes have been looked at."""

    def __init__(self, pipe: BinaryIO) -> None:
        self._pipe = pipe
        self._ahead = b""

    def read(self, size: int = -1) -> bytes:
        """Returns the next bytes, as many as there are at once; none at the end."""
        if self._ahead:
            size = len(self._ahead) if size < 0 else size
            data, self._ahead = self._ahead[:size], self._ahead[size:]
            return data
        return self._pipe.read(size)

    def close(self) -> None:
        self._pipe.close()

    def index_comes_last(self) -> bool:
        place = 0
        while self._look(place + 8) and place < _LARGEST_PREAMBLE:
            size = int.from_bytes(self._ahead[place : place + 4], "big")
            kind = self._ahead[place + 4 : place + 8]
            if kind == b"mdat":
                return True
            if kind not in _PREAMBLE or size < 8:
                return False
            place += size
        return False

    def _look(self, count: int) -> bool:
        """Reads ahead, up to so many bytes in all; returns whether there are so many."""
        while len(self._ahead) < count:
            data = self._pipe.read(count - len(self._ahead))
            if not data:
                return False
            self._ahead += data
        return True
