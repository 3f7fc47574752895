from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgevid.modelfile.manifest import EventRules
from edgevid.records import Event, Prediction, Score
from edgevid.runtime.events import EventDetector, events

PLAIN = EventRules(on_threshold=0.5, off_threshold=0.2, smoothing=0, min_duration=0, cool_down=0)


def rules(**changes: float) -> EventRules:
    return EventRules(**{**PLAIN.__dict__, **changes})


def predictions(probabilities: list[float], label: str = "yoga") -> list[Prediction]:
    """Five a second."""
    return [
        Prediction(n / 5, n, (Score(label, p), Score("other", 0.01)), 1.0)
        for n, p in enumerate(probabilities)
    ]


def found(probabilities: list[float], defaults: EventRules) -> list[tuple[str, float]]:
    return [
        (event.state, round(event.timestamp, 3))
        for event in events(predictions(probabilities), defaults)
    ]


def test_on_at_one_threshold_and_off_below_a_lower_one() -> None:
    assert found([0.1, 0.6, 0.3, 0.4, 0.1, 0.1], PLAIN) == [("start", 0.2), ("end", 0.8)]


def test_a_threshold_of_one_silences() -> None:
    assert found([1.0] * 20, rules(on_threshold=1.0)) == []


def test_what_lies_between_the_thresholds_changes_nothing() -> None:
    assert found([0.3, 0.45, 0.3, 0.45] * 20, PLAIN) == []


def test_it_must_last() -> None:
    assert found([0.9, 0.1, 0.9, 0.1], rules(min_duration=0.4)) == []
    assert found([0.9] * 4 + [0.1], rules(min_duration=0.4)) == [("start", 0.4), ("end", 0.8)]


def test_it_does_not_come_back_within_the_cool_down() -> None:
    flicker = [0.9, 0.9, 0.0, 0.9, 0.9, 0.0, 0.0]
    assert [state for state, _ in found(flicker, PLAIN)] == ["start", "end", "start", "end"]
    assert found(flicker, rules(cool_down=1)) == [("start", 0.0), ("end", 0.4)]
    assert found([*flicker, *[0.9] * 5], rules(cool_down=0.9))[2] == ("start", 1.4)


def test_smoothing_takes_time_constant_seconds() -> None:
    smoothed = found([0.0] + [1.0] * 20, rules(on_threshold=0.632, smoothing=1.0))
    state, timestamp = smoothed[0]
    assert state == "start"
    assert timestamp == pytest.approx(1.0, abs=0.21)


def test_smoothing_does_not_depend_on_the_rate() -> None:
    fast = [Prediction(n / 50, n, (Score("yoga", float(n > 0)),), 1.0) for n in range(300)]
    slow = [Prediction(n / 5, n, (Score("yoga", float(n > 0)),), 1.0) for n in range(30)]
    starts = [
        next(events(run, rules(on_threshold=0.9, smoothing=1.0))).timestamp for run in (fast, slow)
    ]
    assert starts[0] == pytest.approx(starts[1], abs=0.21)


def test_what_goes_on_ends_with_the_stream() -> None:
    assert found([0.9, 0.9, 0.9], PLAIN) == [("start", 0.0), ("end", 0.4)]


def test_a_label_that_is_no_longer_listed_ends() -> None:
    detector = EventDetector(PLAIN)
    started = detector.update(Prediction(0, 0, (Score("yoga", 0.9),), 1.0))
    ended = detector.update(Prediction(0.2, 1, (Score("zumba", 0.3),), 1.0))
    assert started == [Event("start", "yoga", 0, 0.9)]
    assert ended == [Event("end", "yoga", 0.2, 0.0)]


@given(
    st.lists(st.floats(0, 1), max_size=200),
    st.floats(0, 1),
    st.floats(0, 1),
    st.floats(0, 3),
    st.floats(0, 3),
    st.floats(0, 3),
)
def test_starts_and_ends_alternate_whatever_happens(
    probabilities: list[float], a: float, b: float, smoothing: float, least: float, cool: float
) -> None:
    chosen = EventRules(max(a, b), min(a, b), smoothing, least, cool)
    states = [e.state for e in events(predictions(probabilities), chosen) if e.label == "yoga"]
    assert states == ["start", "end"] * (len(states) // 2)


def test_memory_stays_bounded() -> None:
    detector = EventDetector(rules(smoothing=0.5, cool_down=1))
    for n in range(2000):
        detector.update(Prediction(n / 5, n, (Score(f"label {n}", 0.9),), 1.0))
    assert len(detector._labels) < 50
