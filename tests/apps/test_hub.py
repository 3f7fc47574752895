"""The meeting point: what is published in one place is known in the others."""

from __future__ import annotations

import time

import numpy as np

from apps.raspberry_pi.bus import CameraEvent
from apps.raspberry_pi.hub import Hub
from edgevid import Event, Frame, Prediction, Score
from tests.apps.parts import status


def test_a_step_is_in_the_status_and_in_the_picture() -> None:
    hub = Hub(["front"])
    frame = Frame(np.zeros((48, 64, 3), np.uint8), time.monotonic(), 0)
    hub.record_step(
        "front", frame, [Prediction(frame.timestamp, 0, (Score("a", 0.9),), 2.0)], skipped=3
    )
    assert (status(hub, "front").steps, status(hub, "front").skipped) == (1, 3)
    assert hub.snapshots.snapshot("front")


def test_who_hears_of_an_event_finds_the_status_as_it_is_then() -> None:
    hub = Hub(["front"])
    active: list[tuple[str, ...]] = []

    def look(found: CameraEvent) -> None:
        active.append(status(hub, found.camera).active)

    hub.bus.listen(look)
    for state in ("start", "end"):
        hub.bus.publish("front", Event(state, "waving", 0.0, 0.5))
    assert active == [("waving",), ()]
