"""Recorders' ways to name files: camera and wall-clock time from a path."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import NamedTuple

from edgevid.errors import UsageError

_FIELDS = {
    "camera": "[^/]+?",
    "year": r"\d{4}",
    **dict.fromkeys(("month", "day", "hour", "minute", "second"), r"\d{2}"),
}
_NUMBERS = ("year", "month", "day", "hour", "minute", "second")


class Place(NamedTuple):
    """What a path says of a recording; None what it does not.

    Attributes:
        camera: the camera's name.
        began: when the recording begins.
    """

    camera: str | None
    began: datetime | None


@dataclass(frozen=True)
class Layout:
    """How a recorder names its files.

    Attributes:
        pattern: the end of a path, with ``{camera}``, ``{year}`` (four digits), ``{month}``,
            ``{day}``, ``{hour}``, ``{minute}``, ``{second}`` (two digits each), and ``*`` for
            anything but a slash.
        is_utc: whether times are in UTC whatever the time zone.

    Raises:
        UsageError: the pattern makes no sense.

    Example:
        >>> layout = Layout("{camera}/{year}-{month}-{day}T{hour}-{minute}-{second}.mp4")
        >>> place = layout.place("/recordings/yard/2026-05-01T12-30-00.mp4", UTC)
        >>> place.camera, place.began.isoformat()
        ('yard', '2026-05-01T12:30:00+00:00')
    """

    pattern: str
    is_utc: bool = False

    def __post_init__(self) -> None:
        self._expression()

    def place(self, path: str, zone: tzinfo | None) -> Place | None:
        """Returns what a path says; None when it does not follow this layout.

        Args:
            path: with slashes.
            zone: of its times; this machine's when None.
        """
        found = self._expression().search(path)
        if found is None:
            return None
        said = found.groupdict()
        if "year" not in said:
            return Place(said.get("camera"), None)
        try:
            began = datetime(*(int(said.get(name) or 0) for name in _NUMBERS))  # type: ignore[arg-type]
        except ValueError:  # a month 13: it only looks like a time
            return None
        zoned = began.replace(tzinfo=UTC if self.is_utc else zone)
        return Place(said.get("camera"), zoned.astimezone(UTC))

    def _expression(self) -> re.Pattern[str]:
        written, seen = "", set()
        for part in re.split(r"(\{\w*\}|\*)", self.pattern):
            name = part[1:-1]
            if part == "*":
                written += "[^/]*?"
            elif not part.startswith("{"):
                written += re.escape(part)
            elif name not in _FIELDS:
                raise UsageError(
                    f"layout {self.pattern}: {part} is none of {', '.join(_FIELDS)}, written {{so}}"
                )
            else:
                written += f"(?P<{name}>{_FIELDS[name]})" if name not in seen else f"(?P={name})"
                seen.add(name)
        if not seen or ("year" in seen and not {"month", "day"} <= seen):
            raise UsageError(
                f"layout {self.pattern}: it must hold {{camera}}, or "
                "{year}, {month} and {day}"
            )
        return re.compile(f"(?:^|/){written}$")


# By name, in the order in which they are tried. Each holds a whole time, so that nothing is taken
# for one by chance.
LAYOUTS = {
    "frigate": Layout(
        "{year}-{month}-{day}/{hour}/{camera}/{minute}.{second}.mp4",
        is_utc=True,
    ),
    "edgevid": Layout(
        "{camera}_{year}{month}{day}T{hour}{minute}{second}Z*.mp4",
        is_utc=True,
    ),
    "mediamtx": Layout("{camera}/{year}-{month}-{day}_{hour}-{minute}-{second}*.*"),
    "shinobi": Layout("{camera}/{year}-{month}-{day}T{hour}-{minute}-{second}*.*"),
    "reolink": Layout("{camera}_*_{year}{month}{day}{hour}{minute}{second}.*"),
    "blueiris": Layout("{camera}.{year}{month}{day}_{hour}{minute}{second}*.*"),
    "motion": Layout("{camera}/*-{year}{month}{day}{hour}{minute}{second}*.*"),
}


def layout_of(text: str) -> Layout:
    """Returns the layout that a name or a pattern stands for.

    Raises:
        UsageError: it is neither.
    """
    if text in LAYOUTS:
        return LAYOUTS[text]
    if "{" not in text:
        raise UsageError(
            f"no layout {text!r}: give a pattern such as "
            f"'{LAYOUTS['shinobi'].pattern}', or one of {', '.join(LAYOUTS)}"
        )
    return Layout(text)


def place_of(path: str, layout: Layout | None, zone: tzinfo | None) -> Place:
    """Returns what a path says of its camera and time: by a layout, or by whichever fits."""
    for one in [layout] if layout is not None else LAYOUTS.values():
        place = one.place(path, zone)
        if place is not None:
            return place
    return Place(None, None)
