"""A password or token from a file that not everybody can read."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from edgevid import UsageError

_LONGEST = 4096  # bytes; whatever is longer is no password


def read(path: Path) -> str:
    """Returns the first line of a file.

    Raises:
        UsageError: it cannot be read, holds no secret, or any user of the machine can read it.
            The message does not show what is in the file.
    """
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            content = file.read(_LONGEST + 1)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from error
    if mode & (stat.S_IROTH | stat.S_IWOTH):
        raise UsageError(f"{path}: every user of this machine can read it: chmod o= {path}")
    try:
        secret = content.decode().partition("\n")[0].strip()
    except UnicodeDecodeError:
        secret = ""
    if not secret or not secret.isprintable() or len(content) > _LONGEST:
        raise UsageError(f"{path}: must hold one line with the secret, and nothing else")
    return secret
