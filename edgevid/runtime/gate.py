"""Passes frames while the picture changes, and until predictions have settled afterwards.

Where nothing changes the network computes the same again: its buffers hold the same pictures,
its running means stand still, and the last prediction holds. ``benchmarks/gate.py`` measures how
far from that prediction steps would have led, and how many of them are saved.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

# A picture is compared in blocks: noise averages out in one, a hand at six metres fills one.
_NOISE_EVERY = 16  # pictures without a change; more often where one seems to be
_BLOCKS = 43  # across a picture's shorter side, of 4 pixels each of what MoViNet-A0 sees
_ROWS = 2  # of the picture in a block, at most: to read them all takes longer than all the rest
# A block has changed when its light differs by this many standard deviations of the noise in
# blocks, and not by less than this many of 255 levels, which is how well 8 bits and a codec tell.
_DEVIATIONS = 8.0
_LEAST = 3.0
_MOST = 12.0  # noise that hides this much hides people: better to step than to miss them
_EXPOSURE = 0.05  # a change of all light by this share is the camera's own doing
_SHARE = 0.05  # of a picture in the mean that later ones are compared with

# The buffers of MoViNet-A0 to A2 hold the last 28 pictures between them: after so many without
# a change nothing else is left in them.
_BUFFERED = 28
_MEMORIES = 4  # then a running mean has forgotten 98 % of what was before
_STEADY = 0.02  # of a probability: a prediction that moved less over a whole memory is settled


@cache
def _opencv() -> Any:
    """Loads it late, so that importing edgevid stays light, and looks for it once."""
    from edgevid.support.opencv import cv2

    return cv2


class Gate:
    """Says of each picture whether the network needs to see it.

    It is to be shown what the network sees, so that whatever is cropped away opens nothing. A
    change of all the picture's light by a few percent is the camera's exposure and opens nothing
    either. What changes slowly opens it once it differs enough from what it closed before.

    Args:
        memory_frames: for how many frames the network's running mean reaches back; where that is
            ``inf`` nothing ever settles and every picture passes.

    Attributes:
        is_open: whether the last picture passed.

    Example:
        >>> gate = Gate(memory_frames=20)
        >>> gate.passes(np.zeros((172, 172, 3), np.uint8))  # the first always does
        True
    """

    def __init__(self, memory_frames: float) -> None:
        self._memory = max(memory_frames, 1.0)
        self.reset()

    def reset(self) -> None:
        """Forgets what was seen: the next picture passes."""
        self.is_open = True
        self._usual: NDArray[np.float32] | None = None
        self._before: NDArray[np.float32] | None = None
        self._least = 0.0  # difference of a block that is a change
        self._quiet = 0  # pictures since the last that changed
        self._anchor: dict[str, float] = {}
        self._steady = 0  # predictions since the one that differed

    def passes(self, view: NDArray[np.uint8]) -> bool:
        """Whether the network is to take this picture.

        Args:
            view: the part that the network sees, RGB, uint8, ``[height, width, 3]``.
        """
        if self._memory == math.inf:
            return True
        light = _light(view)
        changed = self._changes(light)
        self._quiet = 0 if changed else self._quiet + 1
        if changed or not self._is_settled():
            self.is_open = True
            if changed:
                self._usual = light
            elif self._usual is not None:
                # So the mean of what it settled on is compared with, and not one noisy picture.
                self._usual += max(_SHARE, 1 / (self._quiet + 1)) * (light - self._usual)
        else:
            self.is_open = False
        return self.is_open

    def note(self, scores: Mapping[str, float]) -> None:
        """Takes what came of a picture that passed: probabilities by name."""
        moved = max(
            (
                abs(scores.get(name, 0.0) - self._anchor.get(name, 0.0))
                for name in scores.keys() | self._anchor.keys()
            ),
            default=0.0,
        )
        if moved > _STEADY:
            self._anchor, self._steady = dict(scores), 0
        else:
            self._steady += 1

    def _is_settled(self) -> bool:
        if self._quiet <= _BUFFERED:
            return False
        return self._steady >= self._memory or self._quiet > _BUFFERED + _MEMORIES * self._memory

    def _changes(self, light: NDArray[np.float32]) -> bool:
        """Whether a picture shows something else than those before it."""
        before, self._before = self._before, light
        if before is None or self._usual is None or before.shape != light.shape:
            return True
        is_due = self._quiet % _NOISE_EVERY == 0
        if not is_due and _opencv().norm(light, self._usual, _opencv().NORM_INF) <= self._least:
            return False
        # The median: what moves fills less than half of the picture, noise all of it, and so does
        # what a codec changes at once. Every other block tells it well enough.
        step = _difference(light[::2, ::2], before[::2, ::2])
        noise = float(np.median(step)) / 0.6745 / math.sqrt(2)
        least = min(max(_LEAST, _DEVIATIONS * noise), _MOST)
        if is_due:
            self._least = least
        return float(_difference(light, self._usual).max()) > least


def _light(view: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Returns the mean light of each block, float32 ``[rows, columns]``, 0 to 255."""
    cv2 = _opencv()
    height, width = view.shape[:2]
    side = max(1, min(height, width) // _BLOCKS)  # of a block, in pixels
    grey = cv2.cvtColor(view[:: max(1, side // _ROWS)], cv2.COLOR_RGB2GRAY)
    # OpenCV is quick where all blocks are of one size: what does not fill one is left out.
    lines = min(side, _ROWS)
    rows, columns = max(1, len(grey) // lines), max(1, width // side)
    blocks = cv2.resize(
        grey[: rows * lines, : columns * side].astype(np.float32),
        (columns, rows),
        interpolation=cv2.INTER_AREA,
    )
    return np.asarray(blocks, np.float32)


def _difference(light: NDArray[np.float32], other: NDArray[np.float32]) -> NDArray[np.float32]:
    """Returns by how much blocks differ, less what the camera's exposure makes of it.

    That is any change up to what a block would be at the other exposure: where light is clipped
    it follows by less.
    """
    change = light - other
    ratio = float(light.sum()) / max(float(other.sum()), 1.0)
    if 0 < abs(ratio - 1) < _EXPOSURE:
        exposed = other * np.float32(ratio - 1)
        change -= np.clip(change, np.minimum(exposed, 0), np.maximum(exposed, 0))
    return np.asarray(np.abs(change, out=change), np.float32)
