"""Files that are either whole or absent."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edgevid.errors import OutputError


@contextmanager
def writing(path: Path) -> Iterator[Path]:
    """Gives a temporary name beside ``path``; what is written there takes its place at the end.

    Raises:
        OutputError: the disk is full, or the folder cannot be written to.
    """
    part = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield part
        part.replace(path)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        part.unlink(missing_ok=True)
