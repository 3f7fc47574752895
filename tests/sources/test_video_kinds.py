"""Videos as people have them: trimmed, turned, joined, raw, piped, with odd names and times."""

from __future__ import annotations

import base64
import os
import socket
import threading
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from edgevid import ReplaySource, SourceError, clips, open_source
from edgevid.sources.address import encoded, local_path, without_secrets
from edgevid.support.opencv import cv2
from edgevid.support.pyav import av
from tests.conftest import moving_pictures, write_video
from tests.sources import making

COUNT = 40


@pytest.fixture
def mp4(tmp_path: Path) -> Path:
    return making.write(tmp_path / "clip.mp4", moving_pictures(COUNT))


def played(
    location: object, picture_fps: float | None = None
) -> tuple[int, list[float], set[tuple[int, ...]]]:
    """Plays a source to its end; returns how many frames, their times, and their sizes."""
    with open_source(str(location), picture_fps=picture_fps) as source:
        frames = [(frame.timestamp, frame.image.shape[:2]) for frame in source]
    times = [time for time, _ in frames]
    assert times == sorted(set(times))
    return len(frames), times, {size for _, size in frames}


def test_what_an_edit_list_hides_is_no_part_of_the_file(tmp_path: Path) -> None:
    long = making.write(tmp_path / "long.mp4", moving_pictures(120), options={"g": "250"})
    cut = making.trimmed(long, tmp_path / "cut.mp4", start_s=2.0)
    with open_source(cut) as source:
        times = [frame.timestamp for frame in source]
    assert len(times) == 60
    assert times[0] == pytest.approx(0, abs=0.01)
    assert source.length == pytest.approx(60, abs=2)


@pytest.mark.parametrize("suffix", [".mkv", ".flv", ".ts", ".mpg", ".webm"])
def test_a_longer_sound_track_is_not_waited_for(suffix: str, tmp_path: Path) -> None:
    codec = {".mpg": "mpeg2video", ".webm": "libvpx"}.get(suffix, "libx264")
    path = making.write(tmp_path / f"clip{suffix}", moving_pictures(COUNT), codec=codec, sound_s=6)
    count, times, _ = played(path)
    assert count == COUNT
    assert times[-1] == pytest.approx((COUNT - 1) / 30, abs=0.1)


