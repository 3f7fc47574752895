"""Pictures as the service keeps and shows them: BGR, uint8, ``[height, width, 3]``, or JPEG."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edgevid.support.jpeg import from_jpeg
from edgevid.support.jpeg import to_jpeg as jpeg
from edgevid.support.opencv import cv2

__all__ = ["Picture", "bgr", "from_jpeg", "jpeg", "small"]

Picture = NDArray[np.uint8]


def small(picture: bytes, longest: int) -> bytes:
    """Returns a JPEG file, made smaller where a side is over so many pixels."""
    image = from_jpeg(picture)
    height, width = image.shape[:2]
    if max(height, width) <= longest:
        return picture
    scale = longest / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return jpeg(cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype(np.uint8))


def bgr(image: NDArray[np.uint8]) -> Picture:
    """Returns a frame's image, RGB, as a picture."""
    # NumPy's image[:, :, ::-1] takes 65 times the instructions on a Raspberry Pi.
    picture: Picture = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    return picture
