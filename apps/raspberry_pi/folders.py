"""The folders that the service writes into: which they are, and whether they can be written."""

from __future__ import annotations

import errno
import os
import pwd
from pathlib import Path

from apps.raspberry_pi.config import Config
from edgevid import OutputError, UsageError

# What does not become right by waiting, other than a full disk or one that does not answer.
_WRONG = (
    *(errno.EACCES, errno.EPERM, errno.EROFS, errno.EEXIST, errno.ENOENT),
    *(errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.EINVAL),
)


def state_folder(config: Config) -> Path:
    """Returns where the service keeps what must outlast a restart. It may not be there yet.

    That is the config's, else the one that systemd made for the service, else the user's, as the
    XDG Base Directory Specification has it.
    """
    if config.service.state_folder is not None:
        return config.service.state_folder
    given = os.environ.get("STATE_DIRECTORY", "").split(":")[0]
    home = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(given or Path(home, "edgevid"))


def make(folder: Path) -> None:
    """Makes a folder, unless it is there.

    Raises:
        UsageError: there can be no such folder.
        OutputError: it cannot be made now.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        kind = UsageError if error.errno in _WRONG else OutputError
        raise kind(f"{folder}: cannot be made: {error.strerror}") from error


def problem_with(folder: Path) -> str:
    """Returns why a folder cannot be made or written, empty when it can. Changes nothing."""
    place = folder.absolute()
    try:
        while not place.exists():
            place = place.parent
        if not place.is_dir():
            return f"{place} is no folder"
        if os.statvfs(place).f_flag & os.ST_RDONLY:
            return f"nothing can be written to {place}: it is read-only"
    except OSError as error:
        return f"{folder} cannot be reached: {error.strerror}"
    if not os.access(place, os.W_OK | os.X_OK):
        return f"the user {_user()} may not write to {place}"
    return ""


def _user() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a number without a name
        return str(os.getuid())
