"""The process that captures one camera: what it plays, what it says, what it may hold."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from apps.raspberry_pi.cameras import capture
from apps.raspberry_pi.cameras.capture import ERROR, FILE, FRAME, HEADER, Order
from edgevid import Frame, ReplaySource, SourceError
from tests.apps.parts import BLACK, RED, colours
from tests.conftest import write_video

GREEN = (0, 255, 0)


def pictures(order: Order, most: int) -> list[str]:
    """Plays; returns each change of colour, and the name of each file of a folder."""
    found: list[str] = []
    messages = capture._messages(order)
    for kind, content, *_ in messages:
        if kind == FILE:
            found.append(Path(content.tobytes().decode()).name)
        else:
            mean = content.reshape(-1, 3).mean(axis=0)
            colour = "black" if mean.max() < 60 else ("red", "green", "blue")[mean.argmax()]
            if found[-1:] != [colour]:
                found.append(colour)
        if len(found) >= most:
            break
    messages.close()
    return found


def order(source: Path, **options: object) -> Order:
    return Order(str(source), 5.0, speed=1000.0, **options)  # type: ignore[arg-type]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three videos of which the one in the middle is none."""
    made = tmp_path / "videos"
    made.mkdir()
    colours(made / "1.mp4", (RED, 0.4))
    (made / "2.mp4").write_bytes(b"no video" * 1000)
    colours(made / "3.mp4", (GREEN, 0.4))
    return made


