"""Parts of the picture that have a name: events say in which they happened."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from edgevid.errors import UsageError
from edgevid.records import Box, Event

DWELL = "dwell"  # the label of the event that somebody has been in a zone for long


@dataclass(frozen=True, slots=True)
class Zone:
    """A polygon in the picture.

    Attributes:
        name: what events call it.
        points: corners, x and y in pixels of the picture.
        allow: tell only these labels of what happens in it; all when empty.
        dwell_s: seconds after which a stay in it is an event; as for all zones when None.

    Raises:
        UsageError: it has no name, or fewer than three corners.

    Example:
        >>> door = edgevid.Zone("door", ((0, 0), (100, 0), (100, 200), (0, 200)))
        >>> door.holds((20, 40, 50, 100)), door.holds((20, 140, 50, 100))
        (True, False)
    """

    name: str
    points: tuple[tuple[float, float], ...]
    allow: tuple[str, ...] = ()
    dwell_s: float | None = None

    def __post_init__(self) -> None:
        if not self.name or not self.name.isprintable():
            raise UsageError(f"a zone must have a name in plain text, not {self.name!a:.80}")
        if len(self.points) < 3:
            raise UsageError(f"zone {self.name} has {len(self.points)} corners: at least 3")
        if not all(math.isfinite(value) for point in self.points for value in point):
            raise UsageError(f"zone {self.name} has a corner that is nowhere")

    def holds(self, box: Box) -> bool:
        """Whether what is in a box stands in the zone: the middle of its lower edge counts."""
        x, y = box[0] + box[2] / 2, box[1] + box[3]
        inside = False
        for (ax, ay), (bx, by) in zip(self.points, (*self.points[1:], self.points[0]), strict=True):
            if (ay > y) != (by > y) and x < ax + (bx - ax) * (y - ay) / (by - ay):
                inside = not inside
        return inside


def parse_zone(text: str) -> Zone:
    """Reads ``NAME=x,y;x,y;x,y``.

    Raises:
        UsageError: it says something else.

    Example:
        >>> from edgevid.regions.zones import parse_zone
        >>> parse_zone("door=0,0;100,0;100,200").points
        ((0.0, 0.0), (100.0, 0.0), (100.0, 200.0))
    """
    name, equals, corners = text.partition("=")
    try:
        if not equals:
            raise ValueError
        points = []
        for corner in corners.split(";"):
            x, y = corner.split(",")
            points.append((float(x), float(y)))
    except ValueError as error:
        raise UsageError(f"a zone is NAME=x,y;x,y;x,y in pixels, not {text!a:.80}") from error
    return Zone(name.strip(), tuple(points))


def parse_zones(zones: Sequence[str], allow: Sequence[str] = ()) -> tuple[Zone, ...]:
    """Reads zones, each ``NAME=x,y;x,y;x,y``, and what they allow, each ``NAME=label``.

    Raises:
        UsageError: one says something else, two have the same name, or there is no such zone.

    Example:
        >>> edgevid.parse_zones(["door=0,0;9,0;9,9"], ["door=waving hand"])[0].allow
        ('waving hand',)
    """
    read = [parse_zone(text) for text in zones]
    labels: dict[str, list[str]] = {zone.name: [] for zone in read}
    if len(labels) < len(read):
        raise UsageError("two zones have the same name")
    for text in allow:
        name, _, label = text.partition("=")
        if not label:
            raise UsageError(f"what a zone allows is NAME=LABEL, not {text!a:.80}")
        if name not in labels:
            raise UsageError(f"there is no zone {name!a:.80} to allow something in")
        labels[name].append(label)
    return tuple(replace(zone, allow=tuple(labels[zone.name])) for zone in read)


class Visit:
    """What one track does in zones.

    Args:
        zones: all there are; the first that holds it counts.
        dwell_s: seconds after which its stay is an event; None for never.
    """

    def __init__(self, zones: Sequence[Zone], dwell_s: float | None) -> None:
        self._zones = zones
        self._dwell_s = dwell_s
        self._zone: Zone | None = None
        self._since = math.nan
        self._dwells = False
        self._told: set[str] = set()

    def move(self, box: Box, timestamp: float) -> list[Event]:
        """Takes where it is now; returns what that makes of its stay."""
        zone = next((zone for zone in self._zones if zone.holds(box)), None)
        ended: list[Event] = []
        if zone is not self._zone or math.isnan(self._since):
            ended = self.leave(timestamp)
            self._zone, self._since = zone, timestamp
        # Where there are zones, a stay outside of all is none.
        counts = zone is not None or not self._zones
        dwell_s = self._dwell_s
        if zone is not None and zone.dwell_s is not None:
            dwell_s = zone.dwell_s
        if (
            dwell_s is not None
            and counts
            and not self._dwells
            and timestamp - self._since >= dwell_s - 1e-6
        ):
            self._dwells = True
            ended.append(self._event("start", timestamp))
        return ended

    def leave(self, timestamp: float) -> list[Event]:
        """Ends its stay; returns what ended with it."""
        ended = [self._event("end", timestamp)] if self._dwells else []
        self._dwells, self._since = False, math.nan
        return ended

    def tell(self, event: Event) -> bool:
        """Whether an action that started or ended is to be told, where it happened."""
        if event.state == "end":
            known = event.label in self._told
            self._told.discard(event.label)
            return known
        allowed = self._zone is None or not self._zone.allow or event.label in self._zone.allow
        if allowed:
            self._told.add(event.label)
        return allowed

    @property
    def zone(self) -> str | None:
        """The name of the zone that it is in."""
        return self._zone.name if self._zone is not None else None

    def _event(self, state: str, timestamp: float) -> Event:
        return Event("start" if state == "start" else "end", DWELL, timestamp, 1.0, zone=self.zone)
