"""Labelled pictures as an MP4 file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from edgevid.errors import OutputError
from edgevid.sinks.overlay import Picture
from edgevid.sinks.pictures import PictureOutput
from edgevid.support.atomic_file import AtomicFile
from edgevid.support.opencv import cv2

if TYPE_CHECKING:
    from edgevid.sinks.mp4 import Mp4Writer

_DEFAULT_FPS = 25.0  # of a source that does not know its own
_LONGEST_GAP_S = 10.0  # a camera that was away longer leaves a cut, not minutes of a still
_LONGEST_USUAL_S = 3600.0  # between two pictures, at the slowest rate


class VideoOutput(PictureOutput):
    """Writes an MP4 in which each picture has its source's time.

    Further clips follow one another in the first one's size, between black bars where their
    shape is another.

    When it cannot go on, because the disk is full, the file keeps what was written and becomes
    whole with that; what comes after is passed over.

    Args:
        path: ends in ``.mp4``.

    Raises:
        OutputError: the file cannot be written.
    """

    def __init__(self, path: Path) -> None:
        if path.suffix.lower() != ".mp4":
            raise OutputError(f"{path}: the labelled video is an .mp4 file: name it so")
        self.is_open = True
        self._path = path
        self._whole = AtomicFile(path)
        self._writer: Mp4Writer | None = None
        self._fps: float | None = None
        self._previous: float | None = None  # the last picture's time in its clip
        self._gap = 1 / _DEFAULT_FPS  # how long the last picture lasts if no other follows
        self._place = 0.0  # the last picture's time in the file
        self._ticks = -1  # the same, as it was written

    def start(self, fps: float | None) -> None:
        """Goes on with a new clip."""
        self._fps = fps
        self._previous = None

    def show(self, picture: Picture, timestamp: float) -> None:
        """Writes the picture at its time.

        Raises:
            OutputError: it cannot be written. What was written before is in the file.
        """
        if not self.is_open:
            return
        try:
            if self._writer is None:
                self._writer = self._open(picture)
            follows = self._move_to(timestamp)
            writer = self._writer
            ticks = max(self._ticks + 1, round(self._place * writer.ticks))
            writer.write(self._fitted(picture), ticks, self._lasts(writer), key=not follows)
            self._ticks = ticks
        except OSError as error:
            reason = error.strerror or str(error)
            if not self._end():
                raise OutputError(f"{self._path}: cannot be written: {reason}") from error
            raise OutputError(
                f"{self._path}: ends after {self._place:.1f} s, as more cannot be written: {reason}"
            ) from error

    def finish(self) -> None:
        """Gives the file its name; no file when there was no picture.

        Raises:
            OutputError: it did not become whole.
        """
        if self.is_open and not self._end() and self._ticks >= 0:
            raise OutputError(f"{self._path}: did not become whole: is the disk full?")

    def abandon(self) -> None:
        """Takes the file away, unless it is whole already."""
        self.is_open = False
        if self._writer is not None:
            self._writer.abandon()
        self._whole.discard()

    def _open(self, picture: Picture) -> Mp4Writer:
        from edgevid.sinks.mp4 import LARGEST_SIDE, Mp4Writer  # here: it loads PyAV

        height, width = picture.shape[:2]
        shrink = min(1.0, LARGEST_SIDE / max(width, height))
        self._shape = height, width
        self._size = _even(width * shrink), _even(height * shrink)
        return Mp4Writer(self._whole.path, self._size, self._fps or _DEFAULT_FPS)

    def _move_to(self, timestamp: float) -> bool:
        """Moves on in the file; returns whether the picture follows the one before."""
        usual = min(1 / self._fps, _LONGEST_USUAL_S) if self._fps else None
        previous, self._previous = self._previous, timestamp
        if previous is not None:
            gap = timestamp - previous
            if 0 < gap <= max(_LONGEST_GAP_S, 1.5 * (usual or 0)):
                self._place += gap
                self._gap = usual or gap
                return True
        if self._ticks >= 0:  # the last picture before the cut has its time
            self._place += self._gap
        self._gap = usual or 1 / _DEFAULT_FPS
        return False

    def _lasts(self, writer: Mp4Writer) -> int:
        return max(1, round(self._gap * writer.ticks))

    def _fitted(self, picture: Picture) -> Picture:
        width, height = self._size
        missing = height - picture.shape[0], width - picture.shape[1]
        if missing == (0, 0):
            return picture
        if picture.shape[:2] == self._shape and set(missing) <= {0, 1}:
            padded: Picture = cv2.copyMakeBorder(
                picture, 0, missing[0], 0, missing[1], cv2.BORDER_REPLICATE
            )
            return padded
        return _letterbox(picture, width, height)

    def _end(self) -> bool:
        """Makes a file of what was written; returns whether there is one."""
        self.is_open = False
        try:
            if self._writer is None or self._ticks < 0:
                self.abandon()
                return False
            self._writer.close(self._lasts(self._writer))
            self._whole.keep()
        except OSError:
            self._whole.discard()
            return False
        return True


def _even(side: float) -> int:
    """Rounds up: H.264 has a colour for each two by two pixels."""
    return max(2, -(-round(side) // 2) * 2)


def _letterbox(picture: Picture, width: int, height: int) -> Picture:
    """Fits a picture into a size, between black bars."""
    scale = min(width / picture.shape[1], height / picture.shape[0])
    inner = max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale))
    resized = cv2.resize(picture, inner, interpolation=cv2.INTER_AREA)
    left, top = (width - inner[0]) // 2, (height - inner[1]) // 2
    bordered: Picture = cv2.copyMakeBorder(
        resized,
        *(top, height - inner[1] - top, left, width - inner[0] - left),
        cv2.BORDER_CONSTANT,
        value=(0, 0, 0),
    )
    return bordered
