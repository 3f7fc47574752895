"""Converts a decoded picture to RGB with square pixels, rotated and mirrored as the file says."""

from __future__ import annotations

import struct
import threading
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgevid.errors import SourceError
from edgevid.support.orientation import oriented
from edgevid.support.pyav import MAX_PIXELS, av, reason

_SQUARE = 0.01  # what a pixel's ratio may differ from 1: not worth a blurred picture
_STRANGEST_RATIO = 8  # of a pixel's sides: beyond that the file is damaged


class Converter:
    """Converts the pictures of one video.

    Args:
        name: what to call the video in an error.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._scaler = av.video.reformatter.VideoReformatter()
        self._lock = threading.Lock()  # frames may be looked at in another thread
        self._known: tuple[int, int, int] | None = None  # what the orientation was read for
        self._orientation = (0, False)

    def rgb(self, picture: Any, pixel_ratio: Fraction | None) -> NDArray[np.uint8]:
        """Returns RGB, uint8, ``[height, width, 3]``.

        Args:
            picture: an ``av.VideoFrame``.
            pixel_ratio: width to height of one pixel; None when unknown.

        Raises:
            SourceError: it cannot be converted.
        """
        width, height = _shown_size(picture.width, picture.height, pixel_ratio)
        try:
            with self._lock:
                scaled = self._scaler.reformat(picture, width=width, height=height, format="rgb24")
                rotate, mirror = self._turn(picture)
            pixels: NDArray[np.uint8] = scaled.to_ndarray()
        except (av.FFmpegError, MemoryError, ValueError) as error:
            raise SourceError(
                f"{self._name}: a picture of {width}x{height} cannot be converted: {reason(error)}"
            ) from error
        return oriented(pixels, rotate=rotate, mirror=mirror) if rotate or mirror else pixels

    def _turn(self, picture: Any) -> tuple[int, bool]:
        """Returns a picture's orientation, which is read anew where its size or angle changes.

        Not from each picture: PyAV ties one that is asked for its side data to them in a circle,
        and its pixels then wait in memory for the garbage collector.
        """
        known = picture.width, picture.height, picture.rotation
        if known != self._known:
            self._known, self._orientation = known, _orientation(picture)
        return self._orientation


def _shown_size(width: int, height: int, ratio: Fraction | None) -> tuple[int, int]:
    if not ratio or abs(ratio - 1) < _SQUARE:
        return width, height
    if not 1 / _STRANGEST_RATIO <= ratio <= _STRANGEST_RATIO:
        return width, height
    shown = max(1, round(width * ratio))
    return (shown, height) if shown * height <= MAX_PIXELS else (width, height)


def _orientation(picture: Any) -> tuple[int, bool]:
    """Returns how a picture is to be turned, degrees clockwise, and then whether mirrored.

    The display matrix of MP4 (ISO/IEC 14496-12, 6.2.2) maps x, y to a x + c y, b x + d y.
    """
    data = picture.side_data.get("DISPLAYMATRIX")
    if data is None:
        return 0, False
    a, b, _, c, d = struct.unpack("<5i", bytes(data)[:20])
    if abs(a) + abs(d) >= abs(b) + abs(c):  # each axis stays, or is turned over
        if d < 0:  # upside down is half a turn, mirrored
            return 180, a > 0
        return 0, a < 0
    # The axes change places. A quarter turn clockwise takes x to the picture's own -y.
    if b >= 0:
        return 90, c > 0
    return 270, c < 0
