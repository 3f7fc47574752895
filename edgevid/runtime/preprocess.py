"""Fits a picture to the network's input: the same function in training and on the device."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgevid.errors import UsageError
from edgevid.modelfile.manifest import Manifest
from edgevid.records import Box


class Preprocess:
    """Cuts, scales and converts pictures to one network's input.

    Args:
        height: the input's height in pixels.
        width: the input's width in pixels.
        fit: ``crop`` keeps the largest middle part of the input's shape, ``stretch`` takes the
            whole picture out of shape, ``letterbox`` keeps it whole between black bars.
        crop: a part of the picture, (x, y, width, height) in pixels, to look at instead of all.

    Raises:
        UsageError: an unknown fit, or a crop without area.

    Example:
        >>> preprocess = Preprocess(96, 96)
        >>> pixels = preprocess.fit(np.full((480, 640, 3), 255, np.uint8))
        >>> pixels.shape
        (96, 96, 3)
        >>> tensor = np.empty((1, 96, 96, 3), np.float32)
        >>> preprocess.write(pixels, tensor)
        >>> float(tensor.min()), float(tensor.max())
        (1.0, 1.0)
    """

    def __init__(self, height: int, width: int, *, fit: str = "crop", crop: Box | None = None):
        if fit not in Manifest.FITS:
            raise UsageError(f"fit must be {', '.join(Manifest.FITS)}, not {fit!r}")
        if crop is not None and (min(crop) < 0 or min(crop[2:]) < 1):
            raise UsageError(f"crop must be x,y,width,height in pixels, not {crop}")
        self._size = (width, height)
        self._how = fit
        self._crop = crop
        self._buffer = np.zeros((height, width, 3), np.uint8)

    def fit(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Returns a picture as the network sees it.

        Args:
            image: RGB, uint8, ``[height, width, 3]``.

        Returns:
            RGB, uint8, ``[height, width, 3]`` of the input's size. Only good until the next
            picture, whose pixels take the same place.

        Raises:
            UsageError: the crop lies outside the picture.
        """
        image = self.view(image)
        if image.shape == self._buffer.shape:
            return image
        if self._how == "letterbox":
            self._buffer.fill(0)
            self._shrink(image, _middle_of(self._buffer, image.shape[1] / image.shape[0]))
        else:
            self._shrink(image, self._buffer)
        return self._buffer

    @staticmethod
    def write(pixels: NDArray[np.uint8], out: NDArray[Any]) -> None:
        """Fills a network's input.

        Args:
            pixels: uint8, as ``fit`` returns them.
            out: the input's own memory, ``[..., height, width, 3]``: float32 gets 0..1, uint8
                the pixels, int8 the pixels less 128.
        """
        target = out.reshape(pixels.shape)
        if out.dtype == np.int8:
            np.bitwise_xor(pixels, 0x80, out=target.view(np.uint8))
        elif out.dtype == np.uint8:
            target[...] = pixels
        else:
            np.multiply(pixels, np.float32(1 / 255), out=target)

    def view(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Returns the part of a picture that the network sees, in the picture's own pixels.

        Raises:
            UsageError: the crop lies outside the picture.
        """
        if self._crop is not None:
            image = _cut(image, self._crop)
        if self._how != "crop" or image.shape == self._buffer.shape:
            return image
        return _middle(image, self._size)

    def _shrink(self, image: NDArray[np.uint8], out: NDArray[np.uint8]) -> None:
        from edgevid.support.opencv import cv2  # here, so that importing edgevid stays light

        height, width = out.shape[:2]
        # Halving first, then interpolating: nearly as free of aliasing as area interpolation all
        # the way, at a fifth of its cost. OpenCV is quick at averaging two by two.
        while image.shape[0] >= 2 * height and image.shape[1] >= 2 * width:
            rows, columns = image.shape[0] // 2, image.shape[1] // 2
            image = image[: 2 * rows, : 2 * columns]
            image = cv2.resize(image, (columns, rows), interpolation=cv2.INTER_AREA)
        if image.shape == out.shape:
            out[...] = image
        elif out.flags.c_contiguous:
            cv2.resize(image, (width, height), dst=out, interpolation=cv2.INTER_LINEAR)
        else:
            out[...] = cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)


def _cut(image: NDArray[np.uint8], crop: Box) -> NDArray[np.uint8]:
    x, y, width, height = crop
    if x + width > image.shape[1] or y + height > image.shape[0]:
        raise UsageError(
            f"the crop {x},{y},{width},{height} reaches past the picture of "
            f"{image.shape[1]}x{image.shape[0]} pixels"
        )
    return image[y : y + height, x : x + width]


def _middle(image: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    return _middle_of(image, size[0] / size[1])


def _middle_of(image: NDArray[np.uint8], aspect: float) -> NDArray[np.uint8]:
    """Returns the largest middle part of a picture with this ratio of width to height."""
    height, width = image.shape[:2]
    kept_width = min(width, max(1, round(height * aspect)))
    kept_height = min(height, max(1, round(width / aspect)))
    x, y = (width - kept_width) // 2, (height - kept_height) // 2
    return image[y : y + kept_height, x : x + kept_width]
