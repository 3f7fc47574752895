"""USB and built-in cameras."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from edgevid.errors import SourceError
from edgevid.records import Frame
from edgevid.sources.base import Source
from edgevid.support.opencv import cv2

_ON_LINUX = sys.platform == "linux"
_BOARD = Path("/proc/device-tree/model")  # says "Raspberry Pi ..." on one
_UNREADABLE_IN_A_ROW = 100  # a few seconds of pictures: more than a bad start or a loose plug
_OLDEST_S = 5.0  # a picture said to be older than this bears the time of some other clock


class CameraSource(Source):
    """A camera that the operating system knows.

    Timestamps are the driver's own where it tells them on the monotonic clock (V4L2 does), else
    the moment at which the picture was handed over.

    Args:
        device: its number, or on Linux its path, such as ``/dev/video0``.

    Raises:
        SourceError: no such camera, or one that gives no pictures; while iterating: it is gone.
    """

    is_live = True
    length = None

    def __init__(self, device: int | str) -> None:
        self.name = f"camera {device}" if isinstance(device, int) else device
        self.unreadable = 0
        if _ON_LINUX:
            _check_device(self.name, f"/dev/video{device}" if isinstance(device, int) else device)
        self._capture = cv2.VideoCapture(device, cv2.CAP_V4L2 if _ON_LINUX else cv2.CAP_ANY)
        if not self._capture.isOpened() or not self._capture.grab():
            self._capture.release()
            raise SourceError(
                f"{self.name}: gives no pictures: another program may be using it, or it is "
                f"no camera but a part of one{_hint()}"
            )
        rate = self._capture.get(cv2.CAP_PROP_FPS)
        self.fps: float | None = rate if 0 < rate < 1000 else None

    def __iter__(self) -> Iterator[Frame]:
        index = 0
        timestamp = 0.0
        unreadable_in_a_row = 0
        while unreadable_in_a_row < _UNREADABLE_IN_A_ROW and self._capture.grab():
            timestamp = max(self._captured_at(), timestamp + 1e-6)
            decoded, picture = self._capture.retrieve()
            if not decoded:
                self.unreadable += 1
                unreadable_in_a_row += 1
                continue
            yield Frame(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), timestamp, index)
            unreadable_in_a_row = 0
            index += 1
        if unreadable_in_a_row:
            raise SourceError(f"{self.name}: its pictures cannot be decoded (after {index} frames)")
        raise SourceError(f"{self.name}: stopped giving pictures after {index} frames: unplugged?")

    def _captured_at(self) -> float:
        now = time.monotonic()
        told: float = self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
        return told if now - _OLDEST_S < told <= now else now

    def close(self) -> None:
        """Lets go of the camera."""
        self._capture.release()


def _check_device(name: str, path: str) -> None:
    """Says plainly what OpenCV would only fail on."""
    which = "it" if path == name else path
    if not Path(path).exists():
        raise SourceError(f"{name}: {which} does not exist; {_cameras_here()}")
    if not Path(path).is_char_device():
        raise SourceError(f"{name}: {which} is no camera; {_cameras_here()}")
    if not os.access(path, os.R_OK | os.W_OK):
        raise SourceError(
            f"{name}: you may not use {which}: sudo usermod -aG video $USER, then log in anew"
        )


def _cameras_here() -> str:
    found = sorted(str(path) for path in Path("/dev").glob("video*"))
    return f"cameras here: {', '.join(found)}" if found else "there is no camera on this machine"


def _hint() -> str:
    if _BOARD.exists() and "Raspberry Pi" in _BOARD.read_text("utf-8", "replace"):
        return "; the camera on a Pi's own connector is --camera picamera"
    return ""
