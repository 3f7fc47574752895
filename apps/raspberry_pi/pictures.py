"""Pictures as the service keeps and shows them: BGR, uint8, ``[height, width, 3]``, or JPEG."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edgevid.support.jpeg import from_jpeg
from edgevid.support.jpeg import to_jpeg as jpeg

__all__ = ["Picture", "bgr", "from_jpeg", "jpeg"]

Picture = NDArray[np.uint8]


def bgr(image: NDArray[np.uint8]) -> Picture:
    """Returns a frame's image, RGB, as a picture."""
    return np.ascontiguousarray(image[:, :, ::-1])
