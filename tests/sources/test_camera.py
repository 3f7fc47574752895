"""Cameras that are not there or fail. A real one: ``benchmarks/usb_camera.py``."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from edgevid import Frame, Source, SourceError, UsageError, open_source
from edgevid.sources import camera, open_camera
from edgevid.support.opencv import cv2


@pytest.mark.parametrize("device", ["97", 97, "/dev/video97"])
def test_no_such_camera(device: int | str, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SourceError, match=r"/dev/video97(: it)? does not exist; .*camera"):
        open_source(device)
    assert capfd.readouterr() == ("", "")


def test_a_device_that_is_no_camera(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SourceError, match="/dev/null: gives no pictures"):
        open_camera("/dev/null")
    with pytest.raises(SourceError, match="/dev/shm: it is no camera"):
        open_camera("/dev/shm")
    assert capfd.readouterr() == ("", "")


def test_a_name_that_is_no_camera() -> None:
    with pytest.raises(UsageError, match="no camera 'kitchen'"):
        open_camera("kitchen")


class ScriptedCapture:
    """Stands in for cv2.VideoCapture: pictures by a list; None is one that cannot be decoded."""

    def __init__(self, pictures: list[np.ndarray | None], times: list[float]) -> None:
        self._pictures = pictures
        self._times = times
        self._place = -2  # opening takes one picture to see that there are any
        self.is_open = True

    def isOpened(self) -> bool:
        return self.is_open

    def grab(self) -> bool:
        self._place += 1
        return self._place < len(self._pictures)

    def retrieve(self) -> tuple[bool, np.ndarray | None]:
        picture = self._pictures[self._place]
        return picture is not None, picture

    def get(self, what: int) -> float:
        return self._times[self._place] * 1000 if what == cv2.CAP_PROP_POS_MSEC else 30.0

    def release(self) -> None:
        self.is_open = False


PlugIn = Callable[[ScriptedCapture], camera.CameraSource]


@pytest.fixture
def plugged_in(monkeypatch: pytest.MonkeyPatch) -> PlugIn:
    def plug_in(capture: ScriptedCapture) -> camera.CameraSource:
        monkeypatch.setattr(camera, "_check_device", lambda name, path: None)
        monkeypatch.setattr(cv2, "VideoCapture", lambda *arguments: capture)
        return camera.CameraSource(0)

    return plug_in


def frames_before_the_error(source: Source) -> list[Frame]:
    frames: list[Frame] = []
    with pytest.raises(SourceError, match="stopped giving pictures"):
        frames.extend(source)
    return frames


PICTURE = np.zeros((4, 6, 3), np.uint8)


def test_a_camera_that_goes_away_is_an_error_not_an_end(plugged_in: PlugIn) -> None:
    capture = ScriptedCapture([PICTURE, PICTURE], [0, 0])
    with plugged_in(capture) as source, pytest.raises(SourceError, match="after 2 frames"):
        list(source)
    assert not capture.is_open


def test_pictures_that_cannot_be_decoded_are_counted(plugged_in: PlugIn) -> None:
    source = plugged_in(ScriptedCapture([None, PICTURE, None, PICTURE], [0] * 4))
    assert [frame.index for frame in frames_before_the_error(source)] == [0, 1]
    assert source.unreadable == 2


def test_a_camera_that_never_gives_a_whole_picture_is_given_up(plugged_in: PlugIn) -> None:
    source = plugged_in(ScriptedCapture([None] * 10_000, [0] * 10_000))
    with pytest.raises(SourceError, match="cannot be decoded"):
        list(source)


def test_the_drivers_time_counts_unless_it_is_of_another_clock(plugged_in: PlugIn) -> None:
    now = time.monotonic()
    told = [now - 0.3, now - 0.2, now - 0.2, now + 1e6, 0.0]
    source = plugged_in(ScriptedCapture([PICTURE] * 5, told))
    given = [frame.timestamp for frame in frames_before_the_error(source)]
    assert given[:2] == pytest.approx(told[:2])
    assert given[2] == pytest.approx(told[2], abs=1e-3)
    assert all(now <= timestamp <= time.monotonic() for timestamp in given[3:])
    assert all(later > earlier for earlier, later in pairwise(given))


def test_a_pi_is_pointed_to_its_own_connector(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    board = tmp_path / "model"
    board.write_text("Raspberry Pi 5 Model B Rev 1.0\0")
    monkeypatch.setattr(camera, "_BOARD", board)
    with pytest.raises(SourceError, match="--camera picamera"):
        open_camera("/dev/null")
