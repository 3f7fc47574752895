"""How much an event matters: ``[[alert]]`` rules give each a level.

``log`` is written to the log alone; ``show`` is also shown on the page, told over MQTT and kept as
a clip; ``alert`` is also an alert for Home Assistant and a notification.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from apps.raspberry_pi.config import AlertConfig
from edgevid import Event

Level = Literal["log", "show", "alert"]
LEVELS: tuple[Level, ...] = ("log", "show", "alert")

_UNKNOWN: Level = "show"  # what no rule speaks of


class Levels:
    """Gives each event of a service its level. Not thread-safe.

    The first rule that an event matches decides; one that matches none is shown. Within a rule's
    cool-down after an event of the same camera, label and level, the next has one level less. The
    end of an action has the level of its start.

    Args:
        rules: in their order.

    Example:
        >>> levels = Levels([AlertConfig(level="alert", labels=("falling",), cool_down=60.0)])
        >>> [levels.of("yard", Event("start", "falling", t, 0.9), 0.0) for t in (0.0, 5.0, 70.0)]
        ['alert', 'show', 'alert']
    """

    def __init__(self, rules: Sequence[AlertConfig] = ()) -> None:
        self._rules = tuple(rules)
        self._last: dict[tuple[str, str, Level], float] = {}  # of camera, label and level
        self._going_on: dict[tuple[str, int | None, str], Level] = {}

    def of(self, camera: str, event: Event, at: float) -> Level:
        """Returns an event's level.

        Args:
            camera: its name.
            event: what happened; its timestamp is on the monotonic clock.
            at: the same moment, Unix seconds.
        """
        action = (camera, event.track, event.label)
        if event.state == "end":
            return self._going_on.pop(action, _UNKNOWN)
        level = self._of_start(camera, event, at)
        self._going_on[action] = level
        return level

    def _of_start(self, camera: str, event: Event, at: float) -> Level:
        rule = next((one for one in self._rules if _matches(one, camera, event, at)), None)
        if rule is None:
            return _UNKNOWN
        key = (camera, event.label, rule.level)
        last = self._last.get(key)
        if last is not None and event.timestamp - last < rule.cool_down:
            return LEVELS[max(0, LEVELS.index(rule.level) - 1)]
        self._last[key] = event.timestamp
        return rule.level


def reaches(level: Level, least: Level) -> bool:
    """Whether a level is at least another."""
    return LEVELS.index(level) >= LEVELS.index(least)


def _matches(rule: AlertConfig, camera: str, event: Event, at: float) -> bool:
    return (
        (not rule.cameras or camera in rule.cameras)
        and (not rule.labels or event.label in rule.labels)
        and (not rule.zones or event.zone in rule.zones)
        and event.probability >= rule.probability
        and (rule.between is None or _is_between(rule.between, at))
    )


def _is_between(between: tuple[int, int], at: float) -> bool:
    """Whether a moment, Unix seconds, is in a part of the day: minutes of the local time."""
    first, end = between
    local = datetime.fromtimestamp(at)
    now = 60 * local.hour + local.minute
    return first <= now < end if first < end else now >= first or now < end
