"""A file that appears under its name whole, or not at all."""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from edgevid.errors import EdgevidError, OutputError

_STAND_IN = re.compile(r"\..*\.[0-9a-f]{8}\.part(\.[^.]*)?", re.DOTALL)
_LONGEST_STEM = 200  # bytes of the name that a stand-in repeats: file systems allow it 255


class AtomicFile:
    """Stands in for a file while it is written, hidden, in the same folder.

    Several processes may write the same file at once: the last to end wins. What processes that
    were killed have left in the folder is taken away.

    Args:
        target: the file to be. Its suffix is the stand-in's too. A symbolic link is followed; a
            device or a pipe is written to directly.

    Attributes:
        path: where to write.

    Raises:
        OutputError: nothing can be written there.

    Example:
        >>> from edgevid.support.atomic_file import AtomicFile
        >>> file = AtomicFile(Path("notes.txt"))
        >>> size = file.path.write_text("whole, or not at all")
        >>> Path("notes.txt").exists()
        False
        >>> file.keep()
        >>> Path("notes.txt").exists()
        True
    """

    def __init__(self, target: Path) -> None:
        self._target = self.path = target
        self._lock: int | None = None  # a locked file descriptor of the stand-in
        try:
            if target.is_dir():
                raise IsADirectoryError(0, "it is a folder")
            if target.exists() and not target.is_file():
                return
            if target.is_symlink():
                self._target = target.resolve()
            sweep(self._target.parent)
            while self._lock is None:
                self.path = _stand_in(self._target)
                self._lock = _create_locked(self.path)
        except OSError as error:
            raise _unwritable(target, error) from error

    def keep(self) -> None:
        """Gives the finished file its name."""
        if self._lock is None:
            return
        try:
            os.fsync(self._lock)  # else a power cut may leave the name without the content
            self.path.replace(self._target)
        except OSError as error:
            raise _unwritable(self._target, error) from error
        self._unlock()

    def discard(self) -> None:
        """Takes the unfinished file away. Harmless after ``keep``."""
        if self._lock is not None:
            self.path.unlink(missing_ok=True)
            self._unlock()

    def _unlock(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


@contextmanager
def atomic_file(target: Path, *, make_folder: bool = False) -> Iterator[BinaryIO]:
    """Opens a file for writing; it gets its name when the block ends well.

    Args:
        target: the file to be.
        make_folder: make the folder that it is to be in.

    Raises:
        OutputError: the file cannot be written.

    Example:
        >>> from edgevid.support.atomic_file import atomic_file
        >>> with atomic_file(Path("notes.txt")) as file:
        ...     size = file.write(b"whole, or not at all")
        >>> Path("notes.txt").read_text()
        'whole, or not at all'
    """
    try:
        if make_folder:
            target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(target, error) from error
    whole = AtomicFile(target)
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


def sweep(folder: Path) -> int:
    """Takes away the unfinished files that killed processes have left in a folder.

    A file that is still being written, by whatever process, stays: its writer holds a lock on it,
    which the system lets go of when the writer dies. Where files cannot be locked, all stay.

    Returns:
        How many were taken away.

    Example:
        >>> from edgevid.support.atomic_file import sweep
        >>> sweep(Path("recordings"))
        0
    """
    swept = 0
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            path = Path(entry.path)
            swept += is_unfinished(path) and _sweep_one(path)
    return swept


def is_unfinished(path: Path) -> bool:
    """Returns whether a file stands in for one that is being written, or never was whole."""
    return _STAND_IN.fullmatch(path.name) is not None


def _sweep_one(path: Path) -> bool:
    try:
        file = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink()
        return True
    except OSError:
        return False
    finally:
        os.close(file)


def _stand_in(target: Path) -> Path:
    stem = os.fsdecode(os.fsencode(target.stem)[:_LONGEST_STEM])
    return target.with_name(f".{stem}.{os.urandom(4).hex()}.part{target.suffix}")


def _create_locked(path: Path) -> int | None:
    """Returns a locked descriptor of a new file; None when a sweep took it before the lock."""
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        return None
    except OSError:
        return file  # no locks on this file system: no sweep either
    if os.fstat(file).st_nlink == 0:
        os.close(file)
        return None
    return file


def _unwritable(target: Path, error: OSError) -> OutputError:
    return OutputError(f"{target}: cannot be written: {error.strerror}")
