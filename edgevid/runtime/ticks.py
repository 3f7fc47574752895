"""Which frames of a source are for the model, and where its time jumps."""

from __future__ import annotations

import logging
import math

from edgevid.records import Frame
from edgevid.runtime.pace import Pace

_LOG = logging.getLogger("edgevid.watch")

# What is seen after such a gap has nothing to do with what was seen before it: files that were
# joined, a camera that was suspended. Longer than any pause between two frames of one scene.
LONGEST_GAP_S = 10.0


def is_jump(frame: Frame, previous: float) -> bool:
    """Returns whether time jumps to a frame: back, or ten seconds and more ahead.

    Args:
        frame: the frame.
        previous: the timestamp of the one before it; NaN for none.
    """
    return frame.follows_jump or frame.timestamp - previous > LONGEST_GAP_S


class Ticks:
    """The model's clock, as it runs through one source after the other.

    Args:
        fps: frames a second that the model is to see.
        paced: whether the frames were chosen by that clock before, and the ``index`` of each is
            its tick: then all are for the model.

    Example:
        >>> ticks = Ticks(5)
        >>> picture = np.zeros((9, 9, 3), np.uint8)
        >>> [ticks.due(edgevid.Frame(picture, n / 10, n)) for n in range(4)]
        [True, False, True, False]
    """

    def __init__(self, fps: float, *, paced: bool = False) -> None:
        self._fps = fps
        self._paced = paced
        self._skipped = 0
        self._pace = Pace(fps)
        self._tick: int | None = None  # the last, of frames that are paced
        self._previous = math.nan

    @property
    def skipped(self) -> int:
        """Ticks, so far, that went by without a frame."""
        return self._skipped + self._pace.skipped

    def jumps(self, frame: Frame) -> bool:
        """Whether time jumps to this frame, back or ten seconds and more ahead; warns of it."""
        gap = frame.timestamp - self._previous
        jumps = is_jump(frame, self._previous)
        self._previous = frame.timestamp
        if not jumps:
            return False
        _LOG.warning(
            "%s, at %.1f s: starting afresh from there",
            "the time jumps back" if frame.follows_jump else f"nothing for {gap:.0f} s",
            frame.timestamp,
        )
        return True

    def due(self, frame: Frame) -> bool:
        """Whether a frame is for the model. To be asked once a frame."""
        self._previous = frame.timestamp
        if not self._paced:
            return self._pace.due(frame.timestamp)
        if self._tick is not None:
            self._skipped += max(0, frame.index - self._tick - 1)
        self._tick = frame.index
        return True

    def restart(self) -> None:
        """The next frame has nothing to do with those before it."""
        self._skipped = self.skipped
        self._pace = Pace(self._fps)
        self._tick = None
        self._previous = math.nan