@pytest.mark.parametrize("suffix", [".mkv", ".flv", ".mp4"])
def test_what_is_cut_off_gives_what_there_is_and_says_so(suffix: str, tmp_path: Path) -> None:
    options = {"g": "10"}
    path = making.write(tmp_path / f"clip{suffix}", moving_pictures(120), options=options)
    if suffix == ".mp4":
        path = with_index_in_front(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    given: list[int] = []
    with open_source(path) as source, pytest.raises(SourceError, match="truncated or damaged"):
        given.extend(frame.index for frame in source)
    assert 30 < len(given) < 90


def with_index_in_front(path: Path) -> Path:
    target = path.with_stem("front")
    with (
        av.open(str(path)) as old,
        av.open(str(target), "w", options={"movflags": "faststart"}) as new,
    ):
        copy = new.add_stream_from_template(old.streams.video[0])
        for packet in old.demux(video=0):
            if packet.dts is not None:
                packet.stream = copy
                new.mux(packet)
    return target


@pytest.mark.parametrize("group", ["10", "250"])
def test_reading_goes_on_behind_a_hole(group: str, tmp_path: Path) -> None:
    path = making.write(tmp_path / "clip.mp4", moving_pictures(150), options={"g": group})
    making.without_packets(path, 50, 90)
    with open_source(path) as source:
        times = [frame.timestamp for frame in source]
    assert source.unreadable >= 40 - 3
    assert times[-1] == pytest.approx(149 / 30, abs=0.01)
    assert 90 <= len(times) <= 113


def test_an_mp4_without_its_index_is_told_to_be_one(mp4: Path) -> None:
    mp4.write_bytes(mp4.read_bytes()[:2000])
    with pytest.raises(SourceError, match=r"its index \(moov\) is missing"):
        open_source(mp4)


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_names_that_are_not_utf8(kind: str, mp4: Path, tmp_path: Path) -> None:
    odd = os.fsencode(tmp_path) + b"/caf\xe9"
    if kind == "folder":
        Path(os.fsdecode(odd)).mkdir()
        mp4.rename(os.fsdecode(odd + b"/\xff.mp4"))
        (location,) = clips(os.fsdecode(odd))
    else:
        mp4.rename(os.fsdecode(odd + b".mp4"))
        location = os.fsdecode(odd + b".mp4")
    with open_source(location) as source:
        assert len(list(source)) == COUNT
    assert "caf\ufffd" in source.name
    source.name.encode()


def test_a_folder_of_pictures_with_names_that_are_not_utf8(tmp_path: Path) -> None:
    folder = os.fsencode(tmp_path) + b"/p\xe9"
    Path(os.fsdecode(folder)).mkdir()
    data = cv2.imencode(".png", np.zeros((8, 8, 3), np.uint8))[1].tobytes()
    for number in range(3):
        with open(folder + b"/\xe9%d.png" % number, "wb") as file:  # noqa: PTH123  # bytes
            file.write(data)
    assert played(os.fsdecode(folder))[0] == 3


@pytest.mark.parametrize(
    ("ratio", "size"), [(Fraction(1, 2), (48, 32)), (Fraction(64, 45), (48, 91))]
)
def test_pixels_that_are_not_square(ratio: Fraction, size: tuple[int, int], tmp_path: Path) -> None:
    path = making.write(tmp_path / "clip.mp4", moving_pictures(5), pixel_ratio=ratio)
    assert played(path)[2] == {size}


@pytest.mark.parametrize(
    ("matrix", "shift", "change"),
    [
        ((-1, 0, 0, 1), (64, 0), lambda p: p[:, ::-1]),  # a phone's mirrored front camera
        ((1, 0, 0, -1), (0, 48), lambda p: p[::-1]),
        ((-1, 0, 0, -1), (64, 48), lambda p: p[::-1, ::-1]),
        ((0, 1, -1, 0), (48, 0), lambda p: np.rot90(p, -1)),
        ((0, -1, 1, 0), (0, 64), lambda p: np.rot90(p, 1)),
        ((0, 1, 1, 0), (0, 0), lambda p: p.transpose(1, 0, 2)),
        ((0, -1, -1, 0), (48, 64), lambda p: np.rot90(p, 1)[:, ::-1]),
    ],
)
def test_turned_and_mirrored_as_the_file_says(matrix, shift, change, mp4: Path) -> None:  # type: ignore[no-untyped-def]
    with open_source(mp4) as source:
        plain = next(iter(source)).image
    with open_source(making.with_matrix(mp4, matrix, shift)) as source:
        turned = next(iter(source)).image
    assert (turned == change(plain)).all()


def test_av1(tmp_path: Path) -> None:
    if "libsvtav1" not in av.codecs_available:
        pytest.skip("this PyAV writes no AV1")
    pictures = moving_pictures(COUNT, size=(128, 96))
    assert played(making.write(tmp_path / "clip.mp4", pictures, codec="libsvtav1"))[0] == COUNT


def test_animated_webp(tmp_path: Path) -> None:
    if not hasattr(cv2, "imwriteanimation"):
        pytest.skip("this OpenCV writes no animations")
    animation = cv2.Animation()
    animation.frames = [picture[..., ::-1].copy() for picture in moving_pictures(10)]
    animation.durations = [200] * 10
    cv2.imwriteanimation(str(tmp_path / "clip.webp"), animation)
    count, times, _ = played(tmp_path / "clip.webp")
    assert count == 10
    assert times == pytest.approx([number / 5 for number in range(10)])


@pytest.mark.parametrize(
    ("suffix", "codec", "assumed"),
    [(".h264", "libx264", 10), (".264", "libx264", 10), (".mjpeg", "mjpeg", 25)],
)
def test_raw_streams(
    suffix: str, codec: str, assumed: float, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / f"clip{suffix}"
    form = "mjpeg" if codec == "mjpeg" else "h264"
    making.write(path, moving_pictures(COUNT), codec=codec, fps=10, form=form)
    assert clips(tmp_path) == [str(path)]
    _, times, _ = played(path)
    assert f"{assumed} frames a second are assumed" in caplog.text
    assert times == pytest.approx([number / assumed for number in range(COUNT)])
    caplog.clear()
    _, times, _ = played(path, picture_fps=12.5)
    assert times == pytest.approx([number / 12.5 for number in range(COUNT)])
    assert not caplog.text


@pytest.mark.parametrize("index_in_front", [True, False])
def test_a_pipe(index_in_front: bool, mp4: Path, tmp_path: Path) -> None:
    data = (with_index_in_front(mp4) if index_in_front else mp4).read_bytes()
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(data,))
    writer.start()
    assert played(pipe)[0] == COUNT
    writer.join()


def test_a_file_below_dev_is_no_camera(mp4: Path) -> None:
    shared = Path("/dev/shm")
    if not os.access(shared, os.W_OK):
        pytest.skip("/dev/shm cannot be written")
    path = shared / f"edgevid-test-{os.getpid()}.mp4"
    try:
        path.write_bytes(mp4.read_bytes())
        assert played(path)[0] == COUNT
    finally:
        path.unlink(missing_ok=True)


def test_a_file_address(mp4: Path, tmp_path: Path) -> None:
    mp4.rename(tmp_path / "my clip.mp4")
    address = f"file://{tmp_path}/my%20clip.mp4"
    assert played(address)[0] == COUNT
    assert clips(f"file://{tmp_path}") == [str(tmp_path / "my clip.mp4")]
    assert local_path("file:///caf%E9.mp4") == os.fsdecode(b"/caf\xe9.mp4")


def test_hidden_files_are_passed_over(mp4: Path, tmp_path: Path) -> None:
    for name in ("._clip.mp4", ".clip.1a2b.part.mp4", ".hidden.avi"):
        (tmp_path / name).write_bytes(b"Mac OS X")
    assert clips(tmp_path) == [str(mp4)]


def test_joined_recordings(tmp_path: Path) -> None:
    first = making.write(tmp_path / "1.ts", moving_pictures(COUNT))
    second = making.write(tmp_path / "2.ts", moving_pictures(COUNT, size=(128, 72)))
    joined = tmp_path / "joined.ts"
    joined.write_bytes(first.read_bytes() + second.read_bytes())
    with open_source(joined) as source:
        frames = list(source)
    assert len(frames) == 2 * COUNT
    assert {frame.image.shape for frame in frames} == {(48, 64, 3), (72, 128, 3)}
    assert [frame.index for frame in frames if frame.follows_jump] == [COUNT]
    assert frames[-1].timestamp == pytest.approx((2 * COUNT - 1) / 30, abs=0.1)


def test_a_jump_ahead_keeps_its_time(tmp_path: Path) -> None:
    times = [Fraction(number, 30) + (72_000 if number >= 20 else 0) for number in range(COUNT)]
    path = making.write(tmp_path / "clip.mkv", moving_pictures(COUNT), times=times)
    _, found, _ = played(path)
    assert found == pytest.approx([float(time) for time in times], abs=0.01)


def test_times_that_mean_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    times = [Fraction(number, 1_000_000) for number in range(COUNT)]
    path = making.write(tmp_path / "clip.mp4", moving_pictures(COUNT), times=times)
    _, found, _ = played(path)
    assert found == pytest.approx([number / 25 for number in range(COUNT)])
    assert "25 frames a second are assumed" in caplog.text


def test_a_photograph_is_no_video(tmp_path: Path) -> None:
    for suffix in (".jpg", ".png", ".webp", ".bmp", ".tiff"):
        cv2.imwrite(str(tmp_path / f"photo{suffix}"), np.zeros((48, 64, 3), np.uint8))
        with pytest.raises(SourceError, match="is a photograph"):
            open_source(tmp_path / f"photo{suffix}")


def test_a_sound_file_is_no_video(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "song.mp4"), "w") as container:
        making._add_sound(container, 1.0)
    with pytest.raises(SourceError, match="there is no video in it"):
        open_source(tmp_path / "song.mp4")


