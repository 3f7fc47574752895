"""Events: what is published reaches every listener."""

from __future__ import annotations

import time

import pytest

from apps.raspberry_pi.bus import CameraEvent, EventBus
from edgevid import Event


def test_every_listener_gets_every_event_until_it_leaves() -> None:
    bus = EventBus()
    one: list[CameraEvent] = []
    two: list[CameraEvent] = []
    leave = bus.listen(one.append)
    bus.listen(two.append)
    start = Event("start", "waving", time.monotonic() - 10, 0.8)
    bus.publish("front", start)
    leave()
    leave()  # harmless
    bus.publish("front", Event("end", "waving", time.monotonic(), 0.1))
    assert [found.event.state for found in one] == ["start"]
    assert [found.event.state for found in two] == ["start", "end"]
    assert bus.recent() == two
    assert one[0].event is start
    assert one[0].at == pytest.approx(time.time() - 10, abs=1)


def test_a_listener_that_fails_keeps_nothing_from_the_others(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bus = EventBus()
    heard: list[CameraEvent] = []

    def fail(event: CameraEvent) -> None:
        raise ZeroDivisionError

    bus.listen(fail)
    bus.listen(heard.append)
    bus.publish("front", Event("start", "waving", 0.0, 0.5))
    assert len(heard) == 1
    assert "is not passed on" in caplog.text


def test_a_keeper_has_an_event_before_anybody_hears_of_it() -> None:
    bus = EventBus()
    order: list[str] = []
    bus.listen(lambda _: order.append("listener"))
    bus.keep(lambda _: order.append(f"keeper, {len(bus.recent())} told"))
    bus.publish("front", Event("start", "waving", 0.0, 0.5))
    assert order == ["keeper, 0 told", "listener"]
