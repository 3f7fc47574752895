"""Passwords, tokens and addresses from files that not everybody can read."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from edgevid import UsageError

_LONGEST = 4096  # bytes; whatever is longer is no password
_MOST_LINES = 20


def read(path: Path) -> str:
    """Returns the first line of a file.

    Raises:
        UsageError: it cannot be read, holds no secret, or any user of the machine can read it.
            The message does not show what is in the file.
    """
    secret = _text(path, _LONGEST).partition("\n")[0].strip()
    if not secret or not secret.isprintable():
        raise UsageError(f"{path}: must hold one line with the secret, and nothing else")
    return secret


def lines(path: Path) -> list[tuple[int, str]]:
    """Returns the lines of a file that are not empty and do not begin with ``#``, with numbers.

    Raises:
        UsageError: it cannot be read, holds no such line, or any user of the machine can read it.
            The message does not show what is in the file.
    """
    text = _text(path, _MOST_LINES * _LONGEST)
    numbered = ((number, line.strip()) for number, line in enumerate(text.splitlines(), 1))
    found = [(number, line) for number, line in numbered if line and not line.startswith("#")]
    if not 0 < len(found) <= _MOST_LINES or not all(line.isprintable() for _, line in found):
        raise UsageError(f"{path}: must hold secrets, one a line, {_MOST_LINES} at most")
    return found


def _text(path: Path, longest: int) -> str:
    """Returns what a file holds, empty where that is no text or longer than so many bytes."""
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            content = file.read(longest + 1)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from error
    if mode & (stat.S_IROTH | stat.S_IWOTH):
        raise UsageError(f"{path}: every user of this machine can read it: chmod o= {path}")
    try:
        return content.decode() if len(content) <= longest else ""
    except UnicodeDecodeError:
        return ""
