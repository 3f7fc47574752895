"""Video files, animated pictures and network streams, decoded by FFmpeg inside OpenCV."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from edgevid.errors import SourceError
from edgevid.opencv import cv2
from edgevid.records import Frame
from edgevid.sources.base import Source

_OPEN_TIMEOUT_MS = 10_000
_READ_TIMEOUT_MS = 5_000  # FFmpeg tries up to three times before a stall shows
_LIVE_SCHEMES = ("rtsp", "rtsps", "rtmp", "rtp", "udp", "srt")

# Containers state their length by duration and rate, often a few frames too high. A file that
# ends before this share of what it states has lost its end.
_COMPLETE = 0.9


class VideoSource(Source):
    """A video file or a network address.

    Files and addresses of files give media time; live streams give the monotonic time at which
    a frame arrived.

    Raises:
        SourceError: it does not exist, is no video, or holds no picture; while iterating: it
            broke off.
    """

    def __init__(self, location: str) -> None:
        self.name = without_password(location)
        self.unreadable = 0
        if is_url(location):
            parameters = [
                *(cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, _OPEN_TIMEOUT_MS),
                *(cv2.CAP_PROP_READ_TIMEOUT_MSEC, _READ_TIMEOUT_MS),
            ]
            self._capture = cv2.VideoCapture(location, cv2.CAP_FFMPEG, parameters)
            problem = "no answer, or no video at this address"
        else:
            _check_file(Path(location))
            self._capture = cv2.VideoCapture(location, cv2.CAP_FFMPEG)
            problem = "cannot be read as a video: damaged, truncated, or of another kind"
        if not self._capture.isOpened():
            raise SourceError(f"{self.name}: {problem}")
        count = self._capture.get(cv2.CAP_PROP_FRAME_COUNT)
        rate = self._capture.get(cv2.CAP_PROP_FPS)
        self.length = int(count) if 0 < count < 1e9 else None
        self.fps = rate if 0 < rate < 1000 else None
        self.is_live = urlsplit(location).scheme in _LIVE_SCHEMES or (
            is_url(location) and self.length is None
        )

    def __iter__(self) -> Iterator[Frame]:
        index = 0
        previous = -1.0
        while self._capture.grab():
            timestamp = self._timestamp(previous)
            decoded, picture = self._capture.retrieve()
            if not decoded:
                self.unreadable += 1
                continue
            yield Frame(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), timestamp, index)
            previous = timestamp
            index += 1
        if index == 0:
            raise SourceError(f"{self.name}: holds no picture that can be decoded")
        if self.is_live:
            raise SourceError(f"{self.name}: the stream stopped after {index} frames")
        if self.length is not None and index + self.unreadable < _COMPLETE * self.length:
            raise SourceError(
                f"{self.name}: ends after {index} of {self.length} frames: truncated or damaged"
            )

    def _timestamp(self, previous: float) -> float:
        if self.is_live:
            return time.monotonic()
        now: float = self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
        if now > previous:
            return now
        # Some containers repeat a time: the nominal interval stands in for it.
        return previous + 1 / (self.fps or 1000)

    def close(self) -> None:
        """Lets go of the file or connection."""
        self._capture.release()


def is_url(location: str) -> bool:
    """Whether this is an address rather than a path."""
    return "://" in location


def without_password(location: str) -> str:
    """Returns an address without the user and password it may hold."""
    if not is_url(location):
        return location
    parts = urlsplit(location)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _check_file(path: Path) -> None:
    """Says plainly what FFmpeg would only fail on."""
    try:
        if path.stat().st_size == 0:
            raise SourceError(f"{path}: the file is empty")
        with path.open("rb"):
            pass
    except FileNotFoundError as error:
        raise SourceError(f"{path}: no such file") from error
    except OSError as error:
        if isinstance(error, SourceError):
            raise
        raise SourceError(f"{path}: cannot be read: {error.strerror}") from error
