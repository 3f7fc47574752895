from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from edgevid.archive import Archive, Settings, search
from edgevid.archive.live import LiveArchive
from edgevid.errors import UsageError
from edgevid.records import Event, Frame
from edgevid.runtime.model import Stream
from tests.archive.test_index import rows

NOW = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0).timestamp()


def opened(folder: Path, settings: Settings, **bounds: float) -> tuple[LiveArchive, Stream]:
    model = settings.load()
    limits = {"budget_mb": 100.0, "days": 30.0, **bounds}
    return LiveArchive(folder, model, "mini", **limits), model.stream()


def steps(archive: LiveArchive, stream: Stream, camera: str, at: float, seconds: float) -> None:
    picture = np.full((16, 16, 3), 90, np.uint8)
    for number in range(round(5 * seconds)):
        prediction = stream.step(Frame(picture, number / 5, number))
        events = [Event("start", "one", number / 5, 0.6)] if number == 3 else []
        archive.add(camera, stream.features, prediction, events, at + number / 5)


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


def rows_of(folder: Path) -> list[dict[str, object]]:
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
