"""Turns and mirrors pictures."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

ANGLES = (0, 90, 180, 270)  # degrees


def oriented(
    image: NDArray[np.uint8], *, rotate: int = 0, mirror: bool = False
) -> NDArray[np.uint8]:
    """Returns a picture turned clockwise, then mirrored.

    Args:
        image: ``[height, width, 3]``.
        rotate: degrees clockwise: 0, 90, 180 or 270.
        mirror: swap left and right afterwards.

    Example:
        >>> oriented(np.zeros((48, 64, 3), np.uint8), rotate=90).shape
        (64, 48, 3)
    """
    turned = np.rot90(image, -rotate // 90)
    return np.ascontiguousarray(turned[:, ::-1] if mirror else turned)
