"""The meeting point: what is published is what is read."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from apps.raspberry_pi.hub import CameraEvent, Histogram, Hub, Shot
from apps.raspberry_pi.pictures import from_jpeg
from edgevid import Event, Frame, Prediction, Score
from tests.apps.parts import status


def frame(index: int, colour: int = 200) -> Frame:
    return Frame(np.full((48, 64, 3), colour, np.uint8), time.monotonic(), index)


def prediction(of: Frame, probability: float = 0.9) -> Prediction:
    return Prediction(of.timestamp, of.index, (Score("waving", probability),), 2.0)


def seen(hub: Hub, index: int, skipped: int = 0) -> Frame:
    one = frame(index)
    hub.stepped("front", one, [prediction(one)], skipped=skipped)
    return one


def shot_of(hub: Hub) -> Shot:
    shot = hub.shot("front")
    assert shot is not None
    return shot


def test_cameras_come_in_their_order_and_start_as_starting() -> None:
    hub = Hub(["front", "back"])
    assert [(c.name, c.state, c.seen) for c in hub.cameras()] == [
        ("front", "starting", None),
        ("back", "starting", None),
    ]
    assert hub.camera("side") is None


def test_a_camera_through_its_states() -> None:
    hub = Hub(["front"])
    assert hub.turned("front", "live")
    assert not hub.turned("front", "live")  # no news
    seen(hub, 0)
    live = status(hub, "front")
    assert live.scores == (Score("waving", 0.9),)
    assert hub.turned("front", "lost", "unplugged")
    lost = status(hub, "front")
    assert (lost.state, lost.problem, lost.losses, lost.scores) == ("lost", "unplugged", 1, ())
    assert lost.since >= live.since
    # It is still lost, for another reason: that is news, but it has been lost since then.
    assert hub.turned("front", "lost", "not there")
    assert (status(hub, "front").since, status(hub, "front").losses) == (lost.since, 1)


def test_a_camera_that_never_came_is_lost_as_well() -> None:
    hub = Hub(["front"])
    hub.turned("front", "lost", "not there")
    assert status(hub, "front").losses == 1


def test_steps_are_counted_and_timed() -> None:
    hub = Hub(["front"])
    for index, skipped in enumerate((0, 2, 1)):
        seen(hub, index, skipped)
    camera = status(hub, "front")
    assert (camera.steps, camera.skipped) == (3, 3)
    assert sum(camera.latency.counts) == sum(camera.inference.counts) == 3
    assert camera.inference.total_s == pytest.approx(0.006)
    assert camera.inference_ms["p50"] == pytest.approx(2.0, rel=0.02)
    assert 0 < camera.latency_ms["p50"] <= camera.latency_ms["p99"]
    assert camera.seen == pytest.approx(time.time(), abs=5)


def test_every_listener_gets_every_event_until_it_leaves() -> None:
    hub = Hub(["front"])
    one: list[CameraEvent] = []
    two: list[CameraEvent] = []
    leave = hub.listen(one.append)
    hub.listen(two.append)
    start = Event("start", "waving", time.monotonic() - 10, 0.8)
    hub.happened("front", start)
    leave()
    leave()  # harmless
    hub.happened("front", Event("end", "waving", time.monotonic(), 0.1))
    assert [found.event.state for found in one] == ["start"]
    assert [found.event.state for found in two] == ["start", "end"]
    assert hub.recent() == two
    assert one[0].event is start
    assert one[0].at == pytest.approx(time.time() - 10, abs=1)


def test_what_is_going_on() -> None:
    hub = Hub(["front"])
    for state, label in [("start", "a"), ("start", "b"), ("end", "a"), ("start", "c")]:
        hub.happened("front", Event(state, label, 0.0, 0.5))  # type: ignore[arg-type]
    assert status(hub, "front").active == ("b", "c")


def test_a_picture_is_drawn_when_somebody_looks_and_once_for_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    drawn: list[np.ndarray] = []

    def jpeg(picture: np.ndarray) -> bytes:
        drawn.append(picture)
        time.sleep(0.05)
        return b"jpeg"

    monkeypatch.setattr("apps.raspberry_pi.hub.jpeg", jpeg)
    hub = Hub(["front"])
    assert hub.shot("front") is None
    assert hub.shot("side") is None
    for index in range(5):
        seen(hub, index)
    assert not drawn
    first: list[Shot] = []

    def look() -> None:
        first.append(shot_of(hub))

    lookers = [threading.Thread(target=look) for _ in range(4)]
    for looker in lookers:
        looker.start()
    for looker in lookers:
        looker.join()
    assert len(drawn) == 1
    assert len({shot.number for shot in first}) == 1
    seen(hub, 5)
    assert shot_of(hub).number != first[0].number
    assert len(drawn) == 2


def test_the_picture_is_the_frame_with_its_labels() -> None:
    hub = Hub(["front"])
    seen(hub, 0)
    picture = from_jpeg(shot_of(hub).jpeg)
    assert picture.shape[0] >= 360  # enlarged, for letters need pixels
    assert abs(float(picture[picture.shape[0] // 8, picture.shape[1] // 8].mean()) - 200) < 10


def test_a_histogram_counts_a_duration_where_it_belongs() -> None:
    histogram = Histogram()
    for seconds in (0.001, 0.005, 0.0051, 0.9, 1.0, 60.0):
        histogram = histogram.plus(seconds)
    assert histogram.counts == (2, 1, 0, 0, 0, 0, 0, 2, 1)
    assert histogram.total_s == pytest.approx(61.9111)


def test_a_listener_that_fails_keeps_nothing_from_the_others(
    caplog: pytest.LogCaptureFixture,
) -> None:
    hub = Hub(["front"])
    heard: list[CameraEvent] = []

    def fail(event: CameraEvent) -> None:
        raise ZeroDivisionError

    hub.listen(fail)
    hub.listen(heard.append)
    hub.happened("front", Event("start", "waving", 0.0, 0.5))
    assert len(heard) == 1
    assert "is not passed on" in caplog.text
