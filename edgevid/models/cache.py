"""The user's cache: downloaded models and their checksums."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path

from edgevid.errors import ModelError
from edgevid.support.atomic_file import atomic_file

_SHA256 = re.compile(r"[0-9a-f]{64}")


def folder() -> Path:
    """Returns the cache's folder; it may not exist yet.

    That is ``edgevid`` in ``$XDG_CACHE_HOME``, as the XDG Base Directory Specification has it.

    Raises:
        ModelError: the user has no home folder.
    """
    root = os.environ.get("XDG_CACHE_HOME", "")
    if Path(root).is_absolute():  # the specification: a relative path is to be ignored
        return Path(root, "edgevid")
    try:
        return Path.home() / ".cache" / "edgevid"
    except RuntimeError as error:
        raise ModelError("there is no home folder to keep models in: set XDG_CACHE_HOME") from error


def path_of(name: str) -> Path:
    """Returns where a model's file is, or would be."""
    return folder() / f"{name}.tflite"


def remember(name: str, sha256: str) -> None:
    """Notes a model's checksum, in a file that ``sha256sum -c`` reads too.

    Raises:
        OutputError: the cache cannot be written.
    """
    # A file for each model: two downloads at once have nothing to merge.
    with atomic_file(_memo(name), make_folder=True) as memo:
        memo.write(f"{sha256}  {name}.tflite\n".encode())


def remembered(name: str) -> str | None:
    """Returns the checksum that was noted for a model, None when none was.

    Raises:
        ModelError: the note is damaged, or may not be read.
    """
    memo = _memo(name)
    try:
        words = memo.read_bytes().split()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise ModelError(f"{memo} cannot be read: {error.strerror}") from error
    sha256 = words[0].decode("ascii", "replace") if words else ""
    if not is_sha256(sha256):
        raise ModelError(f"{memo} does not hold a checksum: delete it to start afresh")
    return sha256


def is_sha256(text: str) -> bool:
    """Says whether a text is a SHA-256 in lower-case hexadecimal."""
    return _SHA256.fullmatch(text) is not None


def sha256_of(path: Path) -> str:
    """Returns a file's SHA-256 in hexadecimal.

    Raises:
        ModelError: the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror}") from error


def _memo(name: str) -> Path:
    return folder() / f"{name}.tflite.sha256"
