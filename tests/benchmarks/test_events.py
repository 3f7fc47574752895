from __future__ import annotations

import json
import math
from collections import Counter
from pathlib import Path

import pytest

from benchmarks.events import Reel, Span, Tally, judged, main, trade_off
from edgevid.modelfile.manifest import EventRules
from edgevid.records import Prediction, Score

AT_ONCE = EventRules(0.5, 0.25, smoothing=0, min_duration=0, cool_down=0)


def reel(said: str) -> Reel:
    """A reel of two clips of 10 frames, a and b; what is said is a label a frame."""
    predictions = [Prediction(n / 5, n, (Score(word, 0.9),), 1.0) for n, word in enumerate(said)]
    return Reel("labelled", 0, predictions, [Span("1", "a", 0, 1.8), Span("2", "b", 2, 3.8)])


def test_the_first_event_of_the_clips_own_label_is_true() -> None:
    tally = judged([reel("xxaaaaaaaabbbbbbbbbb")], AT_ONCE)
    assert tally.delays == pytest.approx([0.4, 0])
    assert tally.false == {"x": 1}
    assert tally.hours == pytest.approx(20 / 5 / 3600)


def test_a_second_one_is_false_and_so_is_one_that_comes_late() -> None:
    tally = judged([reel("aaaxaaaaaaaaaabbbbbb"), reel("xxxxxxxxxxaaaaaaaaaa")], AT_ONCE)
    assert tally.delays == pytest.approx([0, 0.8, math.inf, math.inf])
    assert tally.false == {"a": 2, "x": 2}


def test_without_labels_every_event_is_false() -> None:
    quiet = Reel("segments", 0, reel("aabb").predictions, [Span("1", "", 0, 0.6)])
    tally = judged([quiet], AT_ONCE)
    assert (tally.delays, tally.false.total()) == ([], 2)


def test_the_fewest_false_events_within_the_delay_allowed() -> None:
    slow, hasty, blind = (EventRules(on, 0.2) for on in (0.5, 0.4, 0.6))
    sweep = {
        slow: [Tally([1.4, 1.4], Counter("x"), 1.0)] * 2,
        hasty: [Tally([0.2, 0.2], Counter(x=9), 1.0)] * 2,
        blind: [Tally([0.2, math.inf, math.inf], hours=1.0)] * 2,
    }
    chosen = {row["delay at most, s"]: row for row in trade_off(sweep, 0)}
    assert chosen[0.6]["false/h, here"] == 9
    assert chosen[1.5]["false/h, here"] == 1
    assert chosen[3.0]["found, here"] == 1


def test_the_quick_form(shared_clips: Path, tmp_path: Path) -> None:
    out = tmp_path / "events.json"
    assert main(["--quick", "--json", str(out)]) == 0
    results = json.loads(out.read_text())
    by_kind = {row["footage"]: row for row in results["defaults_by_footage"]}
    assert set(by_kind) == {"labelled", "unlabelled", "gestures", "segments"}
    assert by_kind["labelled"]["found"] >= 0.75
    assert by_kind["labelled"]["delay"] < 3
