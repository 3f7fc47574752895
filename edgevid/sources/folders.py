"""The contents of a folder: videos, numbered pictures, and files to ignore."""

from __future__ import annotations

import re
from pathlib import Path

from edgevid.errors import SourceError

# What a folder is searched for. A file named outright may be anything that FFmpeg reads.
VIDEO_SUFFIXES = frozenset((
    ".264", ".265", ".3g2", ".3gp", ".amv", ".apng", ".asf", ".avi", ".dav", ".divx", ".dv",
    ".f4v", ".flv", ".gif", ".h264", ".h265", ".hevc", ".ivf", ".m1v", ".m2ts", ".m2v", ".m4v",
    ".mjpeg", ".mjpg", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".mxf", ".nut", ".obu",
    ".ogm", ".ogv", ".qt", ".rm", ".rmvb", ".ts", ".vob", ".webm", ".wmv", ".wtv", ".y4m",
))  # fmt: skip
PICTURE_SUFFIXES = frozenset((".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"))

_FOREIGN = ("__MACOSX",)


def is_hidden(path: Path) -> bool:
    """Whether a file or folder is there for the system's sake and never meant.

    Names that begin with a dot (macOS writes a ``._clip.mp4`` beside ``clip.mp4``, notebooks a
    ``.ipynb_checkpoints``) and macOS's ``__MACOSX``.
    """
    return path.name.startswith(".") or path.name in _FOREIGN


def videos_in(folder: Path) -> list[Path]:
    """Returns a folder's videos, ``9.mp4`` before ``10.mp4``.

    Raises:
        SourceError: the folder cannot be read.
    """
    return _files_in(folder, VIDEO_SUFFIXES)


def pictures_in(folder: Path) -> list[Path]:
    """Returns a folder's pictures, ``9.jpg`` before ``10.jpg``.

    Raises:
        SourceError: the folder cannot be read.
    """
    return _files_in(folder, PICTURE_SUFFIXES)


def _files_in(folder: Path, suffixes: frozenset[str]) -> list[Path]:
    try:
        found = [
            path
            for path in folder.iterdir()
            if path.suffix.lower() in suffixes and not is_hidden(path)
        ]
        return sorted((path for path in found if path.is_file()), key=natural_order)
    except OSError as error:
        raise SourceError(f"{folder}: cannot be read: {error.strerror}") from error


def natural_order(path: Path) -> list[tuple[int, str]]:
    """Orders names as a person would: by the value of the numbers in them."""
    return [
        (int(part), "") if part.isdigit() else (-1, part.lower())
        for part in re.split(r"([0-9]+)", path.name)
    ]
