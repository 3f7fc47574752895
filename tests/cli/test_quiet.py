"""``python -m edgevid.quiet``, and what ``--rules`` makes of the file."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from edgevid.cli import quiet, stream
from edgevid.runtime.rules import load_rules
from tests.conftest import tiny_flags_in, write_video

RED = np.zeros((48, 64, 3), np.uint8) + np.array([255, 0, 0], np.uint8)
GREEN = np.zeros((48, 64, 3), np.uint8) + np.array([0, 255, 0], np.uint8)


@pytest.fixture
def tiny(tmp_path: Path) -> list[str]:
    return tiny_flags_in(tmp_path)


@pytest.fixture
def red(tmp_path: Path) -> Path:
    return write_video(tmp_path / "red.mp4", [RED] * 75)


def run(*flags: object) -> int:
    """Runs the command in this process; returns its exit code."""
    try:
        return quiet.main([str(flag) for flag in flags])
    except SystemExit as end:
        return int(end.code or 0)


def started(source: Path, folder: Path, *flags: str) -> list[str]:
    """The labels of the events that start in a video."""
    out = folder / "out.jsonl"
    assert stream.main(["--source", str(source), "--headless", "--output", str(out), *flags]) == 0
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    return [line["label"] for line in lines if line.get("state") == "start"]


def test_what_was_ordinary_is_no_event_and_the_rest_still_is(
    tiny: list[str], red: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rules = tmp_path / "hall.toml"
    assert run(red, "-o", rules, *tiny, "--event-min-duration", "1") == 2  # not this command's
    assert run(red, "-o", rules, *tiny) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == (
        f"{rules}: 1 labels need more than before; 1 events started in 0.0 minutes of ordinary "
        "footage"
    )
    assert said[1].startswith("  red: reached ")
    assert started(red, tmp_path, *tiny) == ["red"]
    assert started(red, tmp_path, *tiny, "--rules", str(rules)) == []
    green = write_video(tmp_path / "green.mp4", [GREEN] * 75)
    assert started(green, tmp_path, *tiny, "--rules", str(rules)) == ["green"]
    assert rules.read_text().startswith("# Written by python -m edgevid.quiet from 0.0 minutes")


def test_more_footage_adds_to_the_rules(tiny: list[str], red: Path, tmp_path: Path) -> None:
    rules = tmp_path / "hall.toml"
    green = write_video(tmp_path / "green.mp4", [GREEN] * 75)
    assert run(red, "--rules", "sure", "-o", rules, *tiny) == 0
    assert run(green, "--rules", rules, "-o", rules, *tiny) == 0
    found = load_rules(rules)
    assert set(found.by_label) == {"red", "green"}
    assert found.values == load_rules("sure").values
    assert started(red, tmp_path, *tiny, "--rules", str(rules)) == []


def test_a_recording_that_breaks_off_costs_no_other(
    tiny: list[str], red: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, rules = tmp_path / "clips", tmp_path / "hall.toml"
    folder.mkdir()
    (folder / "a.mp4").write_bytes(b"no video")
    red.rename(folder / "b.mp4")
    assert run(folder, "-o", rules, *tiny) == 1
    assert "a.mp4" in capsys.readouterr().err
    assert set(load_rules(rules).by_label) == {"red"}


def test_without_footage_nothing_is_written(
    tiny: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rules = tmp_path / "hall.toml"
    rules.write_text("as it was")
    (tmp_path / "a.mp4").write_bytes(b"no video")
    assert run(tmp_path / "a.mp4", "-o", rules, *tiny) == 1
    assert "nothing was seen: no rules were written" in capsys.readouterr().err
    assert run(tmp_path / "b.mp4", "-o", rules, *tiny) == 1
    assert run(tmp_path / "a.mp4", "-o", tmp_path / "a.mp4", *tiny) == 2
    assert rules.read_text() == "as it was"


def test_rules_that_the_command_cannot_use(
    tiny: list[str], red: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rules = tmp_path / "hall.toml"
    rules.write_text("format = 1\n[label.mauve]\non_threshold = 0.9\n")
    flags = ["--source", str(red), "--headless", *tiny]
    assert stream.main([*flags, "--rules", str(rules)]) == 1
    assert "there are rules for 'mauve', which the model lacks" in capsys.readouterr().err
    assert stream.main([*flags, "--rules", "hasty"]) == 2
    assert "hasty: no such file; rules have a file, or a name: quick, sure" in (
        capsys.readouterr().err
    )
    assert stream.main([*flags, "--rules", str(rules), "--output", str(rules)]) == 2
    assert "is the rules itself" in capsys.readouterr().err
