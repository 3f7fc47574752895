"""The labelled video: its times, its sizes, and what is left of it when the disk is full."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from edgevid.errors import OutputError
from edgevid.sinks import mp4
from edgevid.sinks.video import VideoOutput
from edgevid.support.pyav import av


def picture(grey: int, size: tuple[int, int] = (64, 48)) -> np.ndarray:
    return np.full((size[1], size[0], 3), grey, np.uint8)


def noise(seed: int) -> np.ndarray:
    """A picture that takes many bytes."""
    return np.random.default_rng(seed).integers(0, 255, (240, 320, 3), np.uint8)


def show_noise(output: VideoOutput) -> None:
    for number in range(200):
        output.show(noise(number), number / 5)


class Video(NamedTuple):
    codec: str
    size: tuple[int, int]
    times: list[float]
    seconds: float
    pictures: list[np.ndarray]  # BGR
    index_first: bool


def read(path: Path) -> Video:
    with path.open("rb") as file, av.open(file) as container:
        stream = container.streams.video[0]
        assert stream.duration
        assert stream.time_base
        frames = list(container.decode(stream))
        found = Video(
            stream.codec_context.name,
            (stream.width, stream.height),
            [round(frame.time or 0.0, 4) for frame in frames],
            round(float(stream.duration * stream.time_base), 4),
            [frame.to_ndarray(format="bgr24") for frame in frames],
            path.read_bytes().find(b"moov") < path.read_bytes().find(b"mdat"),
        )
        assert stream.frames == len(frames)
    return found


def write(path: Path, fps: float | None, times: list[float], **kind: tuple[int, int]) -> Video:
    output = VideoOutput(path)
    output.start(fps)
    for number, time in enumerate(times):
        output.show(picture(10 * number % 256, **kind), time)
    output.finish()
    return read(path)


def test_each_picture_has_its_sources_time(tmp_path: Path) -> None:
    """An uneven camera: none is left out or held, and the last one lasts as long as most."""
    video = write(tmp_path / "out.mp4", 10, [100.0, 100.1, 100.11, 100.5])
    assert video.times == [0, 0.1, 0.11, 0.5]
    assert video.seconds == 0.6
    assert (video.codec, video.size) == ("h264", (64, 48))
    assert video.index_first
    assert [round(float(shown.mean()) / 10) for shown in video.pictures] == [0, 1, 2, 3]


@pytest.mark.parametrize(
    "fps", [0.01, 0.1, 6, 24000 / 1001, 25, 30000 / 1001, 1000 / 15, 211.222, 1000]
)
def test_every_rate(fps: float, tmp_path: Path) -> None:
    video = write(tmp_path / "out.mp4", fps, [number / fps for number in range(20)])
    assert video.times == pytest.approx([number / fps for number in range(20)], abs=1e-4)
    assert video.seconds == pytest.approx(20 / fps, abs=1e-4)


@pytest.mark.parametrize(
    ("size", "written"),
    [
        ((1, 1), (2, 2)),
        ((63, 47), (64, 48)),
        ((2, 301), (2, 302)),
        ((8193, 20), (8194, 20)),
        ((20000, 20), (16384, 16)),
    ],
)
def test_every_size(size: tuple[int, int], written: tuple[int, int], tmp_path: Path) -> None:
    assert write(tmp_path / "out.mp4", 25, [0, 0.04, 0.08], size=size).size == written


def test_colours_come_back(tmp_path: Path) -> None:
    output = VideoOutput(tmp_path / "out.mp4")
    output.start(25)
    colours = [(230, 40, 40), (40, 230, 40), (40, 40, 230), (200, 200, 30)]
    for number, colour in enumerate(colours):
        output.show(picture(0) + np.array(colour, np.uint8), number / 25)
    output.finish()
    for shown, colour in zip(read(tmp_path / "out.mp4").pictures, colours, strict=True):
        assert shown.mean(axis=(0, 1)) == pytest.approx(colour, abs=6)


def test_no_rate_known(tmp_path: Path) -> None:
    assert write(tmp_path / "one.mp4", None, [7.0]).seconds == 0.04
    assert write(tmp_path / "two.mp4", None, [7.0, 7.5]).seconds == 1.0


def test_times_that_do_not_increase_still_do_in_the_file(tmp_path: Path) -> None:
    times = write(tmp_path / "out.mp4", 10, [5.0, 5.1, 5.1, 2.0, 2.1, 2.1 + 1e-9]).times
    assert times == pytest.approx([0, 0.1, 0.2, 0.3, 0.4, 0.4], abs=1e-4)
    video = write(tmp_path / "out.mp4", 10, [0, 1e-9, 2e-9])
    assert len(video.times) == 3


def test_further_clips_follow_in_the_first_ones_size(tmp_path: Path) -> None:
    output = VideoOutput(tmp_path / "out.mp4")
    for fps, size in ((10, (64, 48)), (4, (48, 96)), (20, (64, 48))):
        output.start(fps)
        for number in range(3):
            output.show(picture(200, size), 50 + number / fps)
    output.finish()
    video = read(tmp_path / "out.mp4")
    assert video.times == [0, 0.1, 0.2, 0.3, 0.55, 0.8, 1.05, 1.1, 1.15]
    assert video.seconds == 1.2
    assert video.size == (64, 48)
    # Between black bars: 24 of the 64 columns hold the upright picture.
    columns = video.pictures[4].mean(axis=(0, 2)) > 100
    assert columns.sum() == 24
    assert columns[20:44].all()


def test_a_long_absence_is_a_cut(tmp_path: Path) -> None:
    video = write(tmp_path / "out.mp4", 10, [0.0, 0.1, 10.0, 5000.0, 5000.1])
    assert video.times == [0, 0.1, 10.0, 10.1, 10.2]


def test_a_name_that_is_not_utf_8(tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"d\xe9mo")
    folder.mkdir()
    assert write(folder / os.fsdecode(b"caf\xe9.mp4"), 25, [0, 0.04]).times == [0, 0.04]
    assert len(list(folder.iterdir())) == 1


def test_without_an_encoder_for_h264(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(
        mp4, "_ENCODERS", [e._replace(name=e.name.replace("264", "?")) for e in mp4._ENCODERS]
    )
    video = write(tmp_path / "out.mp4", 29.97, [0, 0.1, 0.11, 0.5])
    assert (video.codec, video.times) == ("mpeg4", [0, 0.1, 0.11, 0.5])
    assert "cannot write H.264" in caplog.text
    output = VideoOutput(tmp_path / "large.mp4")
    output.start(25)
    with pytest.raises(OutputError, match="a video of 9000x20 cannot be encoded here"):
        output.show(picture(0, (9000, 20)), 0)
    monkeypatch.setattr(mp4, "_ENCODERS", ())
    with pytest.raises(OutputError, match=r"neither H\.264 nor MPEG-4"):
        write(tmp_path / "none.mp4", 25, [0])
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]


def test_nothing_half_written(tmp_path: Path) -> None:
    output = VideoOutput(tmp_path / "out.mp4")
    output.start(10)
    output.show(picture(100), 0)
    output.abandon()
    VideoOutput(tmp_path / "empty.mp4").finish()
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(OutputError, match="cannot be written"):
        VideoOutput(tmp_path / "no" / "out.mp4")


def test_finishing_and_abandoning_again_is_harmless(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    output = VideoOutput(path)
    output.start(10)
    output.show(picture(100), 0)
    for end in (output.finish, output.finish, output.abandon):
        end()
        assert read(path).times == [0]


def check_what_a_full_disk_leaves(path: Path, error: str) -> None:
    assert "as more cannot be written" in error
    assert [found.name for found in path.parent.iterdir()] == [path.name]
    video = read(path)
    assert len(video.times) > 3
    assert video.index_first
    assert f"ends after {len(video.times) / 5:.1f} s" in error
    # They are whole: the last one too shows the noise that was written.
    expected = noise(len(video.times) - 1).astype(int).mean(axis=2)
    assert abs(expected - video.pictures[-1].mean(axis=2)).mean() < 25


def test_a_full_disk_keeps_what_was_written(small_disk: Path) -> None:
    path = small_disk / "out.mp4"
    output = VideoOutput(path)
    output.start(5)
    with pytest.raises(OutputError) as caught:
        show_noise(output)
    output.show(noise(0), 1000)
    output.finish()
    output.abandon()
    check_what_a_full_disk_leaves(path, str(caught.value))


def test_a_limit_on_the_size_of_files_is_like_a_full_disk(tmp_path: Path) -> None:
    program = """
import resource, sys
from pathlib import Path
from edgevid import OutputError, open_video
from tests.sinks.test_video import show_noise
resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, 500_000))
video = open_video(Path(sys.argv[1]))
video.start(5)
try:
    show_noise(video)
except OutputError as error:
    print(error)
video.finish()
"""
    path = tmp_path / "out.mp4"
    done = subprocess.run(
        [sys.executable, "-c", program, str(path)],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    assert done.stderr == ""
    check_what_a_full_disk_leaves(path, done.stdout)


def test_no_room_for_a_single_picture(small_disk: Path) -> None:
    rest = os.statvfs(small_disk)
    (small_disk / "rest").write_bytes(bytes(rest.f_bavail * rest.f_bsize))
    output = VideoOutput(small_disk / "out.mp4")
    output.start(5)
    with pytest.raises(OutputError, match="cannot be written: No space left"):
        output.show(noise(0), 0)
    output.finish()
    assert [path.name for path in small_disk.iterdir()] == ["rest"]