@pytest.mark.parametrize("password", ["p#1/x?y", "a@b", "100%", "plain", "a b"])
def test_a_password_reaches_the_camera_whatever_it_holds(password: str) -> None:
    asked: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                while request := connection.recv(4096).decode():
                    asked.append(request)
                    number = request.split("CSeq: ")[1].split("\r\n")[0]
                    connection.sendall(
                        f"RTSP/1.0 401 Unauthorized\r\nCSeq: {number}\r\n"
                        'WWW-Authenticate: Basic realm="camera"\r\n\r\n'.encode()
                    )

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        address = f"rtsp://me:{password}@127.0.0.1:{server.getsockname()[1]}/live"
        with pytest.raises(SourceError, match="wrong user or password") as caught:
            open_source(address)
        thread.join(10)
    assert password not in str(caught.value)
    sent = [line for request in asked for line in request.splitlines() if "Basic " in line]
    assert base64.b64decode(sent[0].split("Basic ")[1]).decode() == f"me:{password}"


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("rtsp://me:a%23b@camera/live", "rtsp://me:a%23b@camera/live"),  # encoded already
        ("rtsp://me:a#b@camera/live", "rtsp://me:a%23b@camera/live"),
        ("rtsp://me:12#4@camera/live", "rtsp://me:12%234@camera/live"),
        ("rtsp://me:p@ss/w@camera.local/live", "rtsp://me:p%40ss%2Fw@camera.local/live"),
        ("rtsp://camera.local:554/live@2", "rtsp://camera.local:554/live@2"),
        ("rtsp://me:x@camera.local/live@2", "rtsp://me:x@camera.local/live@2"),
        ("http://camera/x?y=a@b", "http://camera/x?y=a@b"),
    ],
)
def test_what_ffmpeg_is_told(address: str, told: str) -> None:
    assert encoded(address) == told


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("rtsp:me:hush@cam/live", "rtsp://cam/live"),
        ("http://tv/live/me/hush/7", "http://tv/live/.../7"),
        ("rtsp://cam/x;auth=hush;y", "rtsp://cam/x;auth=...;y"),
        ("a\udce9.mp4", "a\ufffd.mp4"),
        ("two\nlines\x1b[31m.mp4", "two\ufffdlines\ufffd[31m.mp4"),
    ],
)
def test_more_names_without_secrets(address: str, shown: str) -> None:
    assert without_secrets(address) == shown


