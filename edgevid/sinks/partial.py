"""A file that appears whole or not at all."""

from __future__ import annotations

from pathlib import Path

from edgevid.errors import OutputError


class PartialFile:
    """Stands in for a file while it is written, under its name with ``.part`` before the suffix.

    Raises:
        OutputError: the place cannot be written to.
    """

    def __init__(self, path: Path) -> None:
        self._target = path
        self.path = path.with_name(f"{path.stem}.part{path.suffix}")
        try:
            if path.is_dir():
                raise IsADirectoryError(0, "is a folder")
            self.path.touch()
        except OSError as error:
            raise OutputError(f"{path}: cannot be written: {error.strerror}") from error

    def keep(self) -> None:
        """Gives the finished file its name."""
        try:
            self.path.replace(self._target)
        except OSError as error:
            raise OutputError(f"{self._target}: cannot be written: {error.strerror}") from error

    def discard(self) -> None:
        """Takes the unfinished file away."""
        self.path.unlink(missing_ok=True)
