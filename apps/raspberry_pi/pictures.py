"""Pictures as JPEG, and back."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Untyped on purpose: the type stubs differ from release to release of OpenCV.
cv2: Any = importlib.import_module("cv2")

_QUALITY = 80  # per cent


def jpeg(picture: NDArray[np.uint8]) -> bytes:
    """Returns a picture, BGR ``[height, width, 3]``, as a JPEG file."""
    _, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    return bytes(data)
