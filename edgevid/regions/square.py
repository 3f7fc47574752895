"""The square part of a picture that the network gets of a track."""

from __future__ import annotations

from collections.abc import Sequence

from edgevid.records import Box
from edgevid.regions.boxes import Sides, overlap

_PADDED = 2.0  # of the longer side of what is followed: an action needs room, and surroundings
_LEAST = 0.25  # of the picture's shorter side
_TOO_SMALL, _TOO_LARGE = 0.7, 2.0  # times what is needed now, and the square is made another
_STICKS_OUT = 0.9  # of what is followed that must be inside
_PLACES = 9  # that are tried, each way


class Square:
    """Keeps its size and place for as long as it can, so that the picture in it stands still.

    Example:
        >>> from edgevid.regions.square import Square
        >>> square = Square()
        >>> square.around((100, 100, 50, 100), (640, 360))
        (25, 50, 200, 200)
        >>> square.around((104, 100, 50, 100), (640, 360))
        (25, 50, 200, 200)
    """

    def __init__(self) -> None:
        self._box: Box | None = None

    def around(self, followed: Sides, size: tuple[int, int], others: Sequence[Sides] = ()) -> Box:
        """Returns the square: x, y, side, side in pixels of the picture.

        Args:
            followed: the box of what is followed.
            size: the picture's width and height.
            others: what is followed besides, to be left out as far as that goes.
        """
        shorter = min(size)
        needed = min(shorter, max(_LEAST * shorter, _PADDED * max(followed[2:])))
        if self._box is None or not self._holds(followed, needed, size):
            self._box = _placed(followed, round(needed), size, others)
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


def _placed(followed: Sides, side: int, size: tuple[int, int], others: Sequence[Sides]) -> Box:
    """Places a square so that it holds one thing and as little as it can of the others."""
    choices = [_choices(followed[axis], followed[axis + 2], side, size[axis]) for axis in (0, 1)]
    middle = [followed[axis] + followed[axis + 2] / 2 - side / 2 for axis in (0, 1)]

    def cost(place: tuple[int, int]) -> float:
        box = (*place, side, side)
        away = abs(place[0] - middle[0]) + abs(place[1] - middle[1])
        return sum(overlap(box, other) for other in others) + away * side / 10

    x, y = min(((x, y) for x in choices[0] for y in choices[1]), key=cost)
    return x, y, side, side


def _choices(start: float, length: float, side: int, size: int) -> list[int]:
    """Returns where a square may begin along one axis."""
    first, last = sorted((start + length - side, start))
    middle = start + length / 2 - side / 2
    tried = [first + (last - first) * n / (_PLACES - 1) for n in range(_PLACES)] + [middle]
    return [min(max(0, round(place)), size - side) for place in tried]
