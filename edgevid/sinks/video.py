"""Labelled pictures as an MP4 file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edgevid.errors import OutputError
from edgevid.opencv import cv2
from edgevid.sinks.overlay import Picture
from edgevid.sinks.pictures import PictureOutput
from edgevid.whole_file import WholeFile

_DEFAULT_FPS = 25.0  # of a source that does not know its own
_LONGEST_HOLD_S = 10.0  # a camera that was away longer leaves a cut, not minutes of a still


class VideoOutput(PictureOutput):
    """Writes an MP4 at the source's frame rate.

    The file's rate is even though a camera's is not: a picture is left out or held so that the
    file keeps the time that passed. Further clips follow in the first one's size and rate.

    Args:
        path: ends in ``.mp4``.

    Raises:
        OutputError: the file cannot be written.
    """

    def __init__(self, path: Path) -> None:
        if path.suffix.lower() != ".mp4":
            raise OutputError(f"{path}: the labelled video is an .mp4 file: name it so")
        self._path = path
        self._whole = WholeFile(path)
        self._writer: Any = None
        self._fps = 0.0
        self._clip_start: float | None = None
        self._written = 0
        self._written_before_clip = 0
        self._previous: Picture | None = None

    def start(self, fps: float | None) -> None:
        """Goes on with a new clip."""
        self._fps = self._fps or fps or _DEFAULT_FPS
        self._clip_start = None
        self._written_before_clip = self._written

    def show(self, picture: Picture, timestamp: float) -> None:
        """Writes the picture at its time."""
        if self._writer is None:
            self._open(picture)
        height, width = self._size
        if picture.shape[:2] != self._size:
            picture = _letterbox(picture, width, height)
        if self._clip_start is None:
            self._clip_start = timestamp
        place = self._written_before_clip + round((timestamp - self._clip_start) * self._fps)
        gap = place - self._written
        if gap < 0:
            return
        if gap > _LONGEST_HOLD_S * self._fps:
            self._clip_start += gap / self._fps
            gap = 0
        for _ in range(gap):
            self._writer.write(self._previous)
        self._writer.write(picture)
        self._written += gap + 1
        self._previous = picture

    def finish(self) -> None:
        """Gives the file its name; no file when there was no picture.

        Raises:
            OutputError: it did not become whole.
        """
        if self._writer is None:
            self._whole.discard()
            return
        self._writer.release()
        # OpenCV says nothing when the disk is full.
        if cv2.VideoCapture(str(self._whole.path)).get(cv2.CAP_PROP_FRAME_COUNT) < self._written:
            self._whole.discard()
            raise OutputError(f"{self._path}: did not become whole: is the disk full?")
        self._whole.keep()

    def abandon(self) -> None:
        """Takes the file away."""
        if self._writer is not None:
            self._writer.release()
        self._whole.discard()

    def _open(self, picture: Picture) -> None:
        # MPEG-4 Part 2: the one MP4 codec that every OpenCV wheel can write. Its sides are even.
        height, width = (side // 2 * 2 for side in picture.shape[:2])
        self._size = height, width
        codec = cv2.VideoWriter.fourcc(*"mp4v")
        path = str(self._whole.path)
        self._writer = cv2.VideoWriter(path, cv2.CAP_FFMPEG, codec, self._fps, (width, height))
        if not self._writer.isOpened():
            raise OutputError(
                f"{self._whole.path}: OpenCV cannot write a video of {width}x{height} here"
            )


def _letterbox(picture: Picture, width: int, height: int) -> Picture:
    """Fits a picture into a size, between black bars."""
    scale = min(width / picture.shape[1], height / picture.shape[0])
    inner = round(picture.shape[1] * scale), round(picture.shape[0] * scale)
    resized = cv2.resize(picture, inner, interpolation=cv2.INTER_AREA)
    left, top = (width - inner[0]) // 2, (height - inner[1]) // 2
    bordered: Picture = cv2.copyMakeBorder(
        resized,
        *(top, height - inner[1] - top, left, width - inner[0] - left),
        cv2.BORDER_CONSTANT,
        value=(0, 0, 0),
    )
    return bordered
