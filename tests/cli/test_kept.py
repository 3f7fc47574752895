"""What a run has computed is kept, whatever ends it."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np
import pytest

from edgevid import ModelError, Stream, open_video
from edgevid.cli import stream
from tests.conftest import moving_pictures, tiny_flags_in, write_video
from tests.sinks.test_video import read

RED = np.zeros((48, 64, 3), np.uint8) + np.array([255, 0, 0], np.uint8)


@pytest.fixture
def flags(tmp_path: Path) -> list[str]:
    folder = tmp_path / "model"
    folder.mkdir()
    return [*tiny_flags_in(folder), "--headless"]


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return write_video(tmp_path / "clip.mp4", moving_pictures(50))


def cut_off(path: Path, count: int = 50) -> Path:
    """A red clip with its index in front, and half of its bytes."""
    video = open_video(path)
    video.start(25)
    noise = np.random.default_rng(0).integers(0, 60, (count, 48, 64, 3), np.uint8)
    for number in range(count):
        video.show(RED[..., ::-1] - noise[number] * (RED[..., ::-1] > 0), number / 25)
    video.finish()
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    return path


def run(*flags: object) -> int:
    return stream.main([str(flag) for flag in flags])


def start(*flags: object, **files: Any) -> subprocess.Popen[str]:
    """Starts the command as a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "edgevid.stream", *map(str, flags)],
        text=True,
        **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **files},
    )


def wait_for(text: str, stream: IO[str] | None) -> None:
    assert stream
    for line in stream:
        if text in line:
            return
    pytest.fail(f"{text} was never said")


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def kinds_of(path: Path) -> list[str]:
    return [line["type"] for line in lines_of(path)]


def nothing_unfinished(folder: Path) -> bool:
    return not list(folder.rglob(".*.part*"))


