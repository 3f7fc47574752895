"""How cameras are: what is recorded of them is what is read."""

from __future__ import annotations

import time

import numpy as np
import pytest

from apps.raspberry_pi.status import CameraStatus, Histogram, Status
from edgevid import Event, Frame, Prediction, Score


def seen(service: Status, index: int, skipped: int = 0) -> None:
    frame = Frame(np.zeros((48, 64, 3), np.uint8), time.monotonic(), index)
    prediction = Prediction(frame.timestamp, index, (Score("waving", 0.9),), 2.0)
    service.record_step("front", frame, [prediction], skipped=skipped)


def front(service: Status) -> CameraStatus:
    found = service.camera("front")
    assert found is not None
    return found


def test_cameras_come_in_their_order_and_start_as_starting() -> None:
    service = Status(["front", "back"])
    assert [(c.name, c.state, c.seen) for c in service.cameras()] == [
        ("front", "starting", None),
        ("back", "starting", None),
    ]
    assert service.camera("side") is None


def test_a_camera_through_its_states() -> None:
    service = Status(["front"])
    assert service.set_state("front", "live")
    assert not service.set_state("front", "live")  # no news
    seen(service, 0)
    live = front(service)
    assert live.scores == (Score("waving", 0.9),)
    assert service.set_state("front", "lost", "unplugged")
    lost = front(service)
    assert (lost.state, lost.problem, lost.losses, lost.scores) == ("lost", "unplugged", 1, ())
    assert lost.since >= live.since
    # It is still lost, for another reason: that is news, but it has been lost since then.
    assert service.set_state("front", "lost", "not there")
    assert (front(service).since, front(service).losses) == (lost.since, 1)


def test_a_camera_that_never_came_is_lost_as_well() -> None:
    service = Status(["front"])
    service.set_state("front", "lost", "not there")
    assert front(service).losses == 1


def test_steps_are_counted_and_timed() -> None:
    service = Status(["front"])
    for index, skipped in enumerate((0, 2, 1)):
        seen(service, index, skipped)
    camera = front(service)
    assert (camera.steps, camera.skipped) == (3, 3)
    assert sum(camera.latency.counts) == sum(camera.inference.counts) == 3
    assert camera.inference.total_s == pytest.approx(0.006)
    assert camera.inference_ms["p50"] == pytest.approx(2.0, rel=0.02)
    assert 0 < camera.latency_ms["p50"] <= camera.latency_ms["p99"]
    assert camera.seen == pytest.approx(time.time(), abs=5)


def test_what_is_going_on() -> None:
    service = Status(["front"])
    for state, label in [("start", "a"), ("start", "b"), ("end", "a"), ("start", "c")]:
        service.record_event("front", Event(state, label, 0.0, 0.5))  # type: ignore[arg-type]
    assert front(service).active == ("b", "c")


def test_a_histogram_counts_a_duration_where_it_belongs() -> None:
    histogram = Histogram()
    for seconds in (0.001, 0.005, 0.0051, 0.9, 1.0, 60.0):
        histogram = histogram.plus(seconds)
    assert histogram.counts == (2, 1, 0, 0, 0, 0, 0, 2, 1)
    assert histogram.total_s == pytest.approx(61.9111)


def test_two_who_do_the_same_are_going_on_until_both_have_ended() -> None:
    service = Status(["front"])
    for state, track in (("start", 1), ("start", 2), ("end", 1)):
        service.record_event("front", Event(state, "waving", 0.0, 0.9, track=track))  # type: ignore[arg-type]
    assert [camera.active for camera in service.cameras()] == [("waving",)]
    service.record_event("front", Event("end", "waving", 0.0, 0.9, track=2))
    assert [camera.active for camera in service.cameras()] == [()]


def test_of_several_tracks_the_surest_counts_and_what_stood_is_no_step() -> None:
    service = Status(["front"])
    frame = Frame(np.zeros((48, 64, 3), np.uint8), time.monotonic(), 0)
    said = [
        Prediction(frame.timestamp, 0, (Score(label, probability),), took, track=n)
        for n, (label, probability, took) in enumerate((("a", 0.4, 2.0), ("b", 0.8, 0.0)))
    ]
    service.record_step("front", frame, said, saved=1)
    (camera,) = service.cameras()
    assert (camera.steps, camera.saved, camera.tracks) == (1, 1, 2)
    assert camera.scores[0].label == "b"
    assert sum(camera.inference.counts) == 1
    service.record_step("front", frame, [])
    (camera,) = service.cameras()
    assert (camera.tracks, camera.scores) == (0, ())
