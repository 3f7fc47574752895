"""Each camera's newest picture with its labels, drawn on request. Thread-safe."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from apps.raspberry_pi.clock import unix_time
from apps.raspberry_pi.pictures import bgr, jpeg
from edgevid import Frame, Prediction, draw


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A labelled picture: JPEG, and a number that is another for each picture."""

    jpeg: bytes
    number: int


class Snapshots:
    """Keeps the newest frame and predictions of each camera.

    Args:
        names: the cameras.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._cameras = {name: _Camera() for name in names}

    def record_step(self, name: str, frame: Frame, predictions: Sequence[Prediction]) -> None:
        """The model has looked at a frame; see ``Hub.record_step``."""
        camera = self._cameras[name]
        number = camera.newest.number + 1 if camera.newest else 0
        camera.newest = _Step(number, frame, tuple(predictions))

    def snapshot(self, name: str) -> Snapshot | None:
        """Returns a camera's newest picture with its labels, drawn now unless it was before.

        None when there is no such camera, or no picture of it yet.
        """
        camera = self._cameras.get(name)
        if camera is None:
            return None
        with camera.drawing:  # two who look at once cost one drawing
            newest = camera.newest
            if newest is None:
                return None
            if camera.drawn is None or camera.drawn.number != newest.number:
                moment = time.localtime(unix_time(newest.frame.timestamp))
                clock = time.strftime("%H:%M:%S", moment)
                tracks = [one for one in newest.predictions if one.track is not None]
                whole = next((one for one in newest.predictions if one.track is None), None)
                picture = draw(newest.frame, whole, time=clock, tracks=tracks)
                camera.drawn = Snapshot(jpeg(picture), newest.number)
            return camera.drawn

    def plain(self, name: str) -> bytes | None:
        """Returns a camera's newest picture as it is: JPEG; None as in ``snapshot``."""
        camera = self._cameras.get(name)
        newest = camera.newest if camera else None
        return None if newest is None else jpeg(bgr(newest.frame.image))


@dataclass(frozen=True, slots=True)
class _Step:
    number: int
    frame: Frame
    predictions: tuple[Prediction, ...]


class _Camera:
    def __init__(self) -> None:
        self.newest: _Step | None = None  # set by the watcher's thread alone, in one go
        self.drawing = threading.Lock()
        self.drawn: Snapshot | None = None
