from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from edgevid.errors import OutputError
from edgevid.opencv import cv2
from edgevid.sinks.video import VideoOutput


def picture(grey: int, size: tuple[int, int] = (64, 48)) -> np.ndarray:
    return np.full((size[1], size[0], 3), grey, np.uint8)


def greys(path: Path) -> list[int]:
    video = cv2.VideoCapture(str(path))
    found = []
    while (read := video.read())[0]:
        found.append(round(float(read[1].mean()) / 50))
    return found


def test_it_keeps_the_time_that_passed(tmp_path: Path) -> None:
    """An uneven camera: a picture is held over a gap, and one that came too soon left out."""
    output = VideoOutput(tmp_path / "out.mp4")
    output.start(10)
    for timestamp, grey in [(100.0, 50), (100.1, 100), (100.11, 150), (100.5, 200)]:
        output.show(picture(grey), timestamp)
    output.finish()
    assert greys(tmp_path / "out.mp4") == [1, 2, 2, 2, 2, 4]


def test_further_clips_follow_in_the_first_ones_size(tmp_path: Path) -> None:
    output = VideoOutput(tmp_path / "out.mp4")
    for size in ((64, 48), (48, 64)):
        output.start(10)
        for number in range(3):
            output.show(picture(200, size), number / 10)
    output.finish()
    video = cv2.VideoCapture(str(tmp_path / "out.mp4"))
    assert video.get(cv2.CAP_PROP_FRAME_COUNT) == 6
    assert video.get(cv2.CAP_PROP_FRAME_WIDTH) == 64


def test_a_long_absence_is_a_cut(tmp_path: Path) -> None:
    output = VideoOutput(tmp_path / "out.mp4")
    output.start(10)
    for timestamp in (0.0, 0.1, 5000.0, 5000.1):
        output.show(picture(100), timestamp)
    output.finish()
    assert len(greys(tmp_path / "out.mp4")) == 4


def test_odd_sides_are_cut_even(tmp_path: Path) -> None:
    output = VideoOutput(tmp_path / "out.mp4")
    output.start(10)
    for number in range(3):
        output.show(picture(100, (63, 47)), number / 10)
    output.finish()
    assert len(greys(tmp_path / "out.mp4")) == 3


def test_nothing_half_written(tmp_path: Path) -> None:
    output = VideoOutput(tmp_path / "out.mp4")
    output.start(10)
    output.show(picture(100), 0)
    output.abandon()
    VideoOutput(tmp_path / "empty.mp4").finish()
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(OutputError, match="cannot be written"):
        VideoOutput(tmp_path / "no" / "out.mp4")


def test_a_full_disk_leaves_an_error_and_no_file(tmp_path: Path) -> None:
    """The limit of a process on the size of its files fails a write as a full disk does."""
    program = """
import resource, sys
from pathlib import Path
import numpy as np
from edgevid import OutputError, open_video
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
video = open_video(Path(sys.argv[1]))
video.start(5)
for number in range(20):
    picture = np.random.default_rng(number).integers(0, 255, (240, 320, 3), np.uint8)
    video.show(picture, number / 5)
try:
    video.finish()
except OutputError as error:
    print(error)
"""
    path = tmp_path / "out.mp4"
    done = subprocess.run(
        [sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=True
    )
    assert done.stdout == f"{path}: did not become whole: is the disk full?\n"
    assert list(tmp_path.iterdir()) == []
