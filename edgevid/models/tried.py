"""Remembers which model files were tried, and keeps their prepared form.

Both in the user's cache: a note for each file and what was wanted of it, and prepared files that
are named by their own SHA-256, so that one that was damaged since is known and made again.
"""

from __future__ import annotations

import hashlib
import json
import platform
from dataclasses import asdict, dataclass
from pathlib import Path

from edgevid.errors import ModelError
from edgevid.models import cache
from edgevid.models.attempt import Attempt, Wanted
from edgevid.support.atomic_file import atomic_file
from edgevid.version import REWRITE, __version__


@dataclass(frozen=True, slots=True)
class Tried:
    """What is known of a file that was tried out.

    Attributes:
        data: what to run: the prepared file, or the file itself.
        problem: why it could not be prepared, if that was wanted.
    """

    data: bytes
    problem: str


def key(data: bytes, wanted: Wanted, runtime: str) -> str:
    """Returns what stands for a file and all that shapes what becomes of it."""
    facts = {
        "file": hashlib.sha256(data).hexdigest(),
        "edgevid": [__version__, REWRITE],  # a later one may check more, or prepare otherwise
        "runtime": runtime,
        "machine": platform.machine(),
        **asdict(wanted),
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def recall(key: str, data: bytes) -> Tried | None:
    """Returns what is known of a file; None when it was not tried, or its prepared form is lost."""
    try:
        note = json.loads(_note(key).read_bytes())
        sha256, problem = note["sha256"], note["problem"]
        if sha256 is None:
            return Tried(data, str(problem))
        kept = _prepared(str(sha256)).read_bytes()
    except (OSError, ModelError, ValueError, LookupError, TypeError, RecursionError):
        return None
    return Tried(kept, str(problem)) if hashlib.sha256(kept).hexdigest() == sha256 else None


def remember(key: str, done: Attempt) -> None:
    """Keeps what became of a file that ran.

    Raises:
        OutputError: the cache cannot be written.
        ModelError: there is no place for a cache.
    """
    sha256 = None
    if done.prepared is not None:
        sha256 = hashlib.sha256(done.prepared).hexdigest()
        with atomic_file(_prepared(sha256), make_folder=True) as file:
            file.write(done.prepared)
    with atomic_file(_note(key), make_folder=True) as file:
        file.write(json.dumps({"sha256": sha256, "problem": done.problem}).encode())


def _note(key: str) -> Path:
    return cache.folder() / "tried" / f"{key}.json"


def _prepared(sha256: str) -> Path:
    if not cache.is_sha256(sha256):
        raise ModelError("the note is damaged")
    return cache.folder() / "prepared" / f"{sha256}.tflite"
