"""The square part of a picture that the network gets of a track."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from edgevid.records import Box
from edgevid.regions.boxes import Sides, area, overlap

_HALF = 0.5  # of the height of somebody who stands, from the head down: where the hands are
# Times its width, the least height of an upper body: who is seen from head to waist is seen whole.
_AS_HIGH = 1.6
_ABOVE = 0.05  # of the height, above a head: for the hand that is raised
_LEAST = 0.25  # of the picture's shorter side
_TOO_SMALL, _TOO_LARGE = 0.7, 2.0  # times what is needed now, and the square is made another
_STICKS_OUT = 0.9  # of what is followed that must be inside
_PLACES = 5  # that are tried, each way
_SHARES = (1.0, 0.9, 0.8)  # of the size that is needed, that are tried
_CUT = 0.85  # of the longer side of what is followed, that a square must hold to leave out others


class Followed(Protocol):
    """What is needed here of a ``Track``."""

    scene: Box | None

    @property
    def box(self) -> Sides:
        """Where it is."""
        ...


@dataclass(frozen=True, slots=True)
class View:
    """What of somebody is to be shown.

    Attributes:
        room: the square's side, times the longer side of what is shown.
        upper: whether of somebody who is higher than wide only the upper body is shown.

    Example:
        >>> from edgevid.regions.square import CLOSE, WITH_ROOM
        >>> WITH_ROOM.part((100, 40, 60, 200))
        (100, 40, 60, 200)
        >>> CLOSE.part((100, 40, 60, 200))
        (100, 30.0, 60, 110.0)
    """

    room: float
    upper: bool = False

    def part(self, box: Sides) -> Sides:
        """Returns the part of a box that is to be shown."""
        x, y, width, height = box
        if not self.upper or height <= _AS_HIGH * width:
            return box
        above = _ABOVE * height
        return x, y - above, width, max(_HALF * height, _AS_HIGH * width) + above


WITH_ROOM = View(2.0)  # an action needs room, and surroundings
CLOSE = View(1.05, upper=True)  # what hands do is seen best where they are large


class Square:
    """Keeps its size and place for as long as it can, so that the picture in it stands still.

    Args:
        view: what it is to show of what is followed.

    Example:
        >>> from edgevid.regions.square import Square
        >>> square = Square()
        >>> square.around((100, 100, 50, 100), (640, 360))
        (25, 50, 200, 200)
        >>> square.around((104, 100, 50, 100), (640, 360))
        (25, 50, 200, 200)
    """

    def __init__(self, view: View = WITH_ROOM) -> None:
        self._view = view
        self._box: Box | None = None

    def show(self, track: Followed, tracks: Sequence[Followed], size: tuple[int, int]) -> Box:
        """Returns the square of one of the tracks, as ``around`` does.

        Args:
            track: what is to be shown, and what moves with it.
            tracks: all that is followed.
            size: the picture's width and height.
        """
        others = [
            other.scene or other.box
            for other in tracks
            if other is not track and (other.scene is None or other.scene != track.scene)
        ]
        return self.around(track.scene or track.box, size, others)

    def around(self, followed: Sides, size: tuple[int, int], others: Sequence[Sides] = ()) -> Box:
        """Returns the square: x, y, side, side in pixels of the picture.

        Args:
            followed: the box of what is followed.
            size: the picture's width and height.
            others: what is followed besides, to be left out as far as that goes.
        """
        shorter = min(size)
        followed = self._view.part(followed)
        needed = min(shorter, max(_LEAST * shorter, self._view.room * max(followed[2:])))
        if self._box is None or not self._holds(followed, needed, size):
            self._box = _placed(followed, needed, size, others)
        return self._box

    def _holds(self, followed: Sides, needed: float, size: tuple[int, int]) -> bool:
        assert self._box is not None
        x, y, side, _ = self._box
        if x + side > size[0] or y + side > size[1]:
            return False  # the picture has become another
        if not needed * _TOO_SMALL <= side <= needed * _TOO_LARGE:
            return False
        can_be_inside = min(followed[2], side) * min(followed[3], side)
        return overlap(self._box, followed) >= _STICKS_OUT * can_be_inside


def _placed(followed: Sides, needed: float, size: tuple[int, int], others: Sequence[Sides]) -> Box:
    """Places a square so that it holds one thing and as little as it can of the others."""
    middle = [followed[axis] + followed[axis + 2] / 2 for axis in (0, 1)]
    own = area(followed)

    def cost(square: Box) -> float:
        away = sum(abs(square[axis] + square[2] / 2 - middle[axis]) for axis in (0, 1))
        shown = sum(overlap(square, other) for other in others)
        return shown + own - overlap(square, followed) + (away + needed - square[2]) * needed / 10

    return min(
        (
            (x, y, side, side)
            for side in (_sizes(needed, max(followed[2:])) if others else [round(needed)])
            for x in _choices(followed[0], followed[2], side, size[0])
            for y in _choices(followed[1], followed[3], side, size[1])
        ),
        key=cost,
    )


def _sizes(needed: float, length: float) -> list[int]:
    """Returns how large a square may be; only where there are others is a smaller one of use."""
    least = min(needed, max(_CUT * length, _SHARES[-1] * needed))
    return sorted({round(max(least, share * needed)) for share in _SHARES})


def _choices(start: float, length: float, side: int, size: int) -> list[int]:
    """Returns where a square may begin along one axis."""
    first, last = sorted((start + length - side, start))
    middle = start + length / 2 - side / 2
    tried = [first + (last - first) * n / (_PLACES - 1) for n in range(_PLACES)] + [middle]
    return sorted({min(max(0, round(place)), size - side) for place in tried})
