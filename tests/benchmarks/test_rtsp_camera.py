from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from benchmarks.parts.rtsp_camera import RtspCamera, framed
from edgevid import EdgevidError, open_source, open_video

SIZE = (96, 64)


def video_of(path: Path, colour: int) -> Path:
    """Writes half a second of a colour: 0 is blue, 2 red."""
    picture = np.zeros((48, 64, 3), np.uint8)
    picture[..., colour] = 200
    video = open_video(path)
    video.start(10)
    for index in range(5):
        video.show(picture, index / 10)
    video.finish()
    return path


def test_videos_are_shown_one_after_the_other_in_one_size(tmp_path: Path) -> None:
    videos = [video_of(tmp_path / "red.mp4", 2), video_of(tmp_path / "blue.mp4", 0)]
    try:
        camera = RtspCamera(videos, SIZE)
    except EdgevidError as error:
        pytest.skip(str(error))
    with camera, open_source(camera.address) as source:
        pictures = [frame.image.astype(int) for frame in islice(source, 25)]
    assert {picture.shape for picture in pictures} == {(64, 96, 3)}
    assert all(picture[:, :8].max() < 60 for picture in pictures), "it is black around them"
    reds = [bool(picture[32, 48, 0] > picture[32, 48, 2]) for picture in pictures]
    changes = [number for number in range(1, 25) if reds[number] != reds[number - 1]]
    assert len(changes) >= 3, "they come again and again"


def test_a_picture_stands_in_the_middle_of_its_frame() -> None:
    picture = np.arange(1, 1 + 4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)
    wider = framed(picture, (8, 2))
    assert wider.shape == (2, 8, 3)
    assert (wider[:, 1:7] == picture[1:3]).all()
    assert not wider[:, [0, 7]].any()
    assert (framed(picture, (6, 4)) == picture).all()
