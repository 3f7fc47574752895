from __future__ import annotations

import logging
from pathlib import Path

import pytest

from benchmarks.parts.tiny_model import LABELS, tiny_model
from edgevid import Frame, Model, Watch, load_model
from edgevid.modelfile.manifest import EventRules
from tests.conftest import moving_pictures

ALWAYS = EventRules(on_threshold=0.0, off_threshold=0.0, min_duration=0.0)


@pytest.fixture
def tiny(tmp_path: Path) -> Model:
    path = tmp_path / "tiny.tflite"
    path.write_bytes(tiny_model())
    return load_model(path, labels=LABELS)


def frames(count: int, start: float = 0.0) -> list[Frame]:
    return [Frame(p, start + n / 10, n) for n, p in enumerate(moving_pictures(count))]


def test_a_prediction_for_each_tick_and_the_end_of_what_goes_on(tiny: Model) -> None:
    watch = Watch(tiny.stream(top_k=1), ALWAYS)
    seen = [watch.take(frame) for frame in frames(10)]
    assert [one.prediction is not None for one in seen] == [True, False] * 5
    started = [event.label for one in seen for event in one.events if event.state == "start"]
    assert started
    assert {event.label for event in watch.end()} <= set(started)
    assert watch.end() == []


def test_a_jump_in_time_starts_afresh_and_says_so(
    tiny: Model, caplog: pytest.LogCaptureFixture
) -> None:
    watch = Watch(tiny.stream(), ALWAYS)
    first = [watch.take(frame) for frame in frames(10)]
    with caplog.at_level(logging.WARNING, "edgevid"):
        after = [watch.take(frame) for frame in frames(10, start=72_000.0)]
    assert "nothing for 71999 s" in caplog.text
    ended = [event for event in after[0].events if event.state == "end"]
    assert ended
    assert all(event.timestamp < 1 for event in ended)
    assert watch.skipped == 0
    before = [one.prediction.scores for one in first if one.prediction]
    assert before == [one.prediction.scores for one in after if one.prediction]


def test_what_is_skipped_is_counted_over_all_clips(tiny: Model) -> None:
    watch = Watch(tiny.stream())
    for start in (0.0, 1.0):
        watch.take(Frame(moving_pictures(1)[0], start, 0))
    watch.end()
    for start in (0.0, 0.6):
        watch.take(Frame(moving_pictures(1)[0], start, 0))
    assert watch.skipped == 4 + 2


def test_frames_that_come_paced_are_all_for_the_model_and_their_numbers_are_ticks(
    tiny: Model,
) -> None:
    watch = Watch(tiny.stream(), paced=True)
    picture = moving_pictures(1)[0]
    # Times that a pace would refuse: two so near to each other that they are of one tick.
    for tick, timestamp in ((7, 0.0), (8, 0.11), (12, 1.0)):
        assert watch.take(Frame(picture, timestamp, tick)).prediction is not None
    assert watch.skipped == 3
    watch.end()
    assert watch.take(Frame(picture, 2.0, 0)).prediction is not None
    assert watch.skipped == 3
