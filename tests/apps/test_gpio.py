"""The light and the button, on gpiozero's own mock pins."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from apps.raspberry_pi.config import GpioConfig
from apps.raspberry_pi.gpio import Gpio
from apps.raspberry_pi.hub import Hub
from apps.raspberry_pi.status import Status
from edgevid import Event, MissingDependencyError, UsageError
from tests.apps.parts import until

gpiozero: Any = pytest.importorskip("gpiozero")


@pytest.fixture
def pins() -> Iterator[Any]:
    from gpiozero.pins.mock import MockFactory

    before, gpiozero.Device.pin_factory = gpiozero.Device.pin_factory, MockFactory()
    yield gpiozero.Device.pin_factory
    gpiozero.Device.pin_factory.reset()
    gpiozero.Device.pin_factory = before


def happens(hub: Hub, state: str) -> None:
    hub.bus.publish("front", Event(state, "waving", time.monotonic(), 0.5))  # type: ignore[arg-type]


def test_the_light_is_on_while_something_is_going_on(pins: Any) -> None:
    hub = Hub(["front"])
    hub.status.set_state("front", "live")
    gpio = Gpio(GpioConfig(led="GPIO17"), hub.status, None)
    light = pins.pin("GPIO17")
    assert light.state == 0
    happens(hub, "start")
    until(lambda: light.state == 1)
    happens(hub, "end")
    until(lambda: light.state == 0)
    happens(hub, "start")
    until(lambda: light.state == 1)
    gpio.stop(1.0)
    assert pins.pin("GPIO17").function == "input"  # nobody holds it


def test_the_light_blinks_while_a_camera_is_lost(
    pins: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apps.raspberry_pi.gpio._BLINK_S", 0.05)
    hub = Hub(["front"])
    hub.status.set_state("front", "lost", "unplugged")
    gpio = Gpio(GpioConfig(led="GPIO17"), hub.status, None)
    light = pins.pin("GPIO17")

    def shows(state: int) -> bool:
        return bool(light.state == state)

    for state in (1, 0, 1, 0):
        until(partial(shows, state))
    hub.status.set_state("front", "live")
    time.sleep(0.3)
    assert light.state == 0
    gpio.stop(1.0)


def test_the_button(pins: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apps.raspberry_pi.gpio._BOUNCE_S", None)
    pressed: list[int] = []
    gpio = Gpio(GpioConfig(button="GPIO2"), Status(["front"]), lambda: pressed.append(1))
    for _ in range(2):
        pins.pin("GPIO2").drive_low()
        pins.pin("GPIO2").drive_high()
    until(lambda: len(pressed) == 2)
    gpio.stop(1.0)


def test_a_pin_that_is_none(pins: Any) -> None:
    with pytest.raises(UsageError, match=r"\[gpio\]: .*GPIO99"):
        Gpio(GpioConfig(led="GPIO99"), Status(["front"]), None)


def test_a_button_without_clips(pins: Any) -> None:
    with pytest.raises(UsageError, match=r"give \[clips\] a folder"):
        Gpio(GpioConfig(button="GPIO2"), Status(["front"]), None)


def test_without_gpiozero_the_message_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gpiozero", None)
    with pytest.raises(MissingDependencyError, match="apt install python3-gpiozero"):
        Gpio(GpioConfig(led="GPIO17"), Status(["front"]), None)
