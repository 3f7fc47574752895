"""The service at work on a camera that fails and on one that works, and how long that one waits."""

from __future__ import annotations

import threading
import time
from pathlib import Path

from apps.raspberry_pi.config import CameraConfig, Config
from apps.raspberry_pi.hub import Hub
from apps.raspberry_pi.service import Service
from apps.raspberry_pi.status import CameraStatus
from benchmarks.parts.ending import Stoppable
from edgevid import Frame, Model


class TwoCameras(Stoppable):
    """Runs since it was made.

    Args:
        model: for both.
        failing: the address of the camera that fails.
        steady: a video that the other one plays.

    Attributes:
        longest_gap: seconds between two steps of the other camera, at the most.
    """

    def __init__(self, model: Model, failing: str, steady: Path) -> None:
        cameras = (
            CameraConfig(name="failing", source=failing),
            CameraConfig(name="steady", source=str(steady)),
        )
        self._hub = Hub(camera.name for camera in cameras)
        self.longest_gap = 0.0
        self._stepped = 0.0
        self._service = Service(Config(cameras), model, self._hub, self._take)
        self._thread = threading.Thread(target=self._service.run)
        self._thread.start()

    def stop(self) -> None:
        """Ends the service."""
        self._service.stop()
        self._thread.join()

    @property
    def failing(self) -> CameraStatus:
        """How the camera that fails is."""
        return self._status("failing")

    @property
    def steady(self) -> CameraStatus:
        """How the other one is."""
        return self._status("steady")

    def look(self) -> None:
        """Counts the time since the last step of the other camera as a gap, too."""
        if self._stepped:
            self.longest_gap = max(self.longest_gap, time.monotonic() - self._stepped)

    def _status(self, name: str) -> CameraStatus:
        status = self._hub.status.camera(name)
        assert status
        return status

    def _take(self, name: str, frame: Frame) -> None:
        if name == "steady":
            self.look()
            self._stepped = time.monotonic()
