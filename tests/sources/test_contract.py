"""The contract over every source."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgevid import Frame, open_source
from edgevid.sources import Source
from edgevid.sources.latest import LatestSource
from edgevid.sources.realtime import RealtimeSource
from edgevid.sources.replay import ReplaySource
from edgevid.support.opencv import cv2
from edgevid.testing import SourceContract, check_source
from tests.conftest import write_video
from tests.sources.making import RED, red_pictures
from tests.sources.servers import file_server

COUNT = 12


def video(suffix: str) -> Callable[[Path], Source]:
    def opened(folder: Path) -> Source:
        return open_source(write_video(folder / f"red{suffix}", red_pictures(COUNT), fps=10))

    return opened


def gif(folder: Path) -> Source:
    if not cv2.haveImageWriter("red.gif"):
        pytest.skip("this OpenCV writes no GIF")
    animation = cv2.Animation()
    animation.frames = [cv2.cvtColor(picture, cv2.COLOR_RGB2BGR) for picture in red_pictures(COUNT)]
    animation.durations = [100] * COUNT
    cv2.imwriteanimation(str(folder / "red.gif"), animation)
    return open_source(folder / "red.gif")


def pictures(folder: Path) -> Source:
    for number, picture in enumerate(red_pictures(COUNT)):
        cv2.imwrite(str(folder / f"{number}.png"), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    return open_source(folder, picture_fps=10)


def replay(folder: Path) -> Source:
    return ReplaySource(red_pictures(COUNT), fps=10)


def realtime(folder: Path) -> Source:
    now = 0.0

    def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds

    return RealtimeSource(video(".mp4")(folder), clock=lambda: now, sleep=sleep)


def latest(folder: Path) -> Source:
    return LatestSource(ReplaySource(red_pictures(COUNT), is_live=True))


FILES = {
    "mp4": video(".mp4"),
    "avi": video(".avi"),
    "mkv": video(".mkv"),
    "gif": gif,
    "pictures": pictures,
    "replay": replay,
    "realtime": realtime,
}
FINITE = {**FILES, "latest": latest}


class TestSourcesThatEnd(SourceContract):
    colour = RED

    @pytest.fixture(autouse=True, params=FINITE)
    def _kind(self, request: pytest.FixtureRequest, tmp_path: Path) -> None:
        self.kind, self.folder = request.param, tmp_path

    def open_source(self) -> Source:
        return FINITE[self.kind](self.folder)


class TestAFileBehindAnAddress(SourceContract):
    colour = RED

    @pytest.fixture(autouse=True)
    def _served(self, tmp_path: Path) -> Iterator[None]:
        write_video(tmp_path / "red.mp4", red_pictures(COUNT), fps=10)
        with file_server(tmp_path) as address:
            self.address = f"{address}/red.mp4"
            yield

    def open_source(self) -> Source:
        source = open_source(self.address)
        assert not source.is_live
        return source


@pytest.mark.skipif(
    "EDGEVID_CAMERA" not in os.environ, reason="no camera is named in EDGEVID_CAMERA (such as 0)"
)
class TestARealCamera(SourceContract):
    take = COUNT

    def open_source(self) -> Source:
        return open_source(os.environ["EDGEVID_CAMERA"])


@pytest.mark.parametrize("kind", FILES)
def test_no_frame_of_a_file_is_lost(kind: str, tmp_path: Path) -> None:
    with FILES[kind](tmp_path) as source:
        timestamps = [frame.timestamp for frame in source]
    assert source.unreadable == 0
    assert source.fps == pytest.approx(10)
    assert timestamps == pytest.approx([number / 10 for number in range(COUNT)])


# The contract itself: it must be able to fail.


class Broken(ReplaySource):
    """Three red frames, with a fault."""

    def __init__(self, **faults: Any) -> None:
        super().__init__(red_pictures(3))
        self.shift = faults.pop("shift", 0)
        self.times = faults.pop("times", (0.0, 0.2, 0.4))
        self.image = faults.pop("image", None)
        vars(self).update(faults)

    def __iter__(self) -> Iterator[Frame]:
        for index, frame in enumerate(super().__iter__()):
            image = frame.image if self.image is None else self.image
            yield Frame(image, self.times[index], index + self.shift)


@pytest.mark.parametrize(
    ("faults", "message"),
    [
        ({"name": ""}, "has a name"),
        ({"fps": 0.0}, "fps is 0"),
        ({"length": 2}, "more frames than length"),
        ({"unreadable": 1}, "nothing has been read"),
        ({"shift": 1}, "count from 0"),
        ({"times": (0.0, 0.2, 0.2)}, "do not increase"),
        ({"times": (-1.0, 0.2, 0.4)}, "begins at -1"),
        ({"image": red_pictures(1)[0][..., ::-1].copy()}, "instead of"),
        ({"image": np.zeros((9, 9, 6), np.uint8)[..., :3]}, "not contiguous"),
        ({"_images": []}, "gave no frame"),
    ],
)
def test_a_source_that_breaks_the_contract(faults: dict[str, Any], message: str) -> None:
    check_source(Broken(), colour=RED)
    with pytest.raises(AssertionError, match=message):
        check_source(Broken(**faults), colour=RED)


def test_a_source_that_ends_too_soon() -> None:
    with pytest.raises(AssertionError, match="ended after 3 of 4 frames"):
        check_source(Broken(), take=4)
