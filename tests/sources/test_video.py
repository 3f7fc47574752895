"""Files that are not what they should be, and addresses where nobody answers."""

from __future__ import annotations

import gc
import socket
import struct
import time
from pathlib import Path

import numpy as np
import pytest

from edgevid import SourceError, open_source
from edgevid.sources.address import without_secrets
from tests.conftest import LabelledClip, moving_pictures, write_video

COUNT = 50


@pytest.fixture
def mp4(tmp_path: Path) -> Path:
    return write_video(tmp_path / "clip.mp4", moving_pictures(COUNT))


@pytest.fixture
def avi(tmp_path: Path) -> Path:
    return write_video(tmp_path / "clip.avi", moving_pictures(COUNT))


def cut(path: Path, share: float) -> Path:
    """Leaves only the first part of a file."""
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    return path


def with_index_in_front(mp4: Path) -> Path:
    """Moves the ``moov`` box before the pictures, as files for the web have it."""
    data = mp4.read_bytes()
    boxes: dict[bytes, bytes] = {}
    while data:
        size, kind = struct.unpack(">I4s", data[:8])
        boxes[kind], data = data[:size], data[size:]
    moov = bytearray(boxes.pop(b"moov"))
    table = moov.index(b"stco") + 8  # the places of the pictures, all of which move back
    (count,) = struct.unpack_from(">I", moov, table)
    for entry in range(table + 4, table + 4 + 4 * count, 4):
        (place,) = struct.unpack_from(">I", moov, entry)
        struct.pack_into(">I", moov, entry, place + len(moov))
    mp4.write_bytes(boxes.pop(b"ftyp") + moov + b"".join(boxes.values()))
    return mp4


def complaint(location: object, capfd: pytest.CaptureFixture[str]) -> str:
    """Reads a source that must fail; returns the one line, with which nothing else is printed."""
    capfd.readouterr()
    with pytest.raises(SourceError) as caught, open_source(str(location)) as source:
        for _ in source:
            pass
    assert capfd.readouterr() == ("", "")
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_an_index_in_front_is_as_good_as_one_behind(mp4: Path) -> None:
    with open_source(with_index_in_front(mp4)) as source:
        assert len(list(source)) == COUNT