def test_a_folder_with_a_bad_file_goes_on_with_the_next(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert pictures(order(folder), 15) == 3 * ["1.mp4", "red", "2.mp4", "3.mp4", "green"]
    assert {record.getMessage() for record in caplog.records} == {
        f"{folder}/2.mp4: cannot be read as a video: damaged, truncated, or of another kind: it "
        "is passed over"
    }


def test_that_is_said_once_and_not_in_each_round() -> None:
    once = capture._Once()
    import logging

    records = [logging.makeLogRecord({"msg": "%s is passed over", "args": (n,)}) for n in (1, 2, 1)]
    assert [once.filter(record) for record in records] == [True, True, False]


def test_the_files_of_a_folder_may_change(folder: Path) -> None:
    found = []
    messages = capture._messages(order(folder))
    for kind, content, *_ in messages:
        if kind == FILE:
            found.append(Path(content.tobytes().decode()).name)
        if kind == FILE and found == ["1.mp4"]:
            (folder / "3.mp4").rename(folder / "4.mp4")  # it was listed as 3.mp4
            (folder / "2.mp4").unlink()
        if len(found) == 5:
            break
    messages.close()
    assert found == ["1.mp4", "2.mp4", "3.mp4", "1.mp4", "4.mp4"]


def test_a_folder_whose_files_are_all_bad_fails(folder: Path) -> None:
    (folder / "1.mp4").write_bytes(b"")
    (folder / "3.mp4").unlink()
    with pytest.raises(
        SourceError, match=r"none of its 2 files can be played: .*1.mp4: the file is"
    ):
        pictures(order(folder), 100)


def test_after_a_file_that_ended_the_process_comes_the_next(folder: Path) -> None:
    after = str(folder / "2.mp4")
    assert pictures(order(folder, after=after), 3) == ["3.mp4", "green", "1.mp4"]
    after = str(folder / "3.mp4")
    assert pictures(order(folder, after=after), 2) == ["1.mp4", "red"]
    assert pictures(order(folder, after="gone"), 2) == ["1.mp4", "red"]


def test_a_picture_that_is_too_large_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(capture, "LARGEST_BYTES", 48 * 64 * 3 - 1)
    video = colours(tmp_path / "large.mp4", (RED, 0.4))
    with pytest.raises(SourceError, match="its pictures of 64x48 are too large"):
        pictures(order(video), 1)


def test_in_a_folder_such_a_file_is_passed_over(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(capture, "LARGEST_BYTES", 48 * 64 * 3)
    write_video(folder / "2.mp4", [np.zeros((96, 128, 3), np.uint8)] * 5)
    assert pictures(order(folder), 5) == ["1.mp4", "red", "2.mp4", "3.mp4", "green"]


def test_nobody_waits_for_a_time_that_jumps() -> None:
    class Jumps(ReplaySource):
        def __iter__(self) -> Iterator[Frame]:
            times = (0.0, 0.2, 72_000.0, 72_000.2, 72_000.4)
            return (frame.at(t) for frame, t in zip(super().__iter__(), times, strict=True))

    played = capture._played(Jumps(5 * [np.zeros((4, 4, 3), np.uint8)]), Order("", 5.0), 0.0)
    gaps = np.diff([frame.timestamp for frame in played])
    assert gaps == pytest.approx([0.2, 0.04, 0.2, 0.2], abs=1e-6)


# As a process


def run(program: str, given: bytes, **options: object) -> subprocess.CompletedProcess[bytes]:
    command = [
        sys.executable,
        "-c",
        f"from apps.raspberry_pi.cameras import capture\n{program}",
    ]
    return subprocess.run(command, input=given, capture_output=True, check=False)


def messages(done: subprocess.CompletedProcess[bytes]) -> list[tuple[bytes, str]]:
    found, rest = [], done.stdout
    while rest:
        kind, _, _, _, _, size = HEADER.unpack(rest[: HEADER.size])
        content = rest[HEADER.size : HEADER.size + size]
        found.append((kind, "" if kind == FRAME else content.decode()))
        rest = rest[HEADER.size + size :]
    return found


@pytest.mark.parametrize("given", [b"", b'{"source": "x", "fp'])
def test_it_may_be_stopped_before_it_knows_what_to_do(given: bytes) -> None:
    done = run("raise SystemExit(capture.main())", given)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


@pytest.mark.parametrize(
    ("raised", "told"),
    [
        ("SourceError('it is gone')", "it is gone"),
        ("MemoryError()", "not enough memory for its pictures"),
        ("ValueError('what?')", "cannot be captured: ValueError: what? (<string>:"),
        ("RecursionError('deep')", "cannot be captured: RecursionError: deep (<string>:"),
    ],
)
def test_whatever_fails_is_told(raised: str, told: str) -> None:
    program = (
        "from edgevid import SourceError\n"
        f"def fails(_): raise {raised}\n"
        "capture.open_source = fails\n"
        "capture._until_told = lambda stopping: None\n"
        "raise SystemExit(capture.main())"
    )
    done = run(program, Order("x", 5.0).line())
    ((kind, text),) = messages(done)
    assert kind == ERROR
    assert text.startswith(told)
    assert (done.returncode, done.stderr) == (0, b"")


def test_memory_is_bounded() -> None:
    """What a camera sends without end becomes an error, not the end of the machine."""
    program = (
        "capture._set_bounds()\n"
        "held = []\n"
        "try:\n"
        "    for _ in range(64): held.append(bytes(1 << 27))\n"
        "except MemoryError: count = len(held); del held; print(count)"
    )
    done = run(program, b"")
    assert 0 < int(done.stdout) < 8  # of 128 MB


def test_a_picture_of_8k_ends_in_an_error(tmp_path: Path) -> None:
    picture = np.zeros((4320, 7680, 3), np.uint8)
    video = write_video(tmp_path / "8k.avi", [picture] * 2, fps=5.0)
    program = "capture._until_told = lambda stopping: None\nraise SystemExit(capture.main())"
    done = run(program, Order(str(video), 5.0).line())
    ((kind, text),) = messages(done)
    assert (kind, done.returncode) == (ERROR, 0)
    assert "too large" in text or "memory" in text


def test_an_order_survives_the_way(tmp_path: Path) -> None:
    sent = Order("caf\udce9.mp4", 5.0, 90, True, 2.0, "x")
    assert Order(**json.loads(sent.line())) == sent
    assert BLACK == (0, 0, 0)
