"""Which level an event has."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Literal

import pytest

from apps.raspberry_pi.alerts import LEVELS, Levels, reaches
from apps.raspberry_pi.bus import CameraEvent, EventBus
from apps.raspberry_pi.config import AlertConfig
from apps.raspberry_pi.hub import Hub
from edgevid import Event


def happened(
    label: str = "falling",
    second: float = 0.0,
    state: Literal["start", "end"] = "start",
    **more: Any,
) -> Event:
    return Event(state, label, second, more.pop("probability", 0.9), **more)


def at(clock: str) -> float:
    """Returns a moment of that local time."""
    return datetime.fromisoformat(f"2026-03-04T{clock}").timestamp()


def level(
    rules: list[AlertConfig], event: Event, camera: str = "yard", clock: str = "12:00"
) -> str:
    return Levels(rules).of(camera, event, at(clock))


def rule(**settings: Any) -> AlertConfig:
    return AlertConfig(**{"level": "alert", **settings})


def test_without_rules_all_is_shown() -> None:
    assert level([], happened()) == "show"


@pytest.mark.parametrize(
    ("settings", "event", "matches"),
    [
        ({}, happened(), True),
        ({"cameras": ("yard", "door")}, happened(), True),
        ({"cameras": ("door",)}, happened(), False),
        ({"labels": ("falling",)}, happened(), True),
        ({"labels": ("waving",)}, happened(), False),
        ({"zones": ("pool",)}, happened(zone="pool"), True),
        ({"zones": ("pool",)}, happened(zone="path"), False),
        ({"zones": ("pool",)}, happened(), False),
        ({"probability": 0.9}, happened(probability=0.9), True),
        ({"probability": 0.9}, happened(probability=0.89), False),
        ({"labels": ("falling",), "zones": ("pool",)}, happened("waving", zone="pool"), False),
    ],
)
def test_what_a_rule_matches(settings: dict[str, Any], event: Event, matches: bool) -> None:
    assert level([rule(**settings)], event) == ("alert" if matches else "show")


@pytest.mark.parametrize(
    ("between", "clock", "matches"),
    [
        ((480, 1080), "07:59:59", False),
        ((480, 1080), "08:00", True),
        ((480, 1080), "17:59:59", True),
        ((480, 1080), "18:00", False),
        ((1320, 360), "21:59:59", False),
        ((1320, 360), "22:00", True),
        ((1320, 360), "00:00", True),
        ((1320, 360), "05:59:59", True),
        ((1320, 360), "06:00", False),
        ((1320, 0), "23:59:59", True),
        ((1320, 0), "00:00", False),
    ],
)
def test_the_part_of_the_day_may_be_over_midnight(
    between: tuple[int, int], clock: str, matches: bool
) -> None:
    expected = "alert" if matches else "show"
    assert level([rule(between=between)], happened(), clock=clock) == expected


def test_the_first_rule_that_matches_decides() -> None:
    rules = [rule(level="log", labels=("waving",)), rule(cameras=("yard",)), rule(level="log")]
    assert level(rules, happened("waving")) == "log"
    assert level(rules, happened()) == "alert"
    assert level(rules, happened(), camera="door") == "log"


def test_in_the_cool_down_the_next_has_one_level_less() -> None:
    for first, then in (("alert", "show"), ("show", "log"), ("log", "log")):
        levels = Levels([rule(level=first, cool_down=10.0)])
        told = [levels.of("yard", happened(second=s), 0.0) for s in (0, 9.9, 10, 19, 20.5)]
        assert told == [first, then, first, then, first]


def test_a_cool_down_is_of_one_camera_and_label() -> None:
    levels = Levels([rule(cool_down=60.0)])
    for camera, label in (("yard", "falling"), ("door", "falling"), ("yard", "waving")):
        assert levels.of(camera, happened(label), 0.0) == "alert"
        assert levels.of(camera, happened(label, 1.0), 0.0) == "show"


def test_the_end_has_the_level_of_its_start() -> None:
    levels = Levels([rule(probability=0.5, cool_down=60.0)])

    def of(state: Literal["start", "end"], second: float, track: int | None = None) -> str:
        share = 0.9 if state == "start" else 0.1
        return levels.of(
            "yard", happened("falling", second, state, probability=share, track=track), 0
        )

    assert [of("start", 0, track=1), of("start", 1, track=2)] == ["alert", "show"]
    assert [of("end", 2, track=2), of("end", 3, track=1)] == ["show", "alert"]
    assert of("end", 4) == "show"  # whose start nobody knows
    assert not levels._going_on


def test_levels_have_an_order() -> None:
    assert [[reaches(one, least) for one in LEVELS] for least in LEVELS] == [
        [True, True, True],
        [False, True, True],
        [False, False, True],
    ]


def test_listeners_hear_of_the_levels_that_they_ask_for() -> None:
    rules = [rule(labels=("falling",)), rule(level="log", labels=("yawning",))]
    bus = EventBus(Levels(rules).of)
    heard: dict[str, list[str]] = {name: [] for name in LEVELS}

    def listener(heard: list[str]) -> Callable[[CameraEvent], None]:
        return lambda found: heard.append(found.event.label)

    for least in LEVELS:
        bus.listen(listener(heard[least]), least)
    kept: list[tuple[str, str]] = []
    bus.keep(lambda found: kept.append((found.event.label, found.level)), "alert")
    for label in ("yawning", "waving", "falling"):
        bus.publish("yard", happened(label))
    assert heard == {
        "log": ["yawning", "waving", "falling"],
        "show": ["waving", "falling"],
        "alert": ["falling"],
    }
    assert kept == [("falling", "alert")]
    assert [found.event.label for found in bus.recent()] == ["waving", "falling"]


def test_what_is_only_logged_is_not_going_on() -> None:
    hub = Hub(["yard"], alerts=[rule(level="log", labels=("yawning",))])
    for label in ("yawning", "waving"):
        hub.bus.publish("yard", happened(label))
    assert [camera.active for camera in hub.status.cameras()] == [("waving",)]
