from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import edgevid
from edgevid.archive import Archive, Settings, find, index, libraries, live, marks, search, tables
from edgevid.archive.live import LiveArchive
from edgevid.cli import from_search
from edgevid.errors import UsageError
from edgevid.records import Event, Frame, Prediction, Score
from edgevid.regions import Follow
from edgevid.runtime.model import Stream
from edgevid.runtime.rules import load_rules
from tests.archive.test_index import rows
from tests.archive.test_tracks import street_video

NOW = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0).timestamp()
SCHEMA = tables.steps_schema


def opened(folder: Path, settings: Settings, **bounds: float) -> tuple[LiveArchive, Stream]:
    model = settings.load()
    limits = {"budget_mb": 100.0, "days": 30.0, **bounds}
    return LiveArchive(folder, model, "mini", **limits), model.stream()


def steps(archive: LiveArchive, stream: Stream, camera: str, at: float, seconds: float) -> None:
    picture = np.full((16, 16, 3), 90, np.uint8)
    for number in range(round(5 * seconds)):
        prediction = stream.step(Frame(picture, number / 5, number))
        events = [Event("start", "one", number / 5, 0.6)] if number == 3 else []
        archive.add(camera, [(prediction, stream.features)], events, at + number / 5)


def test_what_a_camera_saw_can_be_searched(settings: Settings, tmp_path: Path) -> None:
    archive, stream = opened(tmp_path / "a", settings)
    steps(archive, stream, "yard", NOW, 8)
    archive.end("yard")
    steps(archive, stream, "yard", NOW + 60, 6)
    steps(archive, stream, "gate", NOW, 2)
    assert rows_of(tmp_path / "a") == []
    archive.close()
    found = rows_of(tmp_path / "a")
    yard = [row for row in found if row["camera"] == "yard"]
    assert [row["step"] for row in yard] == list(range(70))
    assert [row["step"] for row in yard if row["fresh"]] == [0, 40]
    assert yard[40]["time"] == round((NOW + 60) * 1e6)
    assert [row["step"] for row in yard if row["events"]] == [3, 43]
    answers = search.by_label(Archive(tmp_path / "a"), "two")
    assert {answer.camera for answer in answers} <= {"yard", "gate"}
    assert answers


def rows_of(folder: Path) -> list[dict[str, Any]]:
    return rows(folder) if list(folder.rglob("*.parquet")) else []


def test_ten_minutes_are_written_at_a_time(settings: Settings, tmp_path: Path) -> None:
    archive, stream = opened(tmp_path / "a", settings)
    steps(archive, stream, "yard", NOW, 1)
    steps(archive, stream, "yard", NOW + 599, 0.8)
    assert rows_of(tmp_path / "a") == []
    steps(archive, stream, "yard", NOW + 600, 0.2)
    assert len(rows_of(tmp_path / "a")) == 9
    # A clock that is set back begins another file, too.
    steps(archive, stream, "yard", NOW - 100, 0.2)
    assert len(rows_of(tmp_path / "a")) == 10


def test_it_is_bounded_in_days_and_bytes(settings: Settings, tmp_path: Path) -> None:
    archive, stream = opened(tmp_path / "a", settings, days=3)
    for day in range(6, -1, -1):
        steps(archive, stream, "yard", NOW - 86400 * day, 2)
        archive.write("yard")
    days = {part.day for part in Archive(tmp_path / "a").parts()}
    today = datetime.fromtimestamp(NOW, UTC)
    assert days == {f"{today - timedelta(days=day):%Y-%m-%d}" for day in range(4)}
    size = sum(path.stat().st_size for path in (tmp_path / "a").rglob("*.parquet"))
    budget = size / 4 * 2.5  # room for two files
    archive, stream = opened(tmp_path / "a", settings, budget_mb=budget / 1e6)
    assert {part.day for part in Archive(tmp_path / "a").parts()} == {
        f"{today - timedelta(days=day):%Y-%m-%d}" for day in range(2)
    }
    steps(archive, stream, "yard", NOW + 700, 2)
    archive.close()
    left = sum(path.stat().st_size for path in (tmp_path / "a").rglob("*.parquet"))
    assert left <= budget
    assert rows_of(tmp_path / "a")[-1]["day"] == f"{today:%Y-%m-%d}"
    with pytest.raises(UsageError, match="over 0"):
        opened(tmp_path / "b", settings, days=0)


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return street_video(tmp_path_factory.mktemp("street"))


