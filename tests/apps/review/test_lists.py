"""What was said becomes a list that teaching and the workshop read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from apps.raspberry_pi.review.desk import Review
from apps.raspberry_pi.review.export import export
from apps.raspberry_pi.review.lists import lessons, starts
from apps.raspberry_pi.review.quiet import hours
from apps.raspberry_pi.review.store import Store
from edgevid.labelled import read as labelled
from edgevid.teach.data import Span, read
from tests.apps.review.parts import config_in, write_clip


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(Store(tmp_path / "review")) as made:
        yield made


@pytest.fixture
def review(store: Store, tmp_path: Path) -> Review:
    return Review(store, config_in(tmp_path, Path("unused")), lambda model: None)


def event(label: str, second: float, state: str = "start") -> dict[str, Any]:
    return {"id": "", "state": state, "label": label, "probability": 0.5, "second": second}


def test_events_have_the_ends_that_are_in_their_clip() -> None:
    events = [event("a", 1.0), event("b", 2.0), event("b", 3.0, "end"), event("a", 4.5, "end")]
    clip = {"events": [*events, event("c", 7.5)], "seconds": 8.0}
    assert [(e["place"], e["label"], e["end"]) for e in starts(clip)] == [
        (0, "a", 4.5),
        (1, "b", 3.0),
        (4, "c", 8.0),
    ]


def test_each_verdict_says_what_is_shown(review: Review, store: Store, tmp_path: Path) -> None:
    clips = tmp_path / "clips"
    right, wrong, other, nothing, marked = (
        write_clip(clips, n, events=[("fall", 4.0)] if n < 3 else []) for n in range(5)
    )
    review.judge({"clip": right, "place": 0, "verdict": "right"})
    review.judge({"clip": wrong, "place": 0, "verdict": "wrong"})
    review.judge({"clip": other, "place": 0, "verdict": "other", "label": " sit down "})
    review.nothing({"clip": nothing})
    review.mark({"clip": marked, "start": 2, "end": 3.5, "label": "fall"})
    found = lessons(store)
    assert [(row.clip, row.start, row.end, row.label) for row in found.rows] == [
        (right, 3.0, 6.0, "fall"),
        (wrong, 0.0, 8.0, "background"),
        (other, 3.0, 6.0, "sit down"),
        (nothing, 0.0, 8.0, "background"),
        (marked, 2.0, 3.5, "fall"),
    ]
    assert (found.shown, found.clips, found.nothing) == ({"fall": 2, "sit down": 1}, 5, 2)
    assert not found.problem


def test_a_clip_with_an_event_of_which_nothing_was_said_is_left_out(
    review: Review, store: Store, tmp_path: Path
) -> None:
    name = write_clip(tmp_path / "clips", 0, events=[("fall", 2.0), ("fall", 5.0), ("yoga", 6.0)])
    review.judge({"clip": name, "place": 0, "verdict": "right"})
    assert (lessons(store).clips, lessons(store).unsaid) == (0, (name,))
    review.judge({"clip": name, "place": 1, "verdict": "wrong"})
    assert lessons(store).unsaid == ()  # yoga is not taught
    assert [(row.start, row.label) for row in lessons(store).rows] == [(1.0, "fall")]


def test_what_is_missing_is_said_in_words(review: Review, store: Store, tmp_path: Path) -> None:
    assert "Nothing is shown yet" in lessons(store).problem
    name = write_clip(tmp_path / "clips", 0)
    review.mark({"clip": name, "start": 1, "end": 2, "label": "fall"})
    assert "All clips show the same" in lessons(store).problem


def test_it_is_exported_as_a_folder_that_teaching_and_the_workshop_read(
    review: Review, store: Store, tmp_path: Path
) -> None:
    shown, ordinary = write_clip(tmp_path / "clips", 0), write_clip(tmp_path / "clips", 1)
    review.mark({"clip": shown, "start": 2, "end": 3.5, "label": 'fall, "hard"'})
    review.nothing({"clip": ordinary})
    export(store, tmp_path / "out")
    table = tmp_path / "out" / "labels.csv"
    fall, nothing = read(table)
    assert fall.spans == (Span('fall, "hard"', 2.0, 3.5),)
    assert nothing.spans == ()
    assert [(clip.path.name, clip.label) for clip in labelled(table)] == [
        (shown, 'fall, "hard"'),
        (ordinary, "background"),
    ]
    assert all(clip.path.is_file() for clip in labelled(table))


def test_quiet_hours_are_those_without_events() -> None:
    minute = 60.0
    spans = [(n * minute, (n + 1) * minute) for n in range(4 * 60)]
    assert hours(spans, [90 * minute]) == [(10800.0, 14400.0), (7200.0, 10800.0), (0.0, 3600.0)]
    assert hours(spans, [59.5 * minute]) == [(10800.0, 14400.0), (7200.0, 10800.0)]
    assert hours(spans[:5], []) == []  # minutes are no hour
