"""What a stream of the device is shown where it follows something: clips are prepared alike."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np

from edgevid.records import Box, Frame
from edgevid.regions import find
from edgevid.regions.square import Square
from edgevid.runtime.pace import Pace


class Follower:
    """Shows of clips only what is followed in them; of several things one, as ``teach`` does.

    That is the first, and the largest of several that begin together, for as long as it is
    followed. Frames in which nothing is followed are left out.

    Args:
        what: as ``edgevid.follow`` takes it.
        fps: how often a second the device looks; between two looks the square stays.

    Raises:
        EdgevidError: there is no such thing, or the detector cannot be had.
    """

    def __init__(self, what: str, fps: float) -> None:
        self.what = what
        self.fps = fps
        self._finder = find(what)

    def __call__(self, frames: Iterable[Frame]) -> Iterator[Frame]:
        """Yields the frames of one clip, each with the square of it that is shown."""
        self._finder.reset()
        pace, squares = Pace(self.fps), dict[int, Square]()
        last, before, shown = 0, math.nan, None
        for frame in frames:
            if pace.due(frame.timestamp):
                seconds = 0.0 if math.isnan(before) else frame.timestamp - before
                before = frame.timestamp
                self._finder.take(frame.image, seconds, anew=False)
                height, width = frame.image.shape[:2]
                last, shown = self._look(last, squares, (width, height))
            if shown is not None:
                x, y, side, _ = shown
                view = np.ascontiguousarray(frame.image[y : y + side, x : x + side])
                yield replace(frame, image=view)

    def _look(
        self, last: int, squares: dict[int, Square], size: tuple[int, int]
    ) -> tuple[int, Box | None]:
        """Returns the number of the track that is shown, and its square."""
        tracks = self._finder.tracker.tracks
        if not tracks:
            return 0, None
        chosen = next(
            (track for track in tracks if track.number == last),
            max(tracks, key=lambda track: track.box[2] * track.box[3]),
        )
        square = squares.setdefault(chosen.number, Square(self._finder.view))
        return chosen.number, square.show(chosen, tracks, size)
