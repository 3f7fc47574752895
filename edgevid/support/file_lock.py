"""A file that one process at a time may write to."""

from __future__ import annotations

import fcntl
from typing import BinaryIO

from edgevid.errors import OutputError


def lock(file: BinaryIO, taken: str) -> None:
    """Locks an open file until it is closed; does nothing where files cannot be locked.

    Args:
        file: open for reading or writing.
        taken: what to say when another process has it.

    Raises:
        OutputError: another process has it.

    Example:
        >>> from pathlib import Path
        >>> from edgevid.support.file_lock import lock
        >>> with Path("notes.txt").open("wb") as file:
        ...     lock(file, "notes.txt: another process writes to it")
    """
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise OutputError(taken) from error
    except OSError:
        pass  # no locks on this file system
