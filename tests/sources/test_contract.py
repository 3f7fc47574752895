"""The contract over every source that is at hand."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edgevid import open_source
from edgevid.sources import Source
from edgevid.sources.latest import LatestSource
from edgevid.sources.realtime import RealtimeSource
from edgevid.sources.replay import ReplaySource
from edgevid.support.opencv import cv2
from tests.conftest import write_video
from tests.sources import contract
from tests.sources.servers import file_server

COUNT = 12


def video(suffix: str) -> Callable[[Path], Source]:
    def opened(folder: Path) -> Source:
        return open_source(
            write_video(folder / f"red{suffix}", contract.red_pictures(COUNT), fps=10)
        )

    return opened


def gif(folder: Path) -> Source:
    if not cv2.haveImageWriter("red.gif"):
        pytest.skip("this OpenCV writes no GIF")
    animation = cv2.Animation()
    animation.frames = [
        cv2.cvtColor(picture, cv2.COLOR_RGB2BGR) for picture in contract.red_pictures(COUNT)
    ]
    animation.durations = [100] * COUNT
    cv2.imwriteanimation(str(folder / "red.gif"), animation)
    return open_source(folder / "red.gif")


def pictures(folder: Path) -> Source:
    for number, picture in enumerate(contract.red_pictures(COUNT)):
        cv2.imwrite(str(folder / f"{number}.png"), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    return open_source(folder, picture_fps=10)


def replay(folder: Path) -> Source:
    return ReplaySource(contract.red_pictures(COUNT), fps=10)


def realtime(folder: Path) -> Source:
    now = 0.0

    def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds

    return RealtimeSource(video(".mp4")(folder), clock=lambda: now, sleep=sleep)


def newest(folder: Path) -> Source:
    return LatestSource(ReplaySource(contract.red_pictures(COUNT), is_live=True))


FINITE = {
    "mp4": video(".mp4"),
    "avi": video(".avi"),
    "mkv": video(".mkv"),
    "gif": gif,
    "pictures": pictures,
    "replay": replay,
    "realtime": realtime,
    "newest": newest,
}


@pytest.mark.parametrize("kind", FINITE)
def test_a_source_that_ends(kind: str, tmp_path: Path) -> None:
    contract.check(FINITE[kind](tmp_path))


@pytest.mark.parametrize("kind", ["mp4", "avi", "mkv", "gif", "pictures", "replay", "realtime"])
def test_no_frame_of_a_file_is_lost(kind: str, tmp_path: Path) -> None:
    with FINITE[kind](tmp_path) as source:
        timestamps = [frame.timestamp for frame in source]
    assert source.unreadable == 0
    assert source.fps == pytest.approx(10)
    assert timestamps == pytest.approx([number / 10 for number in range(COUNT)])


@pytest.mark.parametrize("kind", FINITE)
def test_a_source_can_be_closed_unread(kind: str, tmp_path: Path) -> None:
    source = FINITE[kind](tmp_path)
    source.close()
    source.close()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[str]:
    write_video(tmp_path / "red.mp4", contract.red_pictures(COUNT), fps=10)
    with file_server(tmp_path) as address:
        yield f"{address}/red.mp4"


def test_a_file_behind_an_http_address(served: str) -> None:
    source = open_source(served)
    assert not source.is_live
    contract.check(source)


def test_a_real_camera() -> None:
    camera = os.environ.get("EDGEVID_CAMERA")
    if camera is None:
        pytest.skip("no camera is named in EDGEVID_CAMERA (such as 0)")
    contract.check(open_source(camera), take=COUNT, colour=None)
