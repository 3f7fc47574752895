"""The folder in which clips are kept: names, and no more than a budget of bytes."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

from edgevid import OutputError

# Nothing else in the folder is ever touched.
_NAME = re.compile(r"[\w-]+_\d{8}T\d{6}Z(-\d+)?\.(mp4|json)")
_LEFTOVER = re.compile(rf"\.{_NAME.pattern[: _NAME.pattern.rindex('.') - 1]}\.[0-9a-f]+\.part\.\w+")


class ClipFolder:
    """Clips, and a JSON file beside each.

    Args:
        folder: made if it is not there.
        budget_mb: megabytes, 10**6 bytes, that all clips together may take up.

    Raises:
        OutputError: there can be no such folder.
    """

    def __init__(self, folder: Path, budget_mb: float) -> None:
        self._folder = folder
        self._budget = budget_mb * 1e6
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for path in folder.iterdir():
                if _LEFTOVER.fullmatch(path.name):  # of a service that was killed
                    path.unlink(missing_ok=True)
        except OSError as error:
            raise OutputError(f"{folder}: cannot hold clips: {error.strerror}") from error

    def place(self, camera: str, at: float) -> Path:
        """Returns where a clip is to be written.

        Args:
            camera: its name.
            at: when the clip begins, Unix seconds.
        """
        stem = f"{camera}_{datetime.fromtimestamp(at, UTC):%Y%m%dT%H%M%SZ}"
        path, number = self._folder / f"{stem}.mp4", 1
        while path.exists():
            number += 1
            path = self._folder / f"{stem}-{number}.mp4"
        return path

    def make_room(self) -> None:
        """Deletes the oldest clips until those that are left are within the budget."""
        sizes: dict[str, int] = {}
        ages: dict[str, float] = {}
        for path in self._folder.iterdir():
            if _NAME.fullmatch(path.name):
                found = path.stat()
                sizes[path.stem] = sizes.get(path.stem, 0) + found.st_size
                ages[path.stem] = max(ages.get(path.stem, 0.0), found.st_mtime)
        for stem in sorted(ages, key=lambda stem: (ages[stem], stem)):
            if sum(sizes.values()) <= self._budget:
                break
            del sizes[stem]
            for suffix in (".json", ".mp4"):
                (self._folder / f"{stem}{suffix}").unlink(missing_ok=True)