def test_no_such_file(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert complaint(tmp_path / "none.mp4", capfd).endswith("none.mp4: no such file")


@pytest.mark.parametrize("content", [b"just text\n" * 100, bytes(5000), b"x"])
def test_no_video_whatever_its_name(
    content: bytes, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(content)
    assert "clip.mp4: cannot be read as a video" in complaint(path, capfd)


def test_empty_file(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "clip.mp4").touch()
    assert complaint(tmp_path / "clip.mp4", capfd).endswith("clip.mp4: the file is empty")


def test_a_path_that_the_system_refuses(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert "cannot be read: File name too long" in complaint(tmp_path / ("a" * 300), capfd)


def test_avi_that_was_cut(avi: Path, capfd: pytest.CaptureFixture[str]) -> None:
    message = complaint(cut(avi, 0.5), capfd)
    assert "of 50 frames: truncated or damaged" in message


def test_mp4_that_was_cut_before_its_index(mp4: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert "cannot be read as a video" in complaint(cut(mp4, 0.5), capfd)


def test_mp4_with_its_index_in_front_that_was_cut(
    mp4: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    message = complaint(cut(with_index_in_front(mp4), 0.5), capfd)
    assert "of 50 frames: truncated or damaged" in message


def test_a_video_that_pauses_is_not_taken_for_one_that_was_cut(tmp_path: Path) -> None:
    path = write_video(tmp_path / "clip.flv", moving_pictures(COUNT))
    data = bytearray(path.read_bytes())
    place, video_tags = 9 + 4, 0  # behind the header and the first back pointer
    while place < len(data):
        kind, size = data[place], int.from_bytes(data[place + 1 : place + 4], "big")
        video_tags += kind == 9
        if video_tags > 20:  # from here on eight seconds later
            later = int.from_bytes(data[place + 4 : place + 7], "big") + 8000
            data[place + 4 : place + 7] = later.to_bytes(3, "big")
        place += 11 + size + 4
    duration = data.index(b"duration\0") + 9
    struct.pack_into(">d", data, duration, COUNT / 25 + 8)
    path.write_bytes(data)
    with open_source(path) as source:
        timestamps = [frame.timestamp for frame in source]
    assert source.length
    assert len(timestamps) < source.length / 4  # which goes by the duration
    assert timestamps[-1] == pytest.approx((COUNT - 1) / 25 + 8, abs=0.01)


@pytest.mark.parametrize("suffix", [".mp4", ".avi"])
def test_video_without_a_single_frame(
    suffix: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = write_video(tmp_path / f"clip{suffix}", moving_pictures(1))
    whole = path.stat().st_size
    from edgevid.support.opencv import cv2

    codec = cv2.VideoWriter.fourcc(*("mp4v" if suffix == ".mp4" else "MJPG"))
    cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, codec, 25, (64, 48)).release()
    assert 0 < path.stat().st_size < whole
    message = complaint(path, capfd)
    assert "holds no picture" in message or "cannot be read as a video" in message


def frames_in_memory() -> int:
    return sum(type(one).__name__ == "VideoFrame" for one in gc.get_objects())


def test_pictures_do_not_wait_for_the_garbage_collector(mp4: Path) -> None:
    """Their pixels are memory that Python does not know of: it would collect far too late."""
    gc.collect()
    before = frames_in_memory()
    gc.disable()
    try:
        with open_source(mp4) as source:
            assert sum(frame.image.size > 0 for frame in source) == COUNT
        held = frames_in_memory() - before
    finally:
        gc.enable()
    assert held <= 2  # the one whose orientation was read, and the scaler's own


def test_damaged_pictures_are_passed_over_and_counted(mp4: Path) -> None:
    data = bytearray(mp4.read_bytes())
    starts = [place for place in range(len(data)) if data.startswith(b"\0\0\1\xb6", place)]
    assert len(starts) == COUNT  # MPEG-4's mark of a picture
    for start in (starts[5], starts[15], starts[25]):
        data[start + 4 : start + 44] = b"\xff" * 40
    mp4.write_bytes(data)
    with open_source(mp4) as source:
        timestamps = [frame.timestamp for frame in source]
    assert source.unreadable >= 1
    assert COUNT - 5 <= len(timestamps) <= COUNT - source.unreadable
    assert timestamps[-1] == pytest.approx((COUNT - 1) / 25)  # the rest keeps its place in time


@pytest.mark.parametrize("name", ["12:30.mp4", "p%03d.mp4", "ä b'c.mp4", "-n.mp4", "a@b?c#d.mp4"])
def test_odd_names(name: str, mp4: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mp4.rename(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    with open_source(name) as source:
        assert len(list(source)) == COUNT
    assert source.name == name


def test_nobody_answers(capfd: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))  # bound, but not listening: connections are refused
        port = reserved.getsockname()[1]
        started = time.monotonic()
        for scheme in ("rtsp", "http"):
            message = complaint(f"{scheme}://user:hush@127.0.0.1:{port}/stream", capfd)
            assert message.startswith(f"{scheme}://127.0.0.1:{port}/stream: no answer")
            assert "hush" not in message
        assert time.monotonic() - started < 20


def test_a_server_that_accepts_and_says_nothing_is_given_up(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgevid.sources.container._OPEN_TIMEOUT_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        started = time.monotonic()
        assert "no answer" in complaint(f"rtsp://127.0.0.1:{port}/stream", capfd)
        assert time.monotonic() - started < 20


@pytest.mark.parametrize("address", ["rtsp://[half/x", "nothing://here", "http://"])
def test_addresses_that_make_no_sense(address: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert "no answer" in complaint(address, capfd)


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("rtsp://cam/live", "rtsp://cam/live"),
        ("rtsp://user:hush@cam:554/live", "rtsp://cam:554/live"),
        ("rtsp://user:hu/sh?h#h@cam/live", "rtsp://cam/live"),
        ("http://cam/video?user=me&pwd=hush", "http://cam/video"),
        ("rtsp://cam/user=me&password=hush&channel=1", "rtsp://cam/user=me&password=...&channel=1"),
        ("clips/a@b?c.mp4", "clips/a@b?c.mp4"),
    ],
)
def test_a_name_holds_no_secret(address: str, shown: str) -> None:
    assert without_secrets(address) == shown


def test_real_clips_are_read_to_their_end(real_clips: list[LabelledClip]) -> None:
    sizes = set()
    for clip in real_clips:
        with open_source(clip.path) as source:
            previous = -1.0
            frames = 0
            for frame in source:
                assert frame.timestamp > previous
                previous = frame.timestamp
                frames += 1
                sizes.add(frame.image.shape)
        assert frames > 10
        assert source.unreadable == 0
        if source.length is not None:
            assert frames == pytest.approx(source.length, rel=0.02)
    assert len(sizes) > 10  # portrait and landscape, 144 to 1080 lines
    assert all(np.prod(size) > 0 for size in sizes)
