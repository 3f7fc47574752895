"""The Raspberry Pi's own camera, through picamera2."""

from __future__ import annotations

import importlib
import logging
import os
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgevid.errors import MissingDependencyError, SourceError
from edgevid.records import Frame
from edgevid.sources.base import Source
from edgevid.support.opencv import cv2

_SIZE = (640, 480)
_FPS = 30.0
_PATIENCE_S = 5.0  # for a picture; a camera that works gives one in a fraction of a second

# What picamera2 may give, and how it becomes RGB. Its names are the other way round from the
# order in memory: "BGR888" holds R, G, B. A camera may change the format asked for without a
# word, so the one it settled on is what counts.
_TO_RGB: dict[str, int | None] = {
    "BGR888": None,
    "RGB888": cv2.COLOR_BGR2RGB,
    "XBGR8888": cv2.COLOR_RGBA2RGB,
    "XRGB8888": cv2.COLOR_BGRA2RGB,
    "MJPEG": None,  # picamera2 has decoded it by then
    "YUV420": cv2.COLOR_YUV2RGB_I420,
    "YVU420": cv2.COLOR_YUV2RGB_YV12,
    "NV12": cv2.COLOR_YUV2RGB_NV12,
    "NV21": cv2.COLOR_YUV2RGB_NV21,
    "YUYV": cv2.COLOR_YUV2RGB_YUYV,
    "UYVY": cv2.COLOR_YUV2RGB_UYVY,
}


class PicameraSource(Source):
    """A camera on the Raspberry Pi's camera connector; timestamps are the sensor's own.

    Args:
        number: which camera, 0 for the first.

    Raises:
        MissingDependencyError: picamera2 is not installed.
        SourceError: no camera is connected, or it cannot be used; while iterating: it failed.
    """

    is_live = True
    length = None

    def __init__(self, number: int = 0) -> None:
        self.name = "picamera" if number == 0 else f"picamera{number}"
        self.unreadable = 0
        self.fps: float | None = _FPS
        picamera2 = _library()
        connected = len(picamera2.global_camera_info())
        if number >= connected:
            raise SourceError(
                f"{self.name}: no such camera: {connected} connected "
                "(rpicam-hello --list-cameras shows them)"
            )
        try:
            self._camera = picamera2(number)
        except RuntimeError as error:
            raise SourceError(
                f"{self.name}: cannot be opened: is another program using it?"
            ) from error
        try:
            self._camera.configure(
                self._camera.create_video_configuration(
                    main={"size": _SIZE, "format": "BGR888"}, controls={"FrameRate": _FPS}
                )
            )
            self._format, self._size = _configured(self._camera)
            self._camera.start()
        except (RuntimeError, ValueError) as error:
            self._camera.close()
            raise SourceError(f"{self.name}: cannot be started: {error}") from error

    def __iter__(self) -> Iterator[Frame]:
        index = 0
        previous = -1.0
        while True:
            request = self._request(index)
            try:
                pixels = request.make_array("main")
                sensor_ns = request.get_metadata().get("SensorTimestamp")
            finally:
                request.release()
            timestamp = sensor_ns / 1e9 if sensor_ns else time.monotonic()
            if timestamp <= previous:
                continue  # the same exposure once more
            previous = timestamp
            yield Frame(to_rgb(pixels, self._format, self._size), timestamp, index)
            index += 1

    def _request(self, index: int) -> Any:
        try:
            return self._camera.capture_request(wait=_PATIENCE_S)
        except TimeoutError as error:
            # What was asked for would stand in the way of closing.
            self._camera.cancel_all_and_flush()
            raise SourceError(
                f"{self.name}: stopped giving pictures after {index} frames: is its cable loose?"
            ) from error
        except RuntimeError as error:
            raise SourceError(
                f"{self.name}: stopped giving pictures after {index} frames: {error}"
            ) from error

    def close(self) -> None:
        """Lets go of the camera."""
        self._camera.close()


def _library() -> Any:
    """Loads picamera2 and keeps it quiet: edgevid says itself what went wrong."""
    os.environ.setdefault("LIBCAMERA_LOG_LEVELS", "*:FATAL")
    logging.getLogger("picamera2").addHandler(logging.NullHandler())
    try:
        return importlib.import_module("picamera2").Picamera2
    except ImportError as error:
        raise MissingDependencyError(
            "the Pi camera needs picamera2: sudo apt install python3-picamera2, and a virtual "
            "environment made with --system-site-packages"
        ) from error


def to_rgb(pixels: NDArray[np.uint8], form: str, size: tuple[int, int]) -> NDArray[np.uint8]:
    """Turns what picamera2 hands over into RGB ``[height, width, 3]``.

    Args:
        pixels: the picture's memory, rows padded to the camera's liking.
        form: its format in picamera2's terms, a key of the table above.
        size: width and height in pixels.
    """
    width, height = size
    conversion = _TO_RGB[form]
    if form in ("YUV420", "YVU420", "NV12", "NV21"):
        pixels = np.ascontiguousarray(pixels[: height * 3 // 2])
    rgb = pixels if conversion is None else cv2.cvtColor(pixels, conversion)
    return np.ascontiguousarray(rgb[:height, :width])


def _configured(camera: Any) -> tuple[str, tuple[int, int]]:
    """Reads back the format and size that the camera settled on."""
    main = camera.camera_configuration()["main"]
    form, size = str(main["format"]), (int(main["size"][0]), int(main["size"][1]))
    if form not in _TO_RGB:
        raise ValueError(f"it gives {form}, which edgevid cannot read")
    return form, size
