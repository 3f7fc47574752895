"""Clips from a folder or a list."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from edgevid.errors import SourceError
from edgevid.labelled import folders, lists
from edgevid.labelled.clip import Clip


def read(source: Path, *, root: Path | None = None, labels: Sequence[str] = ()) -> list[Clip]:
    """Reads clips from whatever ``source`` is.

    Args:
        source: a folder with a folder for each class; or a list, as ``lists.read`` takes it.
        root: where the paths of a list start; the list's own folder when None.
        labels: names for numeric labels, from 0.

    Raises:
        SourceError: nothing there, or a file that is neither.
    """
    if source.is_dir():
        return folders.read(source, labels)
    if not source.is_file():
        raise SourceError(f"{source}: no such folder or list of clips")
    found = lists.read(source, root or source.parent, labels)
    if not found:
        raise SourceError(f"{source}: names no clip")
    return found
