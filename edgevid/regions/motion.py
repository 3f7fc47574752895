"""Finds motion before a fixed camera by OpenCV's background subtraction."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edgevid.records import Box
from edgevid.regions.boxes import Sides, inside
from edgevid.support.opencv import cv2

_WIDTH = 120  # pixels, by default, in which motion is looked for
_HISTORY_S = 60.0  # of the background: what stands for a tenth of it has become part of it
# Squared distance, in variances, from which a pixel is no background. Averaged pixels have less
# noise, but a change of all light is as large in them as before.
_VARIANCES = 25.0
_VARIANCES_NOISY = 16.0
_FIRST_VARIANCE = 9.0  # of a pixel's light, until its own is known
_JOINED = 0.15  # of the picture's shorter side: what is nearer to each other is one
_LEAST_AREA = 0.003  # of the picture that moves
_LEAST_SIDE = 0.08  # of the picture's shorter side
_LATELY_S = 1.0  # what moved in so long counts, as arms stop and go
_TICK_S = 0.2
_ALMOST = 0.25  # of the shorter side that a square may leave out of a region


class MotionFinder:
    """Finds the parts of a picture that move.

    Parts that are near to each other are joined; small ones are ignored. One that is too wide, or
    too high, for one square of the picture's shorter side is divided into as many as it takes.

    Args:
        width: pixels in which motion is looked for; fewer cost less.
        noisy: pictures come small, and their noise was not averaged out on the way: single pixels
            that change are ignored. They do count otherwise, since they hold together what moves.

    Example:
        >>> from edgevid.regions.motion import MotionFinder
        >>> finder = MotionFinder()
        >>> room = np.zeros((120, 160, 3), np.uint8)
        >>> for _ in range(10):
        ...     _ = finder.find(room)
        >>> room[40:80, 60:80] = 255
        >>> len(finder.find(room))
        1
    """

    def __init__(self, *, width: int = _WIDTH, noisy: bool = False) -> None:
        self._width = width
        self._noisy = noisy
        self.reset()

    def reset(self) -> None:
        """Forgets the background."""
        self._background = cv2.createBackgroundSubtractorMOG2(
            # In light alone a shadow cannot be told from somebody in dark clothes.
            varThreshold=_VARIANCES_NOISY if self._noisy else _VARIANCES,
            detectShadows=False,
        )
        self._background.setVarInit(_FIRST_VARIANCE)
        self._taken = 0
        self._now = 0.0
        # What moved in each of the last pictures, and when.
        self._masks: deque[tuple[float, NDArray[np.uint8]]] = deque()

    def find(self, image: NDArray[np.uint8], seconds: float = _TICK_S) -> list[Box]:
        """Takes the next picture; returns what moves, in its pixels.

        Args:
            image: RGB, uint8, ``[height, width, 3]``.
            seconds: since the last one.
        """
        self.take(cv2.cvtColor(self._small(image), cv2.COLOR_RGB2GRAY), seconds)
        return self.parts(image.shape[1], image.shape[0])

    def take(self, grey: NDArray[np.uint8], seconds: float = _TICK_S) -> None:
        """Takes the next picture, grey, uint8 ``[height, width]``, so long after the last one."""
        self._taken += 1
        self._now += seconds
        # The first picture is the background; each of the next counts for much, at first.
        rate = 1 if self._taken == 1 else max(1 / (2 * self._taken), min(1, seconds / _HISTORY_S))
        mask = self._background.apply(self._small(grey), learningRate=rate)
        if self._noisy:
            mask = cv2.medianBlur(mask, 3)
        if self._taken == 1:
            mask[:] = 0
        elif self._masks[0][1].shape != mask.shape:
            self._masks.clear()
        self._masks.append((self._now, mask))
        while self._now - self._masks[0][0] > _LATELY_S - seconds / 2:
            self._masks.popleft()

    def _small(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Returns a picture in the width in which motion is looked for, or narrower."""
        height, width = image.shape[:2]
        scale = width / self._width
        if scale <= 1:
            return image
        size = (self._width, max(1, round(height / scale)))
        if self._noisy:
            return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_LINEAR), np.uint8)
        # Four of twice as many average out most noise, in a fraction of the time that all take.
        if scale > 2:
            twice = (2 * size[0], 2 * size[1])
            image = cv2.resize(image, twice, interpolation=cv2.INTER_LINEAR)
        return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)

    def mask(self) -> NDArray[np.uint8]:
        """Returns what moved lately, uint8 ``[height, width]`` of a small picture: 255, else 0."""
        mask: NDArray[np.uint8] = np.maximum.reduce([mask for _, mask in self._masks])
        return mask

    def share(self, width: int, without: Sequence[Sides]) -> float:
        """Returns how much of the picture moves, outside of boxes.

        Args:
            width: of the picture, in whose pixels the boxes are.
            without: the boxes.
        """
        mask = self.mask()
        height, across = mask.shape
        scale = across / width
        for box in without:
            x, y, w, h = inside(tuple(scale * side for side in box), across, height)
            mask[y : y + h, x : x + w] = 0
        return float(cv2.countNonZero(mask) / mask.size)

    def parts(self, width: int, height: int) -> list[Box]:
        """Returns what moves, in pixels of a picture of that width and height."""
        mask = self.mask()
        across, down = width / mask.shape[1], height / mask.shape[0]
        short = min(mask.shape)
        reach = max(1, round(short * _JOINED))
        found: list[Box] = []
        for left, top, wide, high in _regions(cv2.dilate(mask, np.ones((reach, reach), np.uint8))):
            part = mask[top : top + high, left : left + wide]
            if np.count_nonzero(part) < _LEAST_AREA * mask.size:
                continue
            x, y, w, h = cv2.boundingRect(part)
            if max(w, h) < _LEAST_SIDE * short:
                continue
            box = ((left + x) * across, (top + y) * down, w * across, h * down)
            found += divided(inside(box, width, height), min(width, height))
        return found


def _regions(mask: NDArray[np.uint8]) -> list[Box]:
    """Returns the boxes of the regions of a mask, from left to right.

    By their outlines, which costs a tenth of labelling every pixel.
    """
    outlines, inside_of = cv2.findContours(mask, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    if not outlines:
        return []
    # A hole's outline lies inside of another.
    is_hole = inside_of[0, :, 3] >= 0
    return sorted(
        cv2.boundingRect(outline)
        for outline, hole in zip(outlines, is_hole, strict=True)
        if not hole
    )


def divided(box: Box, side: int) -> list[Box]:
    """Returns a box in parts that squares of a side can show, side by side."""
    x, y, width, height = box
    across, down = (max(1, math.ceil(n / side - _ALMOST)) for n in (width, height))
    return [
        (
            x + width * column // across,
            y + height * row // down,
            width * (column + 1) // across - width * column // across,
            height * (row + 1) // down - height * row // down,
        )
        for row in range(down)
        for column in range(across)
    ]