def test_what_is_followed_is_kept_as_of_a_recording(
    street: Path, settings: Settings, tmp_path: Path, inline: None
) -> None:
    archive, _ = opened(tmp_path / "live", settings)
    model = settings.load()
    rules = load_rules(str(settings.rules)).over(model.manifest.events, model.manifest.labels)
    watch = edgevid.follow("motion", model.stream, rules=rules)
    with edgevid.open_source(street) as frames:
        for frame in frames:
            said, events = watch.take(frame)
            seen = [(one, watch.features(one.track or 0)) for one in said or ()]
            archive.add("yard", seen, events, NOW + frame.timestamp)
    archive.end("yard", watch.end())
    archive.close()
    index(find([str(street)]), tmp_path / "file", replace(settings, follow=Follow("motion")))
    for table in ("steps", "windows"):
        found = sorted(rows(tmp_path / "live", table), key=_place)
        followed = [row for row in rows(tmp_path / "file", table) if row["track"] is not None]
        wanted = sorted(followed, key=_place)
        began, first = wanted[0]["seconds"], wanted[0]["step"]
        assert [_told(row, 0.0, 0) for row in found] == [_told(row, began, first) for row in wanted]
    assert len({row["track"] for row in found}) > 1
    assert sum(len(row["events"]) for row in rows(tmp_path / "live")) > 2


def _place(row: dict[str, Any]) -> tuple[int, int]:
    return row["step"], row["track"]


def _told(row: dict[str, Any], began: float, first: int) -> dict[str, Any]:
    """A row without what says which recording it is of; times and places from its first row."""
    of = ("camera", "day", "content", "source", "clock", "time")
    kept = {name: value for name, value in row.items() if name not in of}
    kept |= {"seconds": round(row["seconds"] - began, 3), "step": row["step"] - first}
    return kept | ({"lasts": round(row["lasts"], 3)} if "lasts" in row else {})


def said(*tracks: int, at: float = 0.0) -> list[tuple[Prediction, np.ndarray]]:
    """A step of tracks that all show the same."""
    return [
        (
            Prediction(at, 0, (Score("one", 0.5),), 0.0, track=track, box=(track, 0, 10, 20)),
            np.full(8, track, np.float32),
        )
        for track in tracks
    ]


def test_tracks_come_and_go_and_their_events_are_theirs(settings: Settings, tmp_path: Path) -> None:
    archive, _ = opened(tmp_path / "a", settings)
    start, end = (Event(state, "one", 0.4, 0.6, track=2) for state in ("start", "end"))
    archive.add("yard", said(1, 2), [], NOW)
    archive.add("yard", said(1, 2, at=0.4), [start], NOW + 0.4)
    archive.add("yard", said(1, at=0.6), [end], NOW + 0.6)
    archive.add("yard", [], [], NOW + 0.8)
    archive.add("yard", said(1, 2, at=1.0), [], NOW + 1.0)
    archive.end("yard", [Event("end", "two", 1.0, 0.1, track=1)])
    archive.add("yard", said(1, at=1.2), [], NOW + 1.2)
    archive.close()
    one, two = (
        [
            (row["step"], row["fresh"], [(e["state"], e["label"]) for e in row["events"]])
            for row in rows_of(tmp_path / "a")
            if row["track"] == track
        ]
        for track in (1, 2)
    )
    assert one == [
        (0, True, []),
        (1, False, []),
        (2, False, []),
        (3, True, [("end", "two")]),
        (4, True, []),
    ]
    assert two == [(0, True, []), (1, False, [("start", "one"), ("end", "one")]), (3, True, [])]
    windows = rows(tmp_path / "a", "windows")
    kept = sorted((row["track"], row["steps"]) for row in windows)
    assert kept == [(1, 1), (1, 1), (1, 3), (2, 1), (2, 2)]
    assert {tuple(row["box"]) for row in windows if row["track"] == 2} == {(2, 0, 10, 20)}


