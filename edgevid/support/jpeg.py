"""Pictures as JPEG files in memory, and back."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_QUALITY = 80  # per cent


def to_jpeg(picture: NDArray[np.uint8]) -> bytes:
    """Returns a picture, BGR ``[height, width, 3]``, as a JPEG file.

    Example:
        >>> from edgevid.support.jpeg import to_jpeg
        >>> data = to_jpeg(np.zeros((48, 64, 3), np.uint8))
        >>> data[:2]
        b'\\xff\\xd8'
    """
    from edgevid.support.opencv import cv2  # here, so that importing edgevid stays light

    _, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    return bytes(data)


def from_jpeg(data: bytes) -> NDArray[np.uint8]:
    """Returns the picture in a JPEG file: BGR, uint8, ``[height, width, 3]``.

    Raises:
        ValueError: there is none that can be decoded.

    Example:
        >>> from edgevid.support.jpeg import from_jpeg, to_jpeg
        >>> from_jpeg(to_jpeg(np.zeros((48, 64, 3), np.uint8))).shape
        (48, 64, 3)
    """
    from edgevid.support.opencv import cv2

    picture: NDArray[np.uint8] | None = None
    if data:
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    if picture is None:
        raise ValueError("no JPEG file, or a damaged one")
    return picture
