"""A folder of pictures as one clip, and folders as lists of clips."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgevid import SourceError, clips, open_source
from edgevid.support.opencv import cv2
from tests.conftest import moving_pictures, write_video


def write_grey(path: Path, value: int) -> None:
    cv2.imwrite(str(path), np.full((20, 30, 3), value, np.uint8))


def test_pictures_come_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for number in (10, 9, 1, 100):
        write_grey(tmp_path / f"frame{number}.png", number)
    with open_source(tmp_path) as source:
        values = [int(frame.image.mean()) for frame in source]
    assert values == [1, 9, 10, 100]
    assert source.length == 4


def test_a_broken_picture_is_passed_over_counted_and_keeps_its_place(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for number in range(4):
        write_grey(tmp_path / f"{number}.png", number)
    (tmp_path / "2.png").write_bytes((tmp_path / "2.png").read_bytes()[:30])
    with open_source(tmp_path, picture_fps=10) as source:
        frames = list(source)
    assert source.unreadable == 1
    assert [frame.index for frame in frames] == [0, 1, 2]
    assert [frame.timestamp for frame in frames] == pytest.approx([0.0, 0.1, 0.3])
    assert capfd.readouterr() == ("", "")


def test_nothing_but_broken_pictures(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for number in range(3):
        (tmp_path / f"{number}.jpg").write_text("no picture")
    source = open_source(tmp_path)
    with pytest.raises(SourceError, match="none of its 3 pictures can be read"):
        list(source)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "picture",
    [
        np.full((20, 30), 100, np.uint8),
        np.full((20, 30), 100 * 257, np.uint16),
        np.full((20, 30, 3), 100 * 257, np.uint16),
        np.full((20, 30, 4), (100, 100, 100, 255), np.uint8),
        np.full((20, 30, 4), (100, 100, 100, 0), np.uint8),
    ],
    ids=["grey", "grey 16 bits", "colour 16 bits", "opaque", "transparent"],
)
def test_every_kind_of_picture_becomes_rgb(picture: np.ndarray, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "1.png"), picture)
    with open_source(tmp_path) as source:
        (frame,) = source
    assert frame.image.dtype == np.uint8
    assert frame.image.shape == (20, 30, 3)
    assert (frame.image == 100).all()


def test_a_folder_with_nothing_in_it(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no picture")
    with pytest.raises(SourceError, match="neither videos nor pictures"):
        clips(tmp_path)
    with pytest.raises(SourceError, match="holds no pictures"):
        open_source(tmp_path)


def test_a_folder_of_videos_is_its_videos_in_order(tmp_path: Path) -> None:
    for name in ("clip10.mp4", "clip9.avi"):
        write_video(tmp_path / name, moving_pictures(2))
    assert [Path(clip).name for clip in clips(tmp_path)] == ["clip9.avi", "clip10.mp4"]
    with pytest.raises(SourceError, match="open each"):
        open_source(tmp_path)


def test_photographs_beside_videos_are_passed_over(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    video = write_video(tmp_path / "clip.mp4", moving_pictures(2))
    write_grey(tmp_path / "1.png", 1)
    assert clips(tmp_path) == [str(video)]
    assert "1 pictures beside the videos are passed over" in caplog.text


def test_what_is_no_folder_stands_for_itself(tmp_path: Path) -> None:
    assert clips("rtsp://cam/live") == ["rtsp://cam/live"]
    assert clips(tmp_path / "none.mp4") == [str(tmp_path / "none.mp4")]
