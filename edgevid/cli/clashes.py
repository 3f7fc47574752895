"""Checks, before anything is opened, that no output replaces an input or another output."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from itertools import combinations
from pathlib import Path

from edgevid.errors import UsageError
from edgevid.sources.address import is_url, local_path
from edgevid.sources.folders import PICTURE_SUFFIXES, VIDEO_SUFFIXES, is_hidden

_SUFFIXES = VIDEO_SUFFIXES | PICTURE_SUFFIXES


def check(
    outputs: Mapping[str, Path | None],
    *,
    files: Mapping[str, Path | None] | None = None,
    sources: Iterable[str] = (),
) -> None:
    """Refuses an output that is also an input, or that the next run would take for one.

    Files are the same through links, hard and symbolic, and however their paths are written.
    Devices and pipes can be both.

    Args:
        outputs: what is to be written, by the flag that names it.
        files: what is read, by what it is.
        sources: what is watched: files, folders, addresses.

    Raises:
        UsageError: it says which, and what to do.
    """
    written = {
        flag: path
        for flag, path in outputs.items()
        if path is not None and (os.path.isfile(path) or not os.path.exists(path))  # noqa: PTH110, PTH113
    }
    for (flag, path), (other, other_path) in combinations(written.items(), 2):
        if _same(path, other_path):
            raise UsageError(f"{flag} and {other} name one file, {path}: give them two")
    for name, read in (files or {}).items():
        for flag, path in written.items():
            if read is not None and _same(path, read):
                raise UsageError(f"{flag} {path} is {name} itself: write to another file")
    for source in sources:
        if not is_url(source):
            _check_source(Path(local_path(source)), written)


def _check_source(source: Path, written: dict[str, Path]) -> None:
    try:
        inside = [path for path in source.iterdir() if _is_clip(path)]
    except OSError:
        inside = [source]
    existing = {flag: path for flag, path in written.items() if _identity(path) is not None}
    known = {_identity(path) for path in inside} if existing else set()
    for flag, path in existing.items():
        if _identity(path) in known:
            raise UsageError(f"{flag} {path} is a source itself: write to another file")
    for flag, path in written.items():
        folders = path.parent, Path(os.path.realpath(path)).parent
        if _is_clip(path) and source.is_dir() and any(_same(source, one) for one in folders):
            raise UsageError(
                f"{flag} {path} is in a folder that is a source, and the next run would take it "
                "for a clip: write to another folder"
            )


def _is_clip(path: Path) -> bool:
    return path.suffix.lower() in _SUFFIXES and not is_hidden(path)


def _same(one: Path, other: Path) -> bool:
    if _identity(one) is not None or _identity(other) is not None:
        return _identity(one) == _identity(other)
    # Neither is there yet. Names that differ in case alone are one file on some disks.
    one, other = Path(os.path.realpath(one)), Path(os.path.realpath(other))
    return one.name.casefold() == other.name.casefold() and _same_folder(one.parent, other.parent)


def _same_folder(one: Path, other: Path) -> bool:
    return one == other or (_identity(one) is not None and _identity(one) == _identity(other))


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
