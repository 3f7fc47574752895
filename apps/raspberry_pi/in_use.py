"""Locks on folders and files that only one service may use."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

from edgevid import UsageError

PATIENCE_S = 2.0  # a service that is being replaced may take this long to be gone
_PAUSE_S = 0.05


def hold(folder: Path, what: str) -> int:
    """Takes a folder for this service alone, until its process ends.

    The lock is on the folder itself: it leaves nothing behind, and works where nothing can be
    written. A file system that knows no such locks is used without.

    Args:
        folder: it exists.
        what: what the config calls it, such as ``[clips] folder``.

    Returns:
        A file descriptor: the folder is free again when it is closed.

    Raises:
        UsageError: another service has it.
        OSError: the folder cannot be opened.
    """
    held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                os.close(held)
                raise taken(folder, what) from None
            time.sleep(_PAUSE_S)
        except OSError:
            return held
        else:
            return held


def taken(path: Path, what: str) -> UsageError:
    """Returns the error that says that a file or folder is another service's.

    Args:
        path: what it has.
        what: what to change in the config.
    """
    return UsageError(
        f"{path}: in use by another service{_holder(path)}: stop that, or give this one "
        f"a {what} of its own"
    )


def _holder(path: Path) -> str:
    """Names the process that has a lock on a file, as far as the system tells."""
    try:
        inode = str(path.stat().st_ino)
        # number: kind, mode, access, process, major:minor:inode, first and last byte
        locks = [line.split() for line in Path("/proc/locks").read_text("ascii").splitlines()]
    except (OSError, ValueError):
        return ""
    for lock in locks:
        if len(lock) > 5 and lock[5].rpartition(":")[2] == inode and int(lock[4]) > 0:
            return f" (process {lock[4]})"
    return ""
