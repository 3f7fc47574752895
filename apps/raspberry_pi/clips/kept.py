"""Lists and finds the kept clips.

Other files in the folder are ignored: a clip is a video and a JSON file beside it that
names it, both regular files with a name that is text.
"""

from __future__ import annotations

import json
import math
import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import Any

_NEWEST = 100  # clips that are listed
_MOST_READ = 1000  # JSON files that are read for that
_LONGEST_JSON = 256 << 10  # bytes; ours have some hundred, and a hundred for each event
_MOST_EVENTS = 200  # of a clip that are told
_LONGEST_TEXT = 300  # characters


def listed(folder: Path) -> list[dict[str, Any]]:
    """Returns what the JSON files beside the clips say, newest first."""
    found: list[dict[str, Any]] = []
    for path in _newest(folder)[:_MOST_READ]:
        clip = described(path)
        if clip is not None:
            found.append(clip)
            if len(found) == _NEWEST:
                break
    return found


def find(folder: Path, name: str) -> tuple[Path, os.stat_result] | None:
    """Returns a clip of the folder by its name; None when there is none.

    The name is looked for among those that are there, never made into a path: there is no way
    out of the folder.
    """
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.name == name and name.endswith(".mp4"):
                path = folder / entry.name
                if described(path.with_suffix(".json")) is None:
                    return None
                return path, entry.stat(follow_symlinks=False)
    return None


def _newest(folder: Path) -> list[Path]:
    """Returns the JSON files of a folder, newest first."""
    found: list[tuple[float, str]] = []
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            with suppress(OSError):  # it has just been deleted
                if entry.name.endswith(".json") and entry.is_file(follow_symlinks=False):
                    found.append((entry.stat(follow_symlinks=False).st_mtime, entry.name))
    return [folder / name for _, name in sorted(found, reverse=True)]


def described(path: Path) -> dict[str, Any] | None:
    """Returns what a JSON file says of the clip beside it; None when it is no clip's."""
    video = path.with_suffix(".mp4")
    try:
        if path.name.startswith(".") or not stat.S_ISREG(video.lstat().st_mode):
            return None
        video.name.encode()
        about = json.loads(_read(path))
        if not isinstance(about, dict) or about.get("video") != video.name:
            return None
        events = about["events"][:_MOST_EVENTS]
        seconds = float(about["seconds"])
        began = _text(about["began"])
        clip = {
            "camera": _text(about["camera"]),
            "video": video.name,
            "began": began,
            "seconds": seconds if math.isfinite(seconds) else 0.0,
            "events": [_event(event) for event in events],
        }
    # Whatever the file holds, and however deep: one that has just been deleted, or is not ours.
    except (OSError, ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return None
    return clip


def _event(event: dict[str, Any]) -> dict[str, Any]:
    state = event.get("state")
    return {
        "id": _text(event.get("id", "")),
        "state": state if state in ("start", "end") else "start",
        "label": _text(event["label"]),
        "probability": _number(event.get("probability", 0.0)),
        "second": _number(event.get("second", 0.0)),
    }


def _number(value: object) -> float:
    number = float(value) if isinstance(value, (int, float)) else 0.0
    return number if math.isfinite(number) else 0.0


def _read(path: Path) -> bytes:
    """Returns a regular file's content.

    Raises:
        OSError: it is none, or it cannot be read.
        ValueError: it is too long.
    """
    # Neither through a link out of the folder, nor waiting for a pipe without a writer.
    number = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(number, "rb") as file:
        if not stat.S_ISREG(os.fstat(number).st_mode):
            raise OSError("no regular file")
        content = file.read(_LONGEST_JSON + 1)
    if len(content) > _LONGEST_JSON:
        raise ValueError("too long")
    return content


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("no text")
    return value[:_LONGEST_TEXT].encode("utf-8", "replace").decode()
