"""Video files, animated pictures and network streams, decoded by FFmpeg inside OpenCV."""

from __future__ import annotations

import re
import stat
import time
from collections.abc import Iterator
from pathlib import Path

from edgevid.errors import SourceError
from edgevid.opencv import cv2
from edgevid.records import Frame
from edgevid.sources.base import Source
from edgevid.sources.folders import VIDEO_SUFFIXES

_OPEN_TIMEOUT_MS = 10_000
_READ_TIMEOUT_MS = 5_000  # FFmpeg tries up to three times before a stall shows
_LIVE_SCHEMES = ("rtsp", "rtsps", "rtmp", "rtp", "udp", "srt")

# OpenCV gives up at a damaged picture, though it can often be asked for the next. After this
# many failures in a row the video is taken to have ended.
_DAMAGED_IN_A_ROW = 25

# Containers state their length by duration and rate, often a few frames too high, and far too
# high where the rate varies. A file that ends before this share of both its frames and its
# duration has lost its end.
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
        self.name = without_secrets(location)
        self.unreadable = 0
        if is_url(location):
            parameters = [
                *(cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, _OPEN_TIMEOUT_MS),
                *(cv2.CAP_PROP_READ_TIMEOUT_MSEC, _READ_TIMEOUT_MS),
            ]
            self._capture = cv2.VideoCapture(location, cv2.CAP_FFMPEG, parameters)
            problem = "no answer, no video at this address, or a wrong user or password"
        else:
            _check_file(Path(location))
            # Absolute: FFmpeg would take "12:30.mp4" to be a protocol called 12.
            self._capture = cv2.VideoCapture(str(Path(location).absolute()), cv2.CAP_FFMPEG)
            problem = "cannot be read as a video: damaged, truncated, or of another kind"
        if not self._capture.isOpened():
            raise SourceError(f"{self.name}: {problem}")
        count = self._capture.get(cv2.CAP_PROP_FRAME_COUNT)
        rate = self._capture.get(cv2.CAP_PROP_FPS)
        self.length = int(count) if 0 < count < 1e9 else None
        self.fps = rate if 0 < rate < 1000 else None
        self.is_live = is_url(location) and (
            location.lower().startswith(_LIVE_SCHEMES)
            or (self.length is None and Path(self.name).suffix.lower() not in VIDEO_SUFFIXES)
        )

    def __iter__(self) -> Iterator[Frame]:
        index = 0
        timestamp = -1.0
        while self._grab():
            timestamp = self._timestamp(timestamp)
            decoded, picture = self._capture.retrieve()
            if not decoded:
                self.unreadable += 1
                continue
            yield Frame(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), timestamp, index)
            index += 1
        if index == 0:
            raise SourceError(f"{self.name}: holds no picture that can be decoded")
        if self.is_live:
            raise SourceError(f"{self.name}: the stream stopped after {index} frames")
        if self._lost_its_end(index, timestamp):
            raise SourceError(
                f"{self.name}: ends after {index} of {self.length} frames: truncated or damaged"
            )

    def _grab(self) -> bool:
        """Moves on to the next picture that is whole; False at the end.

        Counts the damaged ones that OpenCV tells of; FFmpeg passes over some by itself.
        """
        started = time.monotonic()
        for damaged in range(_DAMAGED_IN_A_ROW):
            if self._capture.grab():
                self.unreadable += damaged
                return True
            if time.monotonic() - started > _READ_TIMEOUT_MS / 1000:
                break  # the network is silent: to ask again would mean to wait again
        return False

    def _timestamp(self, previous: float) -> float:
        if self.is_live:
            return max(time.monotonic(), previous + 1e-6)  # pictures may come in bursts
        now: float = self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
        if now > previous:
            return now
        # Some containers repeat a time: the nominal interval stands in for it.
        return previous + 1 / (self.fps or 1000)

    def _lost_its_end(self, frames: int, last: float) -> bool:
        if self.length is None or self.fps is None:
            return False
        return (
            frames + self.unreadable < _COMPLETE * self.length
            and last + 1 / self.fps < _COMPLETE * self.length / self.fps
        )

    def close(self) -> None:
        """Lets go of the file or connection."""
        self._capture.release()


def is_url(location: str) -> bool:
    """Whether this is an address rather than a path."""
    return "://" in location


def without_secrets(location: str) -> str:
    """Returns an address without what may be secret: user, password, query, ``password=...``."""
    if not is_url(location):
        return location
    scheme, _, rest = location.partition("://")
    # By the last @, not by the rules for addresses: a password may hold / and ? itself.
    rest = re.split("[?#]", rest.rpartition("@")[2])[0]
    return f"{scheme}://" + re.sub(r"(?i)(pass\w*|pwd|token|secret|key)=[^/&]*", r"\1=...", rest)


def _check_file(path: Path) -> None:
    """Says plainly what FFmpeg would only fail on."""
    try:
        found = path.stat()
        regular = stat.S_ISREG(found.st_mode)
        if regular:  # to open a pipe would wait for whoever writes into it
            path.open("rb").close()
    except FileNotFoundError as error:
        raise SourceError(f"{path}: no such file") from error
    except OSError as error:
        raise SourceError(f"{path}: cannot be read: {error.strerror}") from error
    if regular and found.st_size == 0:
        raise SourceError(f"{path}: the file is empty")
