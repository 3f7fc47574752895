"""A file that appears under its name whole, or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from edgevid.errors import EdgevidError, OutputError


class WholeFile:
    """Stands in for a file while it is written, hidden, in the same folder.

    Several processes may write the same file at once: the last to end wins.

    Args:
        target: the file to be. Its suffix is the stand-in's too.

    Attributes:
        path: where to write.

    Raises:
        OutputError: nothing can be written there.
    """

    def __init__(self, target: Path) -> None:
        self._target = target
        self.path = target.with_name(f".{target.stem}.{secrets.token_hex(4)}.part{target.suffix}")
        try:
            if target.is_dir():
                raise IsADirectoryError(0, "it is a folder")
            self.path.touch(exist_ok=False)
        except OSError as error:
            raise _unwritable(target, error) from error

    def keep(self) -> None:
        """Gives the finished file its name."""
        try:
            with self.path.open("rb") as file:
                os.fsync(file.fileno())  # else a power cut may leave the name without the content
            self.path.replace(self._target)
        except OSError as error:
            raise _unwritable(self._target, error) from error

    def discard(self) -> None:
        """Takes the unfinished file away. Harmless after ``keep``."""
        self.path.unlink(missing_ok=True)


@contextmanager
def whole_file(target: Path, *, make_folder: bool = False) -> Iterator[BinaryIO]:
    """Opens a file for writing; it gets its name when the block ends well.

    Args:
        target: the file to be.
        make_folder: make the folder that it is to be in.

    Raises:
        OutputError: the file cannot be written.
    """
    try:
        if make_folder:
            target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(target, error) from error
    whole = WholeFile(target)
    try:
        with whole.path.open("wb") as file:
            yield file
        whole.keep()
    except EdgevidError:
        raise
    except OSError as error:
        raise _unwritable(target, error) from error
    finally:
        whole.discard()


def _unwritable(target: Path, error: OSError) -> OutputError:
    return OutputError(f"{target}: cannot be written: {error.strerror}")
