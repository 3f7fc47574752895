"""Answers as a table, as JSON Lines, as a picture of pictures, and as cut clips."""

from __future__ import annotations

import itertools
import json
import math
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgevid.archive import footage
from edgevid.archive.recordings import Recording, find
from edgevid.archive.search import Answer
from edgevid.errors import EdgevidError, SourceError
from edgevid.plain_text import readable
from edgevid.records import Box, Frame
from edgevid.sinks.video import VideoOutput
from edgevid.sources import open_source
from edgevid.support.atomic_file import atomic_file
from edgevid.support.jpeg import to_jpeg
from edgevid.support.opencv import cv2

_TILE = 320, 180  # pixels of one picture of the sheet
_CAPTION = 40
_COLUMNS = 4
_STRIP = 180  # pixels, the height of three pictures of one answer
_SHARES = (0.1, 0.5, 0.9)  # of its length: where those are
_AROUND_S = 1.0  # before and after an answer, in its clip


def table(answers: Sequence[Answer]) -> str:
    """Returns a table for people; times are this machine's."""
    rows = [
        (
            f"{answer.score:.2f}",
            f"{answer.time.astimezone():%Y-%m-%d %H:%M:%S}",
            readable(answer.camera),
            readable(label_of(answer)),
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


def label_of(answer: Answer) -> str:
    """Returns what an answer is called: its label, and of which track."""
    return answer.label if answer.track is None else f"#{answer.track} {answer.label}"


def write_sheet(
    answers: Sequence[Answer], path: Path, recordings: Sequence[Recording] = ()
) -> list[str]:
    """Writes one picture from the middle of each answer, as one JPEG file.

    Args:
        answers: of what.
        path: of the file.
        recordings: that show what cameras saw.

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
            seen = footage.shown(answer, recordings)
            _place(tile, picture(seen, (seen.start + seen.end) / 2))
        except EdgevidError as error:
            problems.append(str(error))
        for number, text in enumerate(
            (
                f"{answer.score:.2f} {label_of(answer)}",
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
    (found,) = _pictures(answer, [seconds])
    return found


def strip(answer: Answer) -> NDArray[np.uint8]:
    """Returns pictures of an answer's beginning, middle and end, small and side by side; BGR.

    Raises:
        SourceError: the recording cannot be read any more.
    """
    length = answer.end - answer.start
    tiles = []
    for found in _pictures(answer, [answer.start + share * length for share in _SHARES]):
        height, width = found.shape[:2]
        size = max(1, round(_STRIP * width / height)), _STRIP
        tiles.append(cv2.resize(found, size, interpolation=cv2.INTER_AREA))
    return np.hstack(tiles)


def _pictures(answer: Answer, places: Sequence[float]) -> list[NDArray[np.uint8]]:
    """Returns the picture at each of some seconds, or the last before it where there is none."""
    found: list[NDArray[np.uint8]] = []
    last: Frame | None = None
    for frame in _frames(answer, places[0], math.inf):
        last = frame
        while len(found) < len(places) and frame.timestamp >= places[len(found)]:
            found.append(_drawn(frame, answer.box))
        if len(found) == len(places):
            return found
    if last is None:
        raise SourceError(f"{answer.source}: is shorter than it was")
    return found + [_drawn(last, answer.box)] * (len(places) - len(found))


def _drawn(frame: Frame, box: Box | None) -> NDArray[np.uint8]:
    image = cv2.cvtColor(frame.image, cv2.COLOR_RGB2BGR)
    if box is not None:
        x, y, width, height = box
        thick = max(1, round(max(image.shape) / 200))
        cv2.rectangle(image, (x, y), (x + width, y + height), (60, 220, 60), thick)
    return np.asarray(image, np.uint8)


def write_clips(
    answers: Sequence[Answer], folder: Path, recordings: Sequence[Recording] = ()
) -> list[str]:
    """Writes an MP4 file for each answer, with a second before and after.

    Args:
        answers: of what.
        folder: for the files.
        recordings: that show what cameras saw.

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
            seen = footage.shown(answer, recordings)
            video.start(None)
            for frame in _frames(seen, seen.start - _AROUND_S, seen.end + _AROUND_S):
                video.show(cv2.cvtColor(frame.image, cv2.COLOR_RGB2BGR), frame.timestamp)
            video.finish()
        except EdgevidError as error:
            problems.append(str(error))
        finally:
            video.abandon()
    return problems


def _frames(answer: Answer, start: float, end: float) -> Iterator[Frame]:
    """Yields the frames of some seconds of an answer's recording."""
    with find([answer.source])[0].at_hand() as path:
        for skips in (True, False):
            with open_source(path) as source:
                if skips and not (start > 0 and source.skip_to(start)):
                    continue
                frames = iter(source)
                first = next(frames, None)
                if skips and (first is None or first.timestamp > start):
                    continue  # it went too far, as in a file without an index
                for frame in itertools.chain([first] if first is not None else [], frames):
                    if frame.timestamp > end:
                        return
                    if frame.timestamp >= start:
                        yield frame
                return


def _place(tile: NDArray[np.uint8], picture: NDArray[np.uint8]) -> None:
    """Puts a picture into a tile, as large as it fits."""
    height, width = picture.shape[:2]
    scale = min(_TILE[0] / width, _TILE[1] / height)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    left, top = (_TILE[0] - size[0]) // 2, (_TILE[1] - size[1]) // 2
    tile[top : top + size[1], left : left + size[0]] = small
