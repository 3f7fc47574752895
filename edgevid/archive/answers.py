"""Answers as a table, as JSON Lines, as a picture of pictures, and as cut clips."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgevid.archive.recordings import find
from edgevid.archive.search import Answer
from edgevid.errors import EdgevidError, SourceError
from edgevid.plain_text import readable
from edgevid.records import Frame
from edgevid.sinks.video import VideoOutput
from edgevid.sources import open_source
from edgevid.support.atomic_file import atomic_file
from edgevid.support.jpeg import to_jpeg
from edgevid.support.opencv import cv2

_TILE = 320, 180  # pixels of one picture of the sheet
_CAPTION = 40
_COLUMNS = 4
_AROUND_S = 1.0  # before and after an answer, in its clip


def table(answers: Sequence[Answer]) -> str:
    """Returns a table for people; times are this machine's."""
    rows = [
        (
            f"{answer.score:.2f}",
            f"{answer.time.astimezone():%Y-%m-%d %H:%M:%S}",
            readable(answer.camera),
            readable(_label(answer)),
            f"{readable(answer.source)} @{answer.start:.1f}-{answer.end:.1f}",
        )
        for answer in answers
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(4)] if rows else []
    return "\n".join(
        "  ".join([*(text.ljust(width) for text, width in zip(row, widths, strict=False)), row[-1]])
        for row in rows
    )


def lines(answers: Sequence[Answer]) -> str:
    """Returns an answer a line, as JSON."""
    return "".join(json.dumps(as_json(answer), ensure_ascii=False) + "\n" for answer in answers)


def as_json(answer: Answer) -> dict[str, Any]:
    """Returns an answer as it stands in JSON Lines."""
    told = {
        "score": round(answer.score, 6),
        "time": answer.time.isoformat(),
        "camera": answer.camera,
        "label": answer.label,
        "source": answer.source,
        "start": round(answer.start, 3),
        "end": round(answer.end, 3),
    }
    return told if answer.track is None else {**told, "track": answer.track, "box": answer.box}


def _label(answer: Answer) -> str:
    return answer.label if answer.track is None else f"#{answer.track} {answer.label}"


def write_sheet(answers: Sequence[Answer], path: Path) -> list[str]:
    """Writes one picture from the middle of each answer, as one JPEG file.

    Returns:
        A line for each answer whose recording cannot be read any more.

    Raises:
        OutputError: the file cannot be written.
    """
    problems: list[str] = []
    tiles = []
    for answer in answers:
        tile = np.zeros((_TILE[1] + _CAPTION, _TILE[0], 3), np.uint8)
        try:
            _place(tile, picture(answer, (answer.start + answer.end) / 2))
        except EdgevidError as error:
            problems.append(str(error))
        for number, text in enumerate(
            (
                f"{answer.score:.2f} {_label(answer)}",
                f"{answer.camera} {answer.time.astimezone():%Y-%m-%d %H:%M:%S}",
            )
        ):
            plain = text.encode("ascii", "replace").decode()
            place = 4, _TILE[1] + 16 + 18 * number
            cv2.putText(
                tile, plain, place, cv2.FONT_HERSHEY_SIMPLEX, 0.45, (255,) * 3, 1, cv2.LINE_AA
            )
        tiles.append(tile)
    columns = min(_COLUMNS, max(1, len(tiles)))
    while len(tiles) % columns or not tiles:
        tiles.append(np.zeros((_TILE[1] + _CAPTION, _TILE[0], 3), np.uint8))
    rows = [np.hstack(tiles[i : i + columns]) for i in range(0, len(tiles), columns)]
    with atomic_file(path) as file:
        file.write(to_jpeg(np.vstack(rows)))
    return problems


def picture(answer: Answer, seconds: float) -> NDArray[np.uint8]:
    """Returns a picture of an answer's recording, BGR, with the box of what was followed.

    Args:
        answer: whose.
        seconds: from the recording's beginning.

    Raises:
        SourceError: the recording cannot be read any more.
    """
    frame = next(_frames(answer, seconds, answer.end + 1), None)
    if frame is None:
        raise SourceError(f"{answer.source}: is shorter than it was")
    image = cv2.cvtColor(frame.image, cv2.COLOR_RGB2BGR)
    if answer.box is not None:
        x, y, width, height = answer.box
        thick = max(1, round(max(image.shape) / 200))
        cv2.rectangle(image, (x, y), (x + width, y + height), (60, 220, 60), thick)
    return np.asarray(image, np.uint8)


def write_clips(answers: Sequence[Answer], folder: Path) -> list[str]:
    """Writes an MP4 file for each answer, with a second before and after.

    Returns:
        A line for each answer whose recording cannot be read any more.

    Raises:
        OutputError: they cannot be written.
    """
    problems = []
    for number, answer in enumerate(answers, 1):
        label = re.sub(r"[^\w]+", "-", answer.label).strip("-")
        camera = re.sub(r"[^\w]+", "-", answer.camera).strip("-")
        path = folder / f"{number:03}_{camera}_{answer.time:%Y%m%dT%H%M%SZ}_{label}.mp4"
        video = VideoOutput(path)
        try:
            video.start(None)
            for frame in _frames(answer, answer.start - _AROUND_S, answer.end + _AROUND_S):
                video.show(cv2.cvtColor(frame.image, cv2.COLOR_RGB2BGR), frame.timestamp)
            video.finish()
        except EdgevidError as error:
            problems.append(str(error))
        finally:
            video.abandon()
    return problems


def _frames(answer: Answer, start: float, end: float) -> Iterator[Frame]:
    """Yields the frames of some seconds of an answer's recording."""
    with find([answer.source])[0].at_hand() as path, open_source(path) as source:
        for frame in source:
            if frame.timestamp > end:
                return
            if frame.timestamp >= start:
                yield frame


def _place(tile: NDArray[np.uint8], picture: NDArray[np.uint8]) -> None:
    """Puts a picture into a tile, as large as it fits."""
    height, width = picture.shape[:2]
    scale = min(_TILE[0] / width, _TILE[1] / height)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    left, top = (_TILE[0] - size[0]) // 2, (_TILE[1] - size[1]) // 2
    tile[top : top + size[1], left : left + size[0]] = small
