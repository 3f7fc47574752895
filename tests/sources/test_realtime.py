"""A file that is played as a camera would give it, on a clock of the test's own."""

from __future__ import annotations

import pytest

from edgevid.sources.realtime import RealtimeSource
from edgevid.sources.replay import ReplaySource
from tests.conftest import moving_pictures


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def test_each_frame_comes_when_its_moment_comes() -> None:
    clock = Clock()
    source = RealtimeSource(
        ReplaySource(moving_pictures(5), fps=10), clock=clock, sleep=clock.sleep
    )
    came = [(clock.now - 1000, frame.timestamp) for frame in source]
    assert source.is_live
    assert [moment for moment, _ in came] == pytest.approx([0, 0.1, 0.2, 0.3, 0.4])
    assert [timestamp for _, timestamp in came] == pytest.approx([0, 0.1, 0.2, 0.3, 0.4])


def test_a_late_reader_is_not_made_later() -> None:
    clock = Clock()
    source = RealtimeSource(
        ReplaySource(moving_pictures(5), fps=10), clock=clock, sleep=clock.sleep
    )
    frames = iter(source)
    next(frames)
    clock.now += 0.25  # the reader was busy
    next(frames)
    next(frames)
    assert clock.slept == []
    next(frames)
    assert clock.slept == pytest.approx([0.05])


def test_a_jump_in_the_files_time_is_not_waited_for() -> None:
    clock = Clock()
    source = RealtimeSource(
        ReplaySource(moving_pictures(4), fps=1 / 3600), clock=clock, sleep=clock.sleep
    )
    assert [frame.timestamp for frame in source] == [0, 3600, 7200, 10800]
    assert sum(clock.slept) == pytest.approx(0.12)
    assert source.left_out == pytest.approx(10800 - 0.12)


def test_it_may_be_played_faster() -> None:
    clock = Clock()
    source = RealtimeSource(
        ReplaySource(moving_pictures(5), fps=10), speed=4.0, clock=clock, sleep=clock.sleep
    )
    came = [(clock.now - 1000, frame.timestamp) for frame in source]
    assert [moment for moment, _ in came] == pytest.approx([0, 0.025, 0.05, 0.075, 0.1])
    assert [timestamp for _, timestamp in came] == pytest.approx([0, 0.1, 0.2, 0.3, 0.4])
