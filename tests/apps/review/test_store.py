"""What the owner has said stays, whatever happens."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from apps.raspberry_pi.review.store import (
    BACKGROUND,
    KEPT_MODELS,
    Judgement,
    Mark,
    Quiet,
    Store,
    label_problem,
)
from edgevid import OutputError, UsageError


def said(place: int = 0, verdict: str = "right", shows: str = "fall") -> Judgement:
    return Judgement("a.mp4", place, "id", "front", "fall", 10.0, verdict, shows, 1.0, 3.0)


@pytest.fixture
def video(tmp_path: Path) -> Path:
    path = tmp_path / "clips" / "a.mp4"
    path.parent.mkdir()
    path.write_bytes(b"video")
    path.with_suffix(".json").write_text("{}")
    return path


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(Store(tmp_path / "review")) as made:
        yield made


def test_what_was_said_is_there_again(store: Store, video: Path) -> None:
    store.judge(said(), video)
    store.judge(said(1, "wrong", ""), video)
    store.judge(said(1, "other", "sit"), video)  # in place of what was said before
    number = store.mark(Mark("a.mp4", "fall", 1.0, 2.0), video)
    store.offer_quiet(Quiet("front", 0.0, 3600.0, "x.features"))
    store.draw("front", {"zones": [], "masks": []})
    store.close()
    with closing(Store(store.folder)) as again:
        assert [(one.place, one.verdict, one.shows) for one in again.judgements()] == [
            (0, "right", "fall"),
            (1, "other", "sit"),
        ]
        assert again.marks() == [Mark("a.mp4", "fall", 1.0, 2.0, number)]
        assert [one.camera for one in again.quiet()] == ["front"]
        assert again.drawings() == {"front": {"zones": [], "masks": []}}
        again.forget_judgement("a.mp4", 0)
        again.forget_mark(number)
        again.forget_quiet(again.quiet()[0].number)
        assert ([one.place for one in again.judgements()], again.marks(), again.quiet()) == (
            [1],
            [],
            [],
        )


def test_a_clip_of_which_something_was_said_outlasts_the_folder_of_clips(
    store: Store, video: Path
) -> None:
    store.mark(Mark("a.mp4", "fall", 1.0, 2.0), video)
    video.unlink()
    video.with_suffix(".json").unlink()
    assert store.clip("a.mp4").read_bytes() == b"video"
    assert store.clip("a.json").exists()


def test_nothing_special_is_all_or_nothing(store: Store, video: Path) -> None:
    store.mark(Mark("a.mp4", "fall", 1.0, 2.0), video)
    store.mark(Mark("a.mp4", BACKGROUND, 0.0, 8.0), video)
    assert [mark.label for mark in store.marks()] == [BACKGROUND]
    store.mark(Mark("a.mp4", "fall", 1.0, 2.0), video)
    assert [mark.label for mark in store.marks()] == ["fall"]


def test_the_last_five_models_can_be_gone_back_to(store: Store) -> None:
    for number in range(1, 9):
        assert store.new_number() == number
        store.model(number).write_bytes(b"model")
        store.model(number).with_suffix(".examples").write_bytes(b"examples")
        store.add_model(number, {"clips": []})
        store.use(number)
    assert store.used() == [8, 7, 6, 5, 4, 3]
    assert sorted(path.stem for path in (store.folder / "models").glob("*.tflite")) == [
        f"taught-{number}" for number in range(3, 9)
    ]
    for _ in range(KEPT_MODELS):
        store.undo()
    with pytest.raises(UsageError, match="no model to go back to"):
        store.undo()
    assert store.used() == [3]
    store.use(None)
    assert store.used() == [None, 3]


def test_the_first_can_be_taken_back_too(store: Store) -> None:
    store.add_model(1, {})
    store.use(1)
    assert store.used() == [1, None]
    store.undo()
    assert store.used() == [None]


def test_two_services_do_not_share_it(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apps.raspberry_pi.in_use.PATIENCE_S", 0.0)
    with pytest.raises(UsageError, match="in use by another service"):
        Store(store.folder)


def test_a_damaged_database_is_one_line(tmp_path: Path) -> None:
    folder = tmp_path / "review"
    folder.mkdir()
    (folder / "review.sqlite").write_bytes(b"no database" * 100)
    with pytest.raises(OutputError, match="not a database"):
        Store(folder)


def test_a_full_disk_is_told_and_what_was_said_before_stays(small_disk: Path, video: Path) -> None:
    with closing(Store(small_disk / "review")) as store:
        store.judge(said(), video)
        (small_disk / "filler").write_bytes(
            b"0" * (os.statvfs(small_disk).f_bavail * os.statvfs(small_disk).f_bsize)
        )

        def fill() -> None:
            for number in range(200):
                store.mark(Mark("a.mp4", "fall" * 10, float(number), number + 1.0), video)

        with pytest.raises(OutputError):
            fill()
        (small_disk / "filler").unlink()
        assert len(store.judgements()) == 1
        store.judge(said(1), video)


KILLED = """
import sys
from pathlib import Path
from apps.raspberry_pi.review.store import Mark, Store
store = Store(Path(sys.argv[1]))
for number in range(10_000):
    store.mark(Mark("a.mp4", "fall", float(number), number + 1.0), Path(sys.argv[2]))
    print(number, flush=True)
"""


def test_what_was_saved_is_there_after_a_kill(tmp_path: Path, video: Path) -> None:
    folder = tmp_path / "review"
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, str(folder), str(video)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        for _ in range(25):
            process.stdout.readline()
        process.send_signal(signal.SIGKILL)
        last = 24
        for line in process.stdout:  # what it had said by then
            last = int(line)
    with closing(Store(folder)) as store:
        kept = {mark.start for mark in store.marks()}
    assert set(map(float, range(last + 1))) <= kept
    # Whatever SQLite promises of a power cut, it is asked for.
    with closing(Store(folder)) as store:
        rows = store._read("PRAGMA synchronous") + store._read("PRAGMA journal_mode")
    assert rows == [(2,), ("wal",)]


@pytest.mark.parametrize(
    ("label", "problem"),
    [("", "missing"), ("x" * 65, "64"), ("a\nb", "plain"), ("None", "whole clip"), ("fall", "")],
)
def test_labels(label: str, problem: str) -> None:
    assert problem in label_problem(label)
    assert bool(label_problem(label)) == bool(problem)


def test_its_database_is_one_that_anything_reads(store: Store, video: Path) -> None:
    store.add_model(1, {"clips": ["a.mp4"]})
    with closing(sqlite3.connect(store.folder / "review.sqlite")) as other:
        (about,) = other.execute("SELECT about FROM models").fetchone()
    assert json.loads(about) == {"clips": ["a.mp4"]}
