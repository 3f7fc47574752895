"""A picamera2 without a camera, which behaves as the real one was seen to.

- It settles on a format of its own, whatever was asked for, and says so only when asked.
- Rows are padded. ``make_array`` takes the padding off some formats and leaves it on others.
- It owns few pictures: who does not release them gets no more.
- A request that timed out must be cancelled, or closing never returns.
- A camera that is in use cannot be opened again.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgevid.support.opencv import cv2

WIDTH, HEIGHT, PADDING = 64, 48, 32
BUFFERS = 6


class Picamera2:
    """Stands in for the class of the same name; its attributes are for the test to set."""

    connected = 1
    in_use = False
    format = "BGR888"
    colour = (0, 0, 0)
    sensor_times: tuple[int | None, ...] = ()  # nanoseconds, a picture each; then it hangs

    @classmethod
    def global_camera_info(cls) -> list[dict[str, Any]]:
        return [{"Num": number} for number in range(cls.connected)]

    def __init__(self, number: int) -> None:
        if number >= self.connected:
            raise RuntimeError(f"No camera number {number} found")
        if Picamera2.in_use:
            raise RuntimeError("Camera __init__ sequence did not complete.")
        Picamera2.in_use = True
        self._times = iter(self.sensor_times)
        self._config: dict[str, Any] = {}
        self._started = self._stuck = False
        self.taken = 0

    def create_video_configuration(self, **wanted: Any) -> dict[str, Any]:
        return wanted

    def configure(self, config: dict[str, Any]) -> None:
        self._config = {**config, "main": {"format": self.format, "size": (WIDTH, HEIGHT)}}

    def camera_configuration(self) -> dict[str, Any]:
        return self._config

    def start(self) -> None:
        self._started = True

    def capture_request(self, wait: float | None = None) -> Request:
        assert self._started
        assert wait, "without a limit it may wait forever"
        try:
            sensor_time = next(self._times)
        except StopIteration:
            self._stuck = True
            raise TimeoutError from None
        assert self.taken < BUFFERS, "pictures are not released"
        self.taken += 1
        return Request(self, sensor_time)

    def cancel_all_and_flush(self) -> None:
        self._stuck = False

    def close(self) -> None:
        assert not self._stuck, "would never return"
        Picamera2.in_use = self._started = False


class Request:
    def __init__(self, camera: Picamera2, sensor_time: int | None) -> None:
        self._camera = camera
        self._sensor_time = sensor_time

    def make_array(self, name: str) -> NDArray[np.uint8]:
        assert name == "main"
        return picture(self._camera.format, self._camera.colour)

    def get_metadata(self) -> dict[str, int]:
        return {} if self._sensor_time is None else {"SensorTimestamp": self._sensor_time}

    def release(self) -> None:
        self._camera.taken -= 1


def picture(form: str, colour: tuple[int, int, int]) -> NDArray[np.uint8]:
    """One colour, as ``make_array`` hands it over; the padding is green."""
    padded = np.full((HEIGHT, WIDTH + PADDING, 3), (0, 255, 0), np.uint8)
    padded[:, :WIDTH] = colour
    rgb = np.ascontiguousarray(padded[:, :WIDTH])
    if form in ("BGR888", "MJPEG"):
        return rgb
    if form in ("RGB888", "XRGB8888", "XBGR8888"):
        code = {
            "RGB888": cv2.COLOR_RGB2BGR,
            "XRGB8888": cv2.COLOR_RGB2BGRA,
            "XBGR8888": cv2.COLOR_RGB2RGBA,
        }
        return np.asarray(cv2.cvtColor(rgb, code[form]), np.uint8)
    if form in ("YUYV", "UYVY"):
        code = {"YUYV": cv2.COLOR_RGB2YUV_YUYV, "UYVY": cv2.COLOR_RGB2YUV_UYVY}
        return np.asarray(cv2.cvtColor(padded, code[form]), np.uint8)
    planes = np.asarray(cv2.cvtColor(padded, cv2.COLOR_RGB2YUV_I420), np.uint8)
    if form == "YUV420":
        return planes
    luma, chroma = planes[:HEIGHT], planes[HEIGHT:].reshape(2, HEIGHT // 2, -1)
    if form == "YVU420":
        return np.vstack([luma, chroma[::-1].reshape(HEIGHT // 2, -1)])
    order = {"NV12": (0, 1), "NV21": (1, 0)}[form]
    interleaved = np.stack([chroma[order[0]], chroma[order[1]]], axis=2)
    return np.ascontiguousarray(np.vstack([luma, interleaved.reshape(HEIGHT // 2, -1)])[:, :WIDTH])
