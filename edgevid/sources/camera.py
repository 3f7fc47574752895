"""USB and built-in cameras."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path

from edgevid.errors import SourceError
from edgevid.opencv import cv2
from edgevid.records import Frame
from edgevid.sources.base import Source


class CameraSource(Source):
    """A camera that the operating system knows.

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
        on_linux = sys.platform == "linux"
        if on_linux:
            path = Path(f"/dev/video{device}" if isinstance(device, int) else device)
            if not path.exists():
                raise SourceError(f"{self.name}: {path} does not exist; {_cameras_here()}")
        # By name V4L2 takes a path, by number it opens the same device.
        self._capture = cv2.VideoCapture(device, cv2.CAP_V4L2 if on_linux else cv2.CAP_ANY)
        # One frame of queue at most, so that the next picture is a fresh one.
        self._capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
        if not self._capture.isOpened() or not self._capture.grab():
            self._capture.release()
            raise SourceError(
                f"{self.name}: exists but gives no pictures: another program may be using it, "
                "or you may lack the right to (on Linux: the group 'video')"
            )
        rate = self._capture.get(cv2.CAP_PROP_FPS)
        self.fps: float | None = rate if 0 < rate < 1000 else None

    def __iter__(self) -> Iterator[Frame]:
        index = 0
        while self._capture.grab():
            timestamp = time.monotonic()
            decoded, picture = self._capture.retrieve()
            if not decoded:
                self.unreadable += 1
                continue
            yield Frame(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), timestamp, index)
            index += 1
        raise SourceError(f"{self.name}: stopped giving pictures after {index} frames: unplugged?")

    def close(self) -> None:
        """Lets go of the camera."""
        self._capture.release()


def _cameras_here() -> str:
    found = sorted(str(path) for path in Path("/dev").glob("video*"))
    return f"cameras here: {', '.join(found)}" if found else "there is no camera on this machine"
