"""``python -m edgevid.archive``."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
import sys
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from edgevid.archive import Settings
from edgevid.cli import archive
from edgevid.sources import open_source
from tests.archive.conftest import video


def run(*flags: object) -> int:
    """Runs the command in this process; returns its exit code."""
    try:
        return archive.main([str(flag) for flag in flags])
    except SystemExit as end:
        return int(end.code or 0)


@pytest.fixture
def made(footage: Path, settings: Settings, inline: None, tmp_path: Path) -> Path:
    flags = ["--model", settings.model, "--rules", settings.rules]
    assert run("index", footage, "--to", tmp_path / "archive", *flags) == 0
    return tmp_path / "archive"


def test_index_tells_what_came_in(
    footage: Path,
    settings: Settings,
    inline: None,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    made = tmp_path / "archive"
    assert run("index", footage, "--to", made, "--model", settings.model) == 0
    assert f"{made}: 5 recordings came in, 0.01 hours; 0 were there" in capsys.readouterr().out
    (tmp_path / "broken.mp4").write_bytes(b"no video")
    sources = [footage, tmp_path / "broken.mp4", tmp_path / "missing.mp4"]
    assert run("index", *sources, "--to", made, "--model", settings.model) == 1
    told = capsys.readouterr()
    assert "0 recordings came in, 0.00 hours; 5 were there" in told.out
    assert "broken.mp4: cannot be read as a video" in told.err
    assert "missing.mp4: no such file" in told.err


def test_search_answers_as_table_lines_sheet_and_clips(
    made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    sheet, clips = tmp_path / "sheet.jpg", tmp_path / "clips"
    assert run("search", made, "two", "--top", 3, "--sheet", sheet, "--clips", clips) == 0
    table = capsys.readouterr().out.splitlines()
    assert len(table) == 3
    assert all(" two " in line and "@" in line for line in table)
    assert sheet.read_bytes()[:2] == b"\xff\xd8"
    with open_source(sorted(clips.iterdir())[0]) as source:
        assert sum(1 for _ in source) > 10
    assert len(list(clips.iterdir())) == 3
    assert run("search", made, "two", "--top", 3, "--json") == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [set(line) for line in lines] == 3 * [
        {"score", "time", "camera", "label", "source", "start", "end"}
    ]


def test_like_takes_some_seconds_of_a_clip(
    made: Path,
    footage: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    capsys.readouterr()
    new = video(tmp_path / "new.mp4", "green", seed=99)
    assert run("search", made, "--like", f"{new}@1-3", "--top", 2, "--json") == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    ends = {Path(line["source"]).name for line in lines}
    assert ends == {"10.00.mp4", "01.30.mp4"}  # the green ones
    assert run("search", made, "--like", f"{new}@30-40") == 2
    assert "nothing of it lies between 30 s and 40 s" in capsys.readouterr().err
    assert run("search", made, "--like", f"{new}@3-1") == 2
    assert run("search", made, "--like", tmp_path / "none.mp4") == 1


def test_a_recording_that_is_gone_is_named(
    settings: Settings,
    inline: None,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = video(tmp_path / "a/clip.mp4", "red")
    assert run("index", path, "--to", tmp_path / "archive", "--model", settings.model) == 0
    path.unlink()
    flags = ["--sheet", tmp_path / "sheet.jpg", "--clips", tmp_path / "clips"]
    assert run("search", tmp_path / "archive", "two", *flags) == 1
    assert capsys.readouterr().err.count("clip.mp4: no such file") == 1
    assert (tmp_path / "sheet.jpg").exists()
    assert not list((tmp_path / "clips").iterdir())


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ((), "say what to look for"),
        (("two", "--like", "a.mp4"), "--like is a question by itself"),
        (("two", "--follow", "motion"), "--follow goes with --like"),
        (("nothing",), "no label has the words 'nothing'"),
        (("two", "--camera", "door"), "no camera 'door'"),
        (("two", "--since", "yesterday"), "yesterday is no time"),
        (("--model", "camera-motion"), "was not taught"),
    ],
)
def test_questions_that_make_no_sense(
    made: Path, flags: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("search", made, *flags) in (1, 2)
    assert said in capsys.readouterr().err


def test_a_day_is_a_whole_day() -> None:
    day = archive._time("2026-05-01")
    end = archive._end_of_day(day)
    assert end is not None
    assert end - day == timedelta(days=1) - timedelta(microseconds=1)
    moment = archive._time("2026-05-01T18:30+00:00")
    assert archive._end_of_day(moment) == datetime(2026, 5, 1, 18, 30, tzinfo=UTC)


def test_predict_writes_labels_and_measures(
    settings: Settings,
    inline: None,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for number, name in enumerate(("one/1.mp4", "two/2.mp4", "two/3.mp4")):
        video(tmp_path / "clips" / name, "red", seconds=1, seed=number)
    out, confusion = tmp_path / "out.csv", tmp_path / "confusion.csv"
    flags = ["--model", settings.model, "--truth", "folders"]
    assert run("predict", tmp_path / "clips", *flags, "-o", out, "--confusion", confusion) == 0
    told = capsys.readouterr().out
    assert told.startswith("3 clips: top-1 ")
    rows = list(csv.DictReader(out.open()))
    assert len(rows) == 12  # the model has four labels
    assert [row["rank"] for row in rows[:4]] == ["1", "2", "3", "4"]
    first = {row["source"]: row["label"] for row in rows if row["rank"] == "1"}
    right = sum(Path(path).parent.name == label for path, label in first.items())
    assert f"top-1 {right / 3:.3f}, top-5 1.000" in told
    assert sum(int(row["clips"]) for row in csv.DictReader(confusion.open())) == 3
    (tmp_path / "clips/broken.mp4").write_bytes(b"no video")
    assert run("predict", tmp_path / "clips", "--model", settings.model, "-o", out) == 1
    assert "broken.mp4: cannot be read" in capsys.readouterr().err
    assert run("predict", tmp_path / "clips", *flags[:2], "-o", tmp_path / "out.xls") == 2


def test_the_page_of_marks_is_served_until_ctrl_c(made: Path, tmp_path: Path) -> None:
    path = tmp_path / "answers.tsv"
    assert run("search", made, "two", "--marks", path) == 0
    command = [sys.executable, "-m", "edgevid.archive", "mark", str(path)]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell may ignore it
    ) as process:
        try:
            assert process.stdout is not None
            address = process.stdout.readline().split()[0]
            with urllib.request.urlopen(f"{address}answers", timeout=30) as answer:
                assert {one["mark"] for one in json.load(answer)} == {""}
            process.send_signal(signal.SIGINT)
            assert process.wait(60) == 0
        finally:
            process.kill()
    assert run("mark", path, "--port", 70000) == 2
    assert run("mark", tmp_path / "none.tsv") == 1


def test_following_is_a_setting_of_the_archive(
    footage: Path,
    settings: Settings,
    inline: None,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    made = tmp_path / "archive"
    flags = [footage, "--to", made, "--model", settings.model]
    assert run("index", *flags, "--follow", "motion") == 0
    assert run("index", *flags) == 2
    assert "was begun --follow motion" in capsys.readouterr().err
