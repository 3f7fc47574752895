"""A video with motion in it, as a camera that always works."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edgevid import open_video


def steady_video(path: Path) -> Path:
    """Draws a minute in which something moves."""
    video = open_video(path)
    video.start(10.0)
    for number in range(600):
        picture = np.zeros((120, 160, 3), np.uint8)
        picture[:, number % 160] = 255
        video.show(picture, number / 10)
    video.finish()
    return path
