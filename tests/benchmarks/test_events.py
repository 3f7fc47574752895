from __future__ import annotations

import json
import math
from collections import Counter
from pathlib import Path

import pytest

from benchmarks.events import (
    Played,
    Tally,
    _best,
    chosen_by_halves,
    judged,
    main,
    quieted_row,
    row_of,
)
from edgevid.modelfile.manifest import EventRules
from edgevid.records import Prediction, Score

AT_ONCE = EventRules(0.5, 0.25, smoothing=0, min_duration=0, cool_down=0)


def clip(said: str, label: str = "", *, site: str = "labelled", number: int = 0) -> Played:
    """A clip at five frames a second; what is said of it is a letter a frame, dot for nothing."""
    predictions = [
        Prediction(9 + n / 5, n, (Score(word, 0.9 if word != "." else 0.0),), 1.0)
        for n, word in enumerate(said)
    ]
    return Played(site, label, number % 2, number, predictions)


def test_its_own_label_announces_a_clip_and_any_other_is_a_wrong_start() -> None:
    tally = judged([clip("..aaa", "a"), clip("xxaxx", "a"), clip("xyxyx", "a")], AT_ONCE)
    assert tally.delays == pytest.approx([0.4, 0.4, math.inf])
    assert tally.wrong == 2
    assert tally.announced == pytest.approx(2 / 3)
    assert tally.delay == pytest.approx(0.4)
    assert (tally.false.total(), tally.hours) == (0, 0)


def test_where_nothing_is_known_every_start_is_false() -> None:
    tally = judged([clip("aabba", site="falls"), clip(".....", site="falls")], AT_ONCE)
    assert tally.false == {"a": 2, "b": 1}
    assert tally.hours == pytest.approx(2 / 3600)
    assert tally.rate == pytest.approx(5400)
    lower, upper = tally.limits
    assert lower < tally.rate < upper


def test_a_site_whose_clips_are_too_short_for_the_rules_is_left_out() -> None:
    clips = [clip("aaaaa", "a"), *(clip("." * 10, site=s) for s in ("falls", "gestures", "fights"))]
    assert row_of(clips, "quick", AT_ONCE)["fights: false/h"] == 0
    slow = EventRules(min_duration=1.9)
    assert math.isnan(row_of(clips, "slow", slow)["fights: false/h"])


def test_the_fewest_false_starts_of_those_that_announce_enough_soon_enough() -> None:
    slow, hasty, blind = (EventRules(on, 0.2) for on in (0.5, 0.4, 0.6))

    def tallies(delays: list[float], false: int) -> dict[tuple[str, int], Tally]:
        footage = {(site, half): Tally(false=Counter(x=false), hours=1.0)
                   for site in ("falls", "gestures") for half in (0, 1)}  # fmt: skip
        return {**footage, **{("labelled", half): Tally(delays) for half in (0, 1)}}

    sweep = {
        slow: tallies([1.4, 1.4], 1),
        hasty: tallies([0.2, 0.2], 9),
        blind: tallies([0.2, math.inf], 0),
    }
    assert _best(sweep, (0,), 1.0, 1.0) == hasty
    assert _best(sweep, (0, 1), 1.0, 1.5) == slow
    assert _best(sweep, (1,), 0.4, math.inf) == blind
    assert _best(sweep, (0,), 1.0, 0.1) is None


def test_one_half_of_a_cameras_footage_silences_the_other() -> None:
    ordinary = "." * 5 + "x" * 10 + "." * 5
    clips = [clip(ordinary, site="falls", number=n) for n in range(4)]
    clips += [clip("a" * 10, "a"), clip("x" * 10, "x", number=1)]
    row = quieted_row(clips, "falls", "same people", "quick", EventRules())
    assert row["false/h before"] == pytest.approx(900)
    assert row["false/h quieted"] == 0
    assert row["recall kept"] == 0.5  # of what is ordinary there, and what is not
    assert row["labels raised"] == "1 and 1"


def test_rules_are_chosen_on_a_half_and_counted_on_the_other() -> None:
    clips = [clip("a" * 10, "a", number=n) for n in range(4)]
    clips += [
        clip("x" * 4 + "." * 6, site=s, number=n) for s in ("falls", "gestures") for n in (0, 1)
    ]
    rows = chosen_by_halves(clips, quick=True)
    assert [(row["rules"], row["chosen on"], row["counted on"]) for row in rows[:3]] == [
        ("quick", "half 1", "half 2"),
        ("quick", "half 2", "half 1"),
        ("quick", "both halves", "both"),
    ]
    assert all(row["falls: false/h"] == 0 and row["announced"] == 1 for row in rows)


def test_the_quick_form(shared_clips: Path, tmp_path: Path) -> None:
    out, picture = tmp_path / "events.json", tmp_path / "events.png"
    assert main(["--quick", "--json", str(out), "--picture", str(picture)]) == 0
    results = json.loads(out.read_text())
    before, quick, sure = results["rules"]
    assert quick["announced"] >= 0.75
    assert quick["wrong start in"] <= before["wrong start in"]
    for site in ("falls", "gestures"):
        assert sure[f"{site}: false/h"] <= quick[f"{site}: false/h"] <= before[f"{site}: false/h"]
    assert all(row["false/h quieted"] <= row["false/h before"] for row in results["quieted"])
    assert picture.read_bytes().startswith(b"\x89PNG")
