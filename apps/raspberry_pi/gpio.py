"""A light and a button on the Pi's pins.

The light is on while an action is going on, and blinks while a camera is lost. The button keeps
the last seconds of every camera as a clip.
"""

from __future__ import annotations

import importlib
import threading
from collections.abc import Callable
from typing import Any

from apps.raspberry_pi.config import GpioConfig
from apps.raspberry_pi.status import Status
from edgevid import MissingDependencyError, UsageError

_LOOK_S = 0.1
_BLINK_S = 0.5  # on, and as long off
_BOUNCE_S = 0.05  # contacts touch several times when they meet


class Gpio:
    """The pins that the config names.

    Args:
        config: pins in gpiozero's terms, such as ``GPIO17`` or ``BOARD11``.
        status: whose cameras the light is about.
        pressed: what the button does; None where clips are off.

    Raises:
        MissingDependencyError: gpiozero is not installed.
        UsageError: there are no such pins here, or the button would do nothing.
    """

    def __init__(
        self, config: GpioConfig, status: Status, pressed: Callable[[], None] | None
    ) -> None:
        gpiozero = library()
        self._status = status
        self._led = self._button = None
        if config.button and pressed is None:
            raise UsageError("[gpio]: the button keeps clips: give [clips] a folder")
        try:
            if config.led:
                self._led = gpiozero.LED(config.led)
            if config.button:
                self._button = gpiozero.Button(config.button, bounce_time=_BOUNCE_S)
        except gpiozero.GPIOZeroError as error:
            self._close()
            raise UsageError(f"[gpio]: {error}") from error
        if self._button is not None:
            self._button.when_pressed = pressed
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="gpio", daemon=True)
        self._thread.start()

    def stop(self, within: float) -> None:
        """Turns the light off and lets go of the pins."""
        self._stopping.set()
        self._thread.join(within)
        self._close()

    def is_alive(self) -> bool:
        """Whether its thread runs."""
        return self._thread.is_alive()

    def _run(self) -> None:
        shown = ""
        while not self._stopping.wait(_LOOK_S):
            if self._led is None:
                continue
            wanted = _light(self._status)
            if wanted != shown:
                shown = wanted
                if wanted == "blink":
                    self._led.blink(_BLINK_S, _BLINK_S)
                else:
                    self._led.value = wanted == "on"

    def _close(self) -> None:
        for device in (self._led, self._button):
            if device is not None:
                device.close()


def _light(status: Status) -> str:
    cameras = status.cameras()
    if any(camera.state == "lost" for camera in cameras):
        return "blink"
    return "on" if any(camera.active for camera in cameras) else "off"


def library() -> Any:
    """Returns gpiozero.

    Raises:
        MissingDependencyError: it is not installed.
    """
    try:
        return importlib.import_module("gpiozero")
    except ImportError as error:
        raise MissingDependencyError(
            "a light and a button need gpiozero: sudo apt install python3-gpiozero, or "
            "pip install gpiozero"
        ) from error
