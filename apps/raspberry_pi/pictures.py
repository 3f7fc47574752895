"""Pictures as JPEG, and back. The one place here that loads OpenCV."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Untyped on purpose: the type stubs differ from release to release of OpenCV.
cv2: Any = importlib.import_module("cv2")

_QUALITY = 80  # per cent

Picture = NDArray[np.uint8]  # BGR [height, width, 3]


def jpeg(picture: Picture) -> bytes:
    """Returns a picture as a JPEG file."""
    _, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    return bytes(data)


def from_jpeg(data: bytes) -> Picture:
    """Returns the picture in a JPEG file."""
    picture: Picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    return picture


def bgr(image: NDArray[np.uint8]) -> Picture:
    """Returns a frame's image, RGB, as a picture."""
    return np.ascontiguousarray(image[:, :, ::-1])