def test_a_clip_that_breaks_off(
    flags: list[str], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    cut, out, video = cut_off(tmp_path / "cut.mp4"), tmp_path / "out.jsonl", tmp_path / "out.mp4"
    flags = [*flags, "--event-min-duration", "0.2"]
    assert run("--source", cut, "--output", out, "--save", video, *flags) == 1
    *lines, summary = lines_of(out)
    states = [line["state"] for line in lines if line["type"] == "event"]
    assert states == ["start", "end"]
    assert 5 <= summary["frames"] < 50
    assert summary["predictions"] == kinds_of(out).count("prediction") > 0
    (problem,) = summary["problems"]
    assert list(problem) == ["source", "problem"]
    assert problem["source"] == str(cut)
    assert str(cut) not in problem["problem"]
    assert len(read(video).times) == summary["frames"]
    said = capfd.readouterr().err
    assert f"edgevid: {cut}: " in said
    assert f"incomplete: {cut}: {problem['problem']}" in said
    assert nothing_unfinished(tmp_path)


def test_bad_sources_among_good_ones(
    flags: list[str], clip: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    bad, hollow, out = tmp_path / "bad.mp4", tmp_path / "hollow", tmp_path / "out.jsonl"
    bad.write_text("no video")
    hollow.mkdir()
    cut = cut_off(tmp_path / "cut.mp4")
    sources = [hollow, bad, clip, cut, tmp_path / "missing.mp4", clip]
    assert run("--source", *sources, "--output", out, *flags) == 1
    summary = lines_of(out)[-1]
    assert summary["frames"] > 100
    problems = [problem["source"] for problem in summary["problems"]]
    assert problems == [str(path) for path in (hollow, bad, cut, tmp_path / "missing.mp4")]
    complaints = [x for x in capfd.readouterr().err.splitlines() if x.startswith("edgevid: ")]
    assert len(complaints) == 4


def test_a_crop_that_one_clip_is_too_small_for(
    flags: list[str], clip: Path, tmp_path: Path
) -> None:
    large = write_video(tmp_path / "large.mp4", moving_pictures(10, size=(128, 96)))
    out = tmp_path / "out.jsonl"
    crop = ["--crop", "0,0,100,90"]
    assert run("--source", clip, large, *crop, "--output", out, *flags) == 2
    assert lines_of(out)[-1]["predictions"] == 2
    assert [problem["source"] for problem in lines_of(out)[-1]["problems"]] == [str(clip)]


@pytest.mark.parametrize("error", [ModelError("the model gives NaN"), RuntimeError("invoke")])
def test_an_error_of_the_model(
    error: Exception, flags: list[str], clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps, step = iter(range(100)), Stream.step

    def fails(self: Stream, frame: Any) -> Any:
        if next(steps) == 4:
            raise error
        return step(self, frame)

    monkeypatch.setattr(Stream, "step", fails)
    out = tmp_path / "out.jsonl"
    both = ["--output", str(out), "--save", str(tmp_path / "out.mp4")]
    flags = ["--source", str(clip), *both, *flags]
    if isinstance(error, ModelError):
        assert run(*flags) == 1
    else:  # a fault of the program itself: the trace says where
        with pytest.raises(RuntimeError, match="invoke"):
            run(*flags)
    summary = lines_of(out)[-1]
    assert (summary["type"], summary["predictions"]) == ("summary", 4)
    assert summary["problems"] == [{"source": str(clip), "problem": str(error)}]
    assert len(read(tmp_path / "out.mp4").times) == 20
    assert nothing_unfinished(tmp_path)


def test_a_full_disk_under_the_lines(flags: list[str], tmp_path: Path, small_disk: Path) -> None:
    clip = write_video(tmp_path / "long.mp4", moving_pictures(400))
    (small_disk / "rest").write_bytes(bytes(1_000_000))
    out, video = small_disk / "out.jsonl", tmp_path / "out.mp4"
    process = start("--source", clip, "--fps", 25, "--output", out, "--save", video, *flags)
    error = process.communicate()[1]
    assert process.returncode == 1
    assert set(kinds_of(out)) <= {"prediction", "event"}  # every line is whole
    assert 10 < len(lines_of(out)) < 400
    assert [line for line in error.splitlines() if "No space left" in line] == [
        f"edgevid: {out}: cannot be written any more: No space left on device",
        f"incomplete: {clip}: {out}: cannot be written any more: No space left on device",
    ]
    assert len(read(video).times) == 400  # the other output is complete
    assert nothing_unfinished(small_disk)


def test_a_full_disk_under_the_only_output_ends_the_run(
    flags: list[str], tmp_path: Path, small_disk: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    clip = write_video(tmp_path / "long.mp4", moving_pictures(400))
    (small_disk / "rest").write_bytes(bytes(1_020_000))
    assert run("--source", clip, "--fps", 25, "--output", small_disk / "out.jsonl", *flags) == 1
    assert lines_of(small_disk / "out.jsonl")
    said = capfd.readouterr().err
    assert said.count("No space left on device") == 2  # at once, and in the summary
    assert "incomplete: " in said
    assert "400 frames" not in said


def test_a_full_disk_under_the_video(flags: list[str], tmp_path: Path, small_disk: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (60, 360, 480, 3), np.uint8)
    clip = write_video(tmp_path / "noise.avi", list(noise))
    out, video = tmp_path / "out.jsonl", small_disk / "out.mp4"
    assert run("--source", clip, "--output", out, "--save", video, *flags) == 1
    summary = lines_of(out)[-1]
    assert summary["frames"] == 60
    assert [problem["source"] for problem in summary["problems"]] == [str(clip)]
    assert f"{video}: ends after" in summary["problems"][0]["problem"]
    assert 3 < len(read(video).times) < 60
    assert nothing_unfinished(small_disk)


@pytest.fixture
def not_by_nohup() -> Iterator[None]:
    """What is started does not ignore SIGHUP, though the tests may have been started with nohup."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.usefixtures("not_by_nohup")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal(number: signal.Signals, flags: list[str], tmp_path: Path) -> None:
    clip = write_video(tmp_path / "long.mp4", [RED] * 3000)
    out, video = tmp_path / "out.jsonl", tmp_path / "out.mp4"
    with start(
        *("--source", clip, clip, "--realtime", "--output", out, "--save", video), *flags
    ) as process:
        wait_for("+ red", process.stdout)
        process.send_signal(number)
        process.communicate()
    assert process.returncode == 0
    *lines, summary = lines_of(out)
    assert [line["state"] for line in lines if line["type"] == "event"] == ["start", "end"]
    assert summary["problems"] == [{"source": str(clip), "problem": "not begun"}]
    assert len(read(video).times) == summary["frames"]
    assert nothing_unfinished(tmp_path)


def test_a_second_signal_ends_it_at_once(flags: list[str], tmp_path: Path) -> None:
    """Standard input that stays silent: the first signal cannot reach the end of a frame."""
    clip, out, video = tmp_path / "red.avi", tmp_path / "out.jsonl", tmp_path / "out.mp4"
    write_video(clip, [RED] * 200)
    with start(
        *("--source", "-", "--output", out, "--save", video), *flags, stdin=subprocess.PIPE
    ) as process:
        assert process.stdin
        os.write(process.stdin.fileno(), clip.read_bytes()[: clip.stat().st_size // 2])
        wait_for("+ red", process.stdout)
        process.send_signal(signal.SIGINT)
        while process.poll() is None:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(0.3)
            except subprocess.TimeoutExpired:
                continue
        process.stdin.close()
    assert process.returncode in (0, 130)
    assert nothing_unfinished(tmp_path)
    assert lines_of(out)[-1]["type"] == "summary"
    assert read(video).times


def test_what_is_killed_leaves_nothing_for_long(flags: list[str], tmp_path: Path) -> None:
    """Nothing is kept then; the next run takes the halves away, and watches none of them."""
    folder = tmp_path / "clips"
    folder.mkdir()
    clip = write_video(folder / "long.mp4", [RED] * 200)
    outputs = ["--output", folder / "out.jsonl", "--save", tmp_path / "out.mp4"]
    with start("--source", clip, "--realtime", *outputs, *flags) as process:
        wait_for("+ red", process.stdout)
        process.kill()
    assert len(list(folder.glob(".out.*.part.jsonl"))) == 1
    half = folder / ".out.0a1b2c3d.part.mp4"
    next(tmp_path.glob(".out.*.part.mp4")).rename(half)
    assert run("--source", folder, *outputs, *flags) == 0
    assert lines_of(folder / "out.jsonl")[-1]["frames"] == 200
    assert sorted(path.name for path in folder.iterdir()) == ["long.mp4", "out.jsonl"]


def test_a_reader_that_leaves_does_not_cost_the_file(
    flags: list[str], clip: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.jsonl"
    with start("--source", clip, "--output", out, *flags) as process:
        assert process.stdout
        process.stdout.close()
        assert process.stderr
        said = process.stderr.read()
    assert process.returncode == 0
    assert "Broken" not in said
    assert lines_of(out)[-1]["frames"] == 50


def test_standard_output_on_a_full_disk(flags: list[str], clip: Path, tmp_path: Path) -> None:
    with Path("/dev/full").open("w") as full:
        process = start("--source", clip, "--output", "-", *flags, stdout=full)
        said = process.communicate()[1]
    assert process.returncode == 1
    assert "edgevid: standard output: cannot be written any more: No space left" in said
    assert "Traceback" not in said
    assert "Exception ignored" not in said


@pytest.mark.parametrize(("closed", "code"), [(">&-", 1), ("2>&-", 0), (">&- 2>&-", 1)])
def test_closed_from_the_start(
    closed: str, code: int, flags: list[str], clip: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.jsonl"
    shell = f'exec "$@" {closed}'
    command = [sys.executable, "-m", "edgevid.stream", "--source", str(clip), *flags, "--output"]
    done = subprocess.run(
        ["sh", "-c", shell, "sh", *command, str(out)], capture_output=True, check=False
    )
    assert done.returncode == 0
    assert lines_of(out)[-1]["frames"] == 50
    done = subprocess.run(
        ["sh", "-c", shell, "sh", *command, "-"], capture_output=True, check=False
    )
    assert done.returncode == code
    assert b"Traceback" not in done.stderr


@pytest.mark.usefixtures("not_by_nohup")
def test_a_terminal_that_closes(flags: list[str], tmp_path: Path) -> None:
    clip, out = write_video(tmp_path / "long.mp4", [RED] * 3000), tmp_path / "out.jsonl"
    try:
        ours, theirs = pty.openpty()
    except OSError as error:  # as in a bare root without /dev/pts
        pytest.skip(f"no terminal to be had: {error}")
    with start(
        *("--source", clip, "--realtime", "--output", out), *flags, stdout=theirs, stderr=theirs
    ) as process:
        os.close(theirs)
        said = b""
        while b"+ red" not in said:
            said += os.read(ours, 4096)
        os.close(ours)
        process.send_signal(signal.SIGHUP)  # as the system does for the terminal's own processes
    assert process.returncode in (0, 1)
    assert lines_of(out)[-1]["type"] == "summary"
    assert nothing_unfinished(tmp_path)


def test_names_that_are_not_utf_8(flags: list[str], clip: Path, tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"d\xe9j\xe0")
    folder.mkdir()
    source, out, video = (
        folder / os.fsdecode(b"caf\xe9" + s) for s in (b".avi", b".jsonl", b".mp4")
    )
    source.write_bytes(write_video(tmp_path / "a.avi", moving_pictures(50)).read_bytes())
    process = start("--source", source, "--output", out, "--save", video, *flags)
    said = process.communicate()
    assert process.returncode == 0, said
    assert {line.get("source") for line in lines_of(out)} - {None} == {
        f"{tmp_path}/d\ufffdj\ufffd/caf\ufffd.avi"
    }
    assert len(read(video).times) == 50
    process = start("--source", folder / "no\udce9.mp4", *flags)
    error = process.communicate()[1]
    assert f"edgevid: {tmp_path}/d\ufffdj\ufffd/no\ufffd.mp4: " in error


def test_turned_upside_down_and_back(flags: list[str], tmp_path: Path) -> None:
    """The tiny model tells colours apart, so look where one is: with a crop."""
    picture = RED.copy()
    picture[24:] = (0, 0, 255)
    upright = write_video(tmp_path / "upright.avi", [picture] * 10)
    turned = write_video(tmp_path / "turned.avi", [picture[::-1, ::-1]] * 10)
    labels = {}
    for clip, rotate in ((upright, []), (turned, []), (turned, ["--rotate", "180"])):
        out = tmp_path / "out.jsonl"
        look = ["--crop", "0,0,64,20", *rotate]
        assert run("--source", clip, *look, "--output", out, *flags) == 0
        labels[clip, *rotate] = lines_of(out)[0]["scores"][0]["label"]
    assert list(labels.values()) == ["red", "blue", "red"]
