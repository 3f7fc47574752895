from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgevid.modelfile.manifest import EventRules
from edgevid.records import Prediction, Score
from edgevid.runtime.events import events
from edgevid.runtime.quiet import Levels, quieted
from edgevid.runtime.rules import RuleChanges

RULES = EventRules(0.5, 0.25, smoothing=0.3, min_duration=0.5, cool_down=0.0)


def said(
    probabilities: list[float], *, label: str = "yoga", start: float = 0.0
) -> list[Prediction]:
    return [
        Prediction(start + n / 5, n, (Score(label, p), Score("other", 0.001)), 0.0)
        for n, p in enumerate(probabilities)
    ]


def levels(predictions: list[Prediction], rules: EventRules = RULES) -> Levels:
    measured = Levels(rules)
    for prediction in predictions:
        measured.update(prediction)
    return measured


def starts(predictions: list[Prediction], rules: EventRules) -> bool:
    return any(event.state == "start" for event in events(predictions, rules))


@given(
    st.lists(st.floats(0, 1), min_size=1, max_size=60),
    st.sampled_from([0.0, 0.3, 1.0]),
    st.sampled_from([0.0, 0.3, 0.5, 1.1]),
)
def test_the_level_is_the_highest_threshold_at_which_an_event_starts(
    probabilities: list[float], smoothing: float, least: float
) -> None:
    rules = EventRules(0.0, 0.0, smoothing, least, 0.0)
    footage = said(probabilities)
    level = levels(footage, rules).highest.get("yoga", 0.0)
    if 0 < level < 1:
        assert starts(footage, replace(rules, on_threshold=level))
    if level < 1:
        above = min(1.0, max(level, 0.002) + 1e-9)  # the least are not followed
        assert not starts(footage, replace(rules, on_threshold=above))


@given(st.lists(st.floats(0, 1), min_size=1, max_size=60))
def test_ordinary_footage_starts_no_event_once_it_is_quieted(probabilities: list[float]) -> None:
    footage = said(probabilities)
    changes = RuleChanges(by_label=quieted(levels(footage).highest, RULES))
    assert not starts(footage, changes.over(RULES))


def test_what_needs_no_more_is_left_alone() -> None:
    assert quieted({"yoga": 0.05, "zumba": 0.0}, RULES) == {}
    assert quieted({}, RULES) == {}


def test_it_needs_eight_times_the_odds_and_ends_where_it_ordinarily_is() -> None:
    found = quieted({"yoga": 0.2, "zumba": 0.5}, RULES)
    assert list(found) == ["zumba", "yoga"]
    assert found["zumba"] == pytest.approx({"on_threshold": 8 / 9, "off_threshold": 0.5}, abs=1e-6)
    assert found["yoga"] == pytest.approx({"on_threshold": 2 / 3, "off_threshold": 0.25}, abs=1e-6)


@pytest.mark.parametrize("level", [0.9999999, 1.0])
def test_what_is_certain_in_ordinary_footage_gives_rules_that_can_be_used(level: float) -> None:
    changes = RuleChanges(by_label=quieted({"yoga": level}, RULES))
    assert changes.over(RULES).of("yoga").on_threshold == 1.0


def test_a_rule_of_a_label_is_only_ever_raised() -> None:
    strict = replace(RULES, by_label={"yoga": replace(RULES, on_threshold=0.99)})
    assert quieted({"yoga": 0.5}, strict) == {}


def test_recordings_have_nothing_to_do_with_one_another() -> None:
    high = [0.9, 0.9, 0.9]  # 0.4 s: too short
    measured = levels(said(high))
    measured.end()
    for prediction in said(high, start=0.6):
        measured.update(prediction)
    assert measured.highest.get("yoga") is None
    assert measured.seconds == pytest.approx(0.8)
    # Nor have the sides of a gap, or of a jump back in time.
    for start in (60.0, 0.0):
        apart = levels([*said(high), *said(high, start=start)])
        assert apart.highest.get("yoga") is None
    assert levels(said([*high, *high])).highest["yoga"] == pytest.approx(0.9)


def test_memory_stays_bounded() -> None:
    measured = Levels(RULES)
    for n in range(2000):
        measured.update(Prediction(n / 5, n, (Score(f"label {n}", 0.9),), 0.0))
    assert len(measured._followed) < 50
