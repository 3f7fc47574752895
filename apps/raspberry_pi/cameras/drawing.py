"""Zones and masks that were drawn on a camera's picture, and what is to be followed in it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from apps.raspberry_pi.config import FOLLOWED
from edgevid import UsageError, Zone

_MOST = 20  # of each kind, for a camera
_MOST_POINTS = 50
_MOST_LABELS = 50
_LONGEST_NAME = 32  # characters
_LARGEST = 32_000.0  # pixels
_LONGEST_S = 86_400.0

Polygon = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Drawing:
    """What was drawn on one camera's picture, in pixels of it.

    Attributes:
        zones: where events are told apart by place; instead of the config's.
        masks: what the model does not get to see.
        follow: one of ``FOLLOWED``, instead of the config's; empty where nothing was chosen.
    """

    zones: tuple[Zone, ...] = ()
    masks: tuple[Polygon, ...] = ()
    follow: str = ""

    def as_json(self) -> dict[str, Any]:
        """Returns it as ``read`` takes it."""
        return {
            "zones": [
                {
                    "name": zone.name,
                    "points": [list(point) for point in zone.points],
                    "allow": list(zone.allow),
                    "dwell": zone.dwell_s,
                }
                for zone in self.zones
            ],
            "masks": [[list(point) for point in mask] for mask in self.masks],
            "follow": self.follow,
        }


def read(given: Any) -> Drawing:
    """Reads what a page has sent, or a database held.

    Raises:
        UsageError: it makes no sense.
    """
    try:
        zones, masks = list(given["zones"]), list(given["masks"])
        if max(len(zones), len(masks)) > _MOST:
            raise UsageError(f"a camera has {_MOST} zones and {_MOST} masks at most")
        follow = given.get("follow", "")
        if follow not in ("", *FOLLOWED):
            raise UsageError(f"what is followed is one of {', '.join(FOLLOWED)}")
        drawing = Drawing(tuple(map(_zone, zones)), tuple(map(_points, masks)), follow)
    except UsageError:  # which is a ValueError
        raise
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UsageError("that is no drawing of zones and masks") from error
    names = [zone.name for zone in drawing.zones]
    if len(set(names)) < len(names):
        raise UsageError("two zones have the same name")
    if any(len(mask) < 3 for mask in drawing.masks):
        raise UsageError("a mask needs three corners")
    return drawing


def _zone(given: Mapping[str, Any]) -> Zone:
    name, allow, dwell = given["name"], list(given.get("allow") or ()), given.get("dwell")
    if not isinstance(name, str) or not all(isinstance(label, str) for label in allow):
        raise TypeError
    if len(name.strip()) > _LONGEST_NAME or len(allow) > _MOST_LABELS:
        raise UsageError(f"a zone's name has {_LONGEST_NAME} characters at most")
    if dwell is not None and not 0 < float(dwell) <= _LONGEST_S:
        raise UsageError("seconds of a stay are over 0, and a day at most")
    seconds = None if dwell is None else float(dwell)
    return Zone(name.strip(), _points(given["points"]), tuple(allow), seconds)


def _points(given: Sequence[Any]) -> Polygon:
    points = tuple((float(x), float(y)) for x, y in given)
    if len(points) > _MOST_POINTS:
        raise UsageError(f"a polygon has {_MOST_POINTS} corners at most")
    if not all(math.isfinite(value) and abs(value) <= _LARGEST for p in points for value in p):
        raise UsageError("a corner is nowhere")
    return points
