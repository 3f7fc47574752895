"""Keeps the frames that fall on the model's clock."""

from __future__ import annotations

import math

from edgevid.errors import UsageError


class Pace:
    """Chooses, by timestamp, the frame nearest to each tick of a clock.

    Tick ``k`` is at ``first timestamp + k / fps``. A frame is kept when it is at most half a
    frame interval before the earliest tick that has no frame yet; so no frame is kept twice,
    no tick gets two frames, and the choice never drifts, whatever the source's own rate. What
    the choice rests on has already happened: it suits a camera as well as a file.

    Attributes:
        skipped: ticks that went by without a frame: the source was too slow for the model's
            clock, or the model too slow for the source.
        tick: number of the tick whose frame was kept last, from 0; -1 before the first.

    Example:
        >>> pace = edgevid.Pace(5)
        >>> [number for number in range(20) if pace.due(number / 25)]  # of 25 frames a second
        [0, 5, 10, 15]
    """

    def __init__(self, fps: float) -> None:
        if not 0 < fps < math.inf:
            raise UsageError(f"fps must be over 0, not {fps}")
        self._fps = fps
        self.skipped = 0
        self._start = math.nan
        self._previous = math.nan
        self.tick = -1

    def due(self, timestamp: float) -> bool:
        """Whether the frame of this moment is for the model. To be asked once a frame."""
        if self.tick < 0:
            self._start = self._previous = timestamp
            self.tick = 0
            return True
        interval = min(timestamp - self._previous, 1 / self._fps)
        self._previous = timestamp
        tick = math.floor((timestamp - self._start + interval / 2) * self._fps)
        if tick <= self.tick:
            return False
        self.skipped += tick - self.tick - 1
        self.tick = tick
        return True
