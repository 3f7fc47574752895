"""Arithmetic of boxes: x, y, width, height."""

from __future__ import annotations

from edgevid.records import Box

_SAME = 0.6  # of the smaller of two boxes in the larger: one thing, found twice

Sides = tuple[float, float, float, float]  # a box that need not lie on whole pixels


def area(box: Sides) -> float:
    """Returns a box's area."""
    return max(0.0, box[2]) * max(0.0, box[3])


def overlap(one: Sides, other: Sides) -> float:
    """Returns the area that two boxes share."""
    width = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    height = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    return max(0.0, width) * max(0.0, height)


def iou(one: Sides, other: Sides) -> float:
    """Returns the area that two boxes share, as a share of what they cover together.

    Example:
        >>> from edgevid.regions.boxes import iou
        >>> iou((0, 0, 10, 10), (5, 0, 10, 10))
        0.3333333333333333
    """
    shared = overlap(one, other)
    together = area(one) + area(other) - shared
    return shared / together if together else 0.0


def are_one(one: Sides, other: Sides) -> bool:
    """Returns whether two boxes are of one thing that was found twice."""
    return iou(one, other) > 0.5 or overlap(one, other) > _SAME * min(area(one), area(other))


def grown(box: Sides, share: float) -> Sides:
    """Returns a box whose sides are longer by a share of them, around the same middle."""
    x, y, width, height = box
    return (
        x - share * width / 2,
        y - share * height / 2,
        (1 + share) * width,
        (1 + share) * height,
    )


def inside(box: Sides, width: int, height: int) -> Box:
    """Returns the part of a box that lies in a picture, on whole pixels, never empty."""
    left = min(max(0, round(box[0])), width - 1)
    top = min(max(0, round(box[1])), height - 1)
    right = min(max(left + 1, round(box[0] + box[2])), width)
    bottom = min(max(top + 1, round(box[1] + box[3])), height)
    return left, top, right - left, bottom - top
