"""The folder in which clips are kept: names, and no more than a budget of bytes."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from apps.raspberry_pi import in_use
from edgevid import OutputError
from edgevid.support.atomic_file import sweep

# Nothing else in the folder is ever touched.
_STEM = r"[\w-]+_\d{8}T\d{6}Z(?:-\d+)?"
_NAME = re.compile(rf"{_STEM}\.(mp4|json)")
_WAITING = re.compile(rf"\.({_STEM})\.whole\.(mp4|json)")
_AFTER_NS = 1_000_000  # between the times of two clips


class ClipFolder:
    """Clips, and a JSON file beside each.

    While a clip is made both files have hidden names (``waiting``); ``keep`` then gives them their
    own, one right after the other. What a service that was killed in between has left is made
    whole, and what it had not finished is taken away.

    Args:
        folder: made if it is not there.
        budget_mb: megabytes, 10**6 bytes, that all clips together may take up.

    Raises:
        OutputError: there can be no such folder.
        UsageError: another service keeps its clips there.
    """

    def __init__(self, folder: Path, budget_mb: float) -> None:
        self._folder = folder
        self._budget = budget_mb * 1e6
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._held: int | None = in_use.hold(folder, "folder in [clips]")
            names = {entry.name for entry in folder.iterdir()}
        except OSError as error:
            raise OutputError(f"{folder}: cannot hold clips: {error.strerror}") from error
        with suppress(OSError):  # it can only be read: the first clip will say so
            sweep(folder)
            self._tidy(names)

    def close(self) -> None:
        """Lets another service have the folder."""
        if self._held is not None:
            os.close(self._held)
            self._held = None

    def place(self, camera: str, at: float) -> Path:
        """Returns where a clip is to be in the end.

        Args:
            camera: its name.
            at: when the clip begins, Unix seconds.
        """
        stem = f"{camera}_{datetime.fromtimestamp(at, UTC):%Y%m%dT%H%M%SZ}"
        path, number = self._folder / f"{stem}.mp4", 1
        while any(taken.exists() for taken in (path, path.with_suffix(".json"), waiting(path))):
            number += 1
            path = self._folder / f"{stem}-{number}.mp4"
        return path

    def keep(self, path: Path) -> None:
        """Gives a clip's two files their names.

        Their times are later than those of all other clips, so that these stay in order though
        the clock is set back.

        Raises:
            OutputError: they cannot be had.
        """
        files = [path, path.with_suffix(".json")]
        try:
            newest = max((e.stat().st_mtime_ns for e in self._clips()), default=0)
            then = max(time.time_ns(), newest + _AFTER_NS)
            for file in files:
                os.utime(waiting(file), ns=(then, then))
            for file in files:
                waiting(file).rename(file)
        except OSError as error:
            raise OutputError(f"{path}: cannot be written: {error.strerror}") from error

    def _clips(self) -> Iterator[Path]:
        return (path for path in self._folder.iterdir() if _NAME.fullmatch(path.name))

    def _tidy(self, names: set[str]) -> None:
        """Makes whole what was so but for its name; takes the rest of what waited away."""
        for stem in {found[1] for name in names if (found := _WAITING.fullmatch(name))}:
            files = [self._folder / f"{stem}.mp4", self._folder / f"{stem}.json"]
            left = [file for file in files if waiting(file).name in names]
            is_whole = all(file in left or file.name in names for file in files)
            for file in left:
                if is_whole and file.name not in names:
                    waiting(file).rename(file)
                else:
                    waiting(file).unlink()

    def make_room(self) -> None:
        """Deletes the oldest clips until those that are left are within the budget."""
        sizes: dict[str, int] = {}
        ages: dict[str, float] = {}
        try:
            for path in self._clips():
                with suppress(FileNotFoundError):  # somebody has just deleted it
                    found = path.stat()
                    sizes[path.stem] = sizes.get(path.stem, 0) + found.st_size
                    ages[path.stem] = max(ages.get(path.stem, 0.0), found.st_mtime)
            for stem in sorted(ages, key=lambda stem: (ages[stem], stem)):
                if sum(sizes.values()) <= self._budget:
                    break
                del sizes[stem]
                for suffix in (".json", ".mp4"):
                    (self._folder / f"{stem}{suffix}").unlink(missing_ok=True)
        except OSError as error:
            problem = f"{self._folder}: old clips cannot be deleted: {error.strerror}"
            raise OutputError(problem) from error


def waiting(path: Path) -> Path:
    """Returns the hidden name of one of a clip's files, until it gets its own."""
    return path.with_name(f".{path.stem}.whole{path.suffix}")
