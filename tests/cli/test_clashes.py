"""No output replaces an input, or another output, however it is named."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from benchmarks.parts.tiny_model import LABELS, tiny_model
from edgevid import UsageError
from edgevid.cli import clashes, stream
from tests.conftest import moving_pictures, write_video


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in: a clip under five names, a folder of clips, a model, labels."""
    monkeypatch.chdir(tmp_path)
    clip = write_video(tmp_path / "a.mp4", moving_pictures(5))
    (tmp_path / "link.mp4").symlink_to(clip)
    (tmp_path / "hard.mp4").hardlink_to(clip)
    for name in ("clips", "elsewhere"):
        (tmp_path / name).mkdir()
    write_video(tmp_path / "clips" / "b.mp4", moving_pictures(5))
    (tmp_path / "clips" / "c.mp4").symlink_to(tmp_path / "elsewhere" / "c.mp4")
    write_video(tmp_path / "elsewhere" / "c.mp4", moving_pictures(5))
    (tmp_path / "to clips").symlink_to("clips")
    (tmp_path / "m.tflite").write_bytes(tiny_model())
    (tmp_path / "m.txt").write_text("\n".join(LABELS))
    return tmp_path


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("flags", "reason"),
    [
        ("--source a.mp4 --save a.mp4", "--save a.mp4 is a source itself"),
        ("--source a.mp4 --save ./elsewhere/../a.mp4", "is a source itself"),
        ("--source a.mp4 --save link.mp4", "is a source itself"),
        ("--source link.mp4 --save hard.mp4", "is a source itself"),
        ("--source elsewhere/c.mp4 a.mp4 --output a.mp4", "--output a.mp4 is a source itself"),
        ("--source file:a.mp4 --save a.mp4", "is a source itself"),
        ("--source clips --save clips/b.mp4", "is a source itself"),
        ("--source clips --save elsewhere/c.mp4", "is a source itself"),
        ("--source clips --save clips/x.mp4", "the next run would take it for a clip"),
        ("--source clips --save to@clips/x.mp4", "the next run would take it for a clip"),
        ("--source to@clips/ --save clips/x.MP4", "the next run would take it for a clip"),
        ("--source clips --output clips/x.gif", "the next run would take it for a clip"),
        ("--source a.mp4 --output x.mp4 --save ./x.mp4", "--output and --save name one file"),
        ("--source a.mp4 --output clips/X.mp4 --save to@clips/x.mp4", "name one file"),
        ("--source a.mp4 --output hard.mp4 --save link.mp4", "name one file"),
        ("--source a.mp4 --output m.tflite", "--output m.tflite is the model itself"),
        ("--source a.mp4 --output m.txt", "--output m.txt is the labels' file itself"),
    ],
)
def test_refused_before_anything_is_opened(
    flags: str, reason: str, here: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    before = contents(here)
    model = ["--model", "m.tflite", "--labels", "m.txt", "--headless"]
    code = stream.main([*(flag.replace("@", " ") for flag in flags.split()), *model])
    assert code == 2
    (line,) = capfd.readouterr().err.splitlines()
    assert reason in line
    assert contents(here) == before


@pytest.mark.parametrize(
    "flags",
    [
        "--source a.mp4 --output x.jsonl --save x.mp4",
        "--source a.mp4 --output a.jsonl --save clips/a.mp4",
        "--source clips --output clips/x.jsonl --save elsewhere/x.mp4",
        "--source clips --output clips/.x.mp4",
        "--source a.mp4 --output /dev/null",
        "--source a.mp4 --output -",
    ],
)
def test_taken_twice_over(flags: str, here: Path) -> None:
    """The second time the outputs are there, and are replaced; they are no input then either."""
    model = ["--model", "m.tflite", "--labels", "m.txt", "--headless"]
    for _ in range(2):
        assert stream.main([*flags.split(), *model]) == 0
    assert Path(os.devnull).is_char_device()


def test_a_named_model(folder: Path, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGEVID_MODELS", str(here))
    before = contents(here)
    assert stream.main(["--model", "m", "--source", "a.mp4", "--output", "m.tflite"]) == 2
    assert contents(here) == before


def test_two_that_are_not_there_yet(tmp_path: Path) -> None:
    clashes.check({"--a": tmp_path / "x", "--b": tmp_path / "no" / "x"}, sources=["rtsp://x/y"])
    with pytest.raises(UsageError, match="--a and --b name one file"):
        clashes.check({"--a": tmp_path / "no" / "x", "--b": tmp_path / "no" / "." / "X"})