def test_pictures_that_nobody_looks_at_are_not_converted(
    mp4: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from edgevid.sources.conversion import Converter

    converted = []
    convert = Converter.rgb
    monkeypatch.setattr(
        Converter,
        "rgb",
        lambda *given: converted.append(1) or convert(*given),  # type: ignore[func-returns-value]
    )
    with open_source(mp4) as source:
        looked_at = [frame.image for frame in source if frame.index % 6 == 0]
    assert len(converted) == len(looked_at) < COUNT / 5


def test_a_file_that_opencv_wrote_is_no_different(tmp_path: Path) -> None:
    path = write_video(tmp_path / "clip.avi", moving_pictures(COUNT), fps=10)
    assert played(path)[1] == pytest.approx([number / 10 for number in range(COUNT)])


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".avi", ".flv", ".ts", ".webm", ".mjpeg"])
def test_a_source_can_begin_later_and_gives_the_same(suffix: str, tmp_path: Path) -> None:
    codec = {".webm": "libvpx", ".mjpeg": "mjpeg"}.get(suffix, "libx264")
    options = {"g": "20", "bf": "2"} if codec == "libx264" else {"g": "20"}
    path = making.write(
        tmp_path / f"clip{suffix}", moving_pictures(120), codec=codec, options=options
    )

    def frames(begin: float) -> tuple[dict[float, np.ndarray], bool]:
        with open_source(path, picture_fps=30) as source:
            skipped = begin > 0 and source.skip_to(begin)
            return {round(frame.timestamp, 4): frame.image for frame in source}, skipped

    whole, _ = frames(0)
    later, skipped = frames(2.5)
    assert skipped == (suffix != ".mjpeg")  # which has no times
    if skipped and suffix not in (".flv", ".ts"):  # these have no index: FFmpeg looks for it
        assert 0 < min(later) <= 2.5
    for time, image in later.items():
        if time >= 2.5:
            np.testing.assert_array_equal(image, whole[time])
    assert {time for time in whole if time >= max(2.5, min(later))} <= set(later)


def test_where_nothing_can_be_skipped(tmp_path: Path) -> None:
    with ReplaySource([np.zeros((8, 8, 3), np.uint8)]) as source:
        assert not source.skip_to(1.0)