def test_events_keep_their_zones_and_what_was_written_without_is_merged_with_it(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive, _ = opened(tmp_path / "a", settings)
    for number, zone in enumerate(("door", "door", None)):
        with monkeypatch.context() as earlier:
            if number == 0:
                earlier.setattr(tables, "steps_schema", without_zones)
            event = Event("start", "one", 0.0, 0.6, track=1, zone=zone)
            archive.add("yard", said(1), [event], NOW + 600 * number)
            archive.write("yard")
    kept = Archive(tmp_path / "a")
    asked = (
        "select event.zone from (select time, unnest(events) as event from read_parquet("
        f"'{tmp_path}/a/steps/*/*/*.parquet', union_by_name = true)) order by time"
    )
    for files in (3, 1):
        assert len(kept.parts()) == files
        assert libraries.duckdb().sql(asked).fetchall() == [(None,), ("door",), (None,)]
        assert len(search.by_label(kept, "one")) == 3
        kept.merge()


def without_zones(features: int) -> Any:
    """The columns of the steps before events had a zone."""
    pa = libraries.pyarrow()
    schema = SCHEMA(features)
    place = schema.get_field_index("events")
    event = pa.struct([one for one in schema.field(place).type.value_type if one.name != "zone"])
    return schema.set(place, pa.field("events", pa.list_(event)))


def test_many_tracks_are_written_as_often_as_they_fill_the_memory(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "PERIOD_S", 2.0)
    archive, _ = opened(tmp_path / "a", settings)
    for number in range(9):
        archive.add("yard", said(1, 2, 3, at=number / 5), [], NOW + number / 5)
    found = rows_of(tmp_path / "a")
    assert len(found) == 24  # of 10 rows at least, and no step is divided
    assert [row["step"] for row in found if row["track"] == 3] == [0, 1, 2, 3] * 2
    assert len({row["content"] for row in found}) == 2
    # While nobody is there what waits is written in time, too.
    archive.add("yard", [], [], NOW + 4)
    assert len(rows_of(tmp_path / "a")) == 27
    archive.add("yard", [], [], NOW + 8)
    archive.close()
    assert len(rows_of(tmp_path / "a")) == 27


def test_what_was_seen_at_two_times_is_two_examples(settings: Settings, tmp_path: Path) -> None:
    archive, _ = opened(tmp_path / "a", settings)
    for at in (NOW, NOW + 600):
        for number in range(25):
            archive.add("yard", said(1, at=number / 5), [], at + number / 5)
        archive.write("yard")
    found = search.by_label(Archive(tmp_path / "a"), "one")
    assert {(one.start, one.end, one.source) for one in found} == {(0.0, 5.0, "camera:yard")}
    marks.write(tmp_path / "marks.tsv", [marks.Marked("right", one) for one in found])
    examples = from_search.examples(tmp_path / "marks.tsv", tmp_path / "a", "waving")
    assert {one.recording.source for one in examples} == {
        "camera:yard#1@" + datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S+5")
        for at in (NOW, NOW + 600)
    }


def test_cameras_go_on_with_an_archive_of_recordings_that_were_followed(
    street: Path, settings: Settings, tmp_path: Path, inline: None
) -> None:
    index(find([str(street)]), tmp_path / "a", replace(settings, follow=Follow("motion")))
    before = len(rows_of(tmp_path / "a"))
    archive, stream = opened(tmp_path / "a", settings)
    steps(archive, stream, "gate", NOW, 2)
    archive.close()
    assert len(rows_of(tmp_path / "a")) == before + 10
    assert Archive(tmp_path / "a").description.follow == "motion"
