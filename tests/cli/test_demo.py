"""The first command on a fresh machine, with no network."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edgevid.cli import demo
from edgevid.support.opencv import cv2


def test_every_move_of_the_clip_is_announced(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert demo.main(["--folder", str(out)]) == 0
    timeline = [line for line in capsys.readouterr().out.splitlines() if " to " in line]
    done = json.loads(demo.CLIP.with_suffix(".json").read_text())
    assert len(timeline) == len(done) == 21
    for row, line in zip(done, timeline, strict=True):
        when, said = line.split(row["label"], 1)
        assert f"{row['start']:.1f}" in when
        if row["label"] != "still":
            assert f"{row['label']}, " in said, line
    video = cv2.VideoCapture(str(out / "demo-labelled.mp4"))
    assert video.get(cv2.CAP_PROP_FRAME_COUNT) == 10 * done[-1]["end"]


def test_nowhere_to_put_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "out").touch()
    assert demo.main(["--folder", str(tmp_path / "out")]) == 1
    assert "out: cannot be made: File exists" in capsys.readouterr().err


def test_its_own_output_is_no_clip_for_it(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    clip = out / "demo-labelled.mp4"
    clip.write_bytes(demo.CLIP.read_bytes())
    assert demo.main(["--folder", str(out), "--clip", str(clip)]) == 2
    assert "is a source itself" in capsys.readouterr().err
    assert clip.read_bytes() == demo.CLIP.read_bytes()


def test_what_comes_along_is_small() -> None:
    assert demo.CLIP.stat().st_size <= 500_000
