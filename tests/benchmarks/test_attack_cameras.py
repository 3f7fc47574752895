"""A few hostile cameras of each kind, in the short form of the campaign."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.attack import cameras
from benchmarks.attack.hostile_cameras import Hostile, all_cameras
from benchmarks.parts.steady import steady_video
from edgevid import Model, load_model

SHORT = (
    "hangs up at once",
    "pictures of 7680x4320",
    "another size with each picture",
    "RTSP: an endless description",
)


@pytest.fixture(scope="module")
def model() -> Model:
    return load_model("camera-motion")


@pytest.fixture(scope="module")
def steady(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return steady_video(tmp_path_factory.mktemp("cameras") / "steady.mp4")


@pytest.mark.parametrize("name", SHORT)
def test_a_hostile_camera_is_noticed_and_harms_nobody(
    name: str, model: Model, steady: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cameras, "_LONGEST_GAP_S", 30.0)  # this machine may be as busy as it likes
    monkeypatch.setattr(cameras, "NOTICED_S", 60.0)
    monkeypatch.setattr(cameras, "_WATCHED_S", 1.0)
    camera = {camera.name: camera for camera in all_cameras()}[name]
    assert cameras.attack(camera, model, steady).broken == []


def test_a_promise_that_is_broken_is_seen(
    model: Model, steady: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that gives pictures breaks the promise to notice one that gives none."""
    camera = {camera.name: camera for camera in all_cameras()}["another size with each picture"]
    monkeypatch.setattr(cameras, "NOTICED_S", 3.0)
    silent = Hostile(camera.name, camera.answer)
    (broken,) = [one for one in cameras.attack(silent, model, steady).broken if "noticed" in one]
    assert broken.startswith("never noticed: ")


def test_there_are_many_kinds() -> None:
    names = [camera.name for camera in all_cameras()]
    assert len(names) == len(set(names)) >= 39
