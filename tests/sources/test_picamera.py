"""The Raspberry Pi's camera: picamera2's behaviour imitated, and the real one where it is.

``make picamera-root`` builds a Debian in which the real picamera2 runs on libcamera's
virtual camera; EDGEVID_PICAMERA_ROOT=FOLDER has it tested.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from benchmarks.picamera import root as picamera_root
from edgevid import Frame, MissingDependencyError, SourceError, open_source
from edgevid.sources.picamera import PicameraSource
from edgevid.testing import check_source
from tests.sources import fake_picamera2
from tests.sources.fake_picamera2 import HEIGHT, WIDTH, Picamera2
from tests.sources.making import RED

FORMATS = (
    *("BGR888", "RGB888", "XBGR8888", "XRGB8888", "MJPEG"),
    *("YUV420", "YVU420", "NV12", "NV21", "YUYV", "UYVY"),
)


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> type[Picamera2]:
    monkeypatch.setitem(sys.modules, "picamera2", fake_picamera2)
    monkeypatch.setattr(Picamera2, "in_use", False)
    monkeypatch.setattr(Picamera2, "colour", RED)
    monkeypatch.setattr(Picamera2, "sensor_times", range(10**12, 2 * 10**12, 33 * 10**6))
    return Picamera2


@pytest.mark.parametrize("form", FORMATS)
def test_the_contract_in_every_format_that_a_camera_may_settle_on(
    form: str, fake: type[Picamera2], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fake, "format", form)
    source = open_source("picamera")
    assert source.is_live
    check_source(source, take=20, colour=RED)
    assert not fake.in_use


def test_the_padding_of_rows_is_taken_off(
    fake: type[Picamera2], monkeypatch: pytest.MonkeyPatch
) -> None:
    for form in FORMATS:
        monkeypatch.setattr(fake, "format", form)
        with open_source("picamera") as source:
            image = next(iter(source)).image
        assert image.shape == (HEIGHT, WIDTH, 3)
        assert np.abs(image[:, -2:].mean(axis=(0, 1)) - RED).max() < 16, form


def test_an_unknown_format_is_an_error_and_lets_go(
    fake: type[Picamera2], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fake, "format", "SRGGB10_CSI2P")
    with pytest.raises(SourceError, match="it gives SRGGB10_CSI2P, which edgevid cannot read"):
        open_source("picamera")
    assert not fake.in_use


def test_timestamps_are_the_sensors_and_no_exposure_comes_twice(
    fake: type[Picamera2], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fake, "sensor_times", (10**9, 10**9, 2 * 10**9, None, None))
    frames: list[Frame] = []
    with open_source("picamera") as source, pytest.raises(SourceError):
        frames.extend(source)
    # extend() keeps what came before the error
    assert [frame.timestamp for frame in frames[:2]] == [1.0, 2.0]
    assert [frame.index for frame in frames] == [0, 1, 2, 3]
    assert frames[2].timestamp == pytest.approx(time.monotonic(), abs=60)


def test_a_camera_that_hangs_is_an_error_and_can_be_closed(
    fake: type[Picamera2], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fake, "sensor_times", (1, 2, 3))
    with (
        open_source("picamera") as source,
        pytest.raises(SourceError, match="after 3 frames: is its cable loose"),
    ):
        list(source)
    assert not fake.in_use


def test_no_such_camera(fake: type[Picamera2]) -> None:
    with pytest.raises(SourceError, match=r"^picamera7: no such camera: 1 connected"):
        open_source("picamera7")


def test_a_camera_in_use(fake: type[Picamera2]) -> None:
    with open_source("picamera"), pytest.raises(SourceError, match="another program"):
        open_source("picamera")


def test_without_picamera2_the_message_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "picamera2", None)
    with pytest.raises(MissingDependencyError, match="apt install python3-picamera2"):
        PicameraSource()


# The real picamera2.


def inside(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        picamera_root.command(root, *arguments),
        env=picamera_root.ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_real_picamera2(picamera2_debian: Path) -> None:
    picamera_root.show(picamera2_debian, [np.full((480, 640, 3), RED, np.uint8)])
    done = inside(picamera2_debian, "benchmarks.picamera.check", *map(str, RED))
    assert done.stderr == ""
    kept, in_use, hangs = done.stdout.splitlines()
    assert kept == "contract kept"
    assert in_use == "picamera: cannot be opened: is another program using it?"
    assert hangs.startswith("picamera: stopped giving pictures after")


def test_the_real_picamera2_from_the_command_to_the_labels(
    picamera2_debian: Path, published_path: Path, carving_ice: Path
) -> None:
    shutil.copy(published_path, picamera2_debian / "edgevid" / "model.tflite")
    with open_source(carving_ice) as source:
        picamera_root.show(picamera2_debian, [frame.image for frame in source])
    done = inside(
        picamera2_debian,
        *("edgevid.stream", "--camera", "picamera", "--model", "/edgevid/model.tflite"),
        *("--fit", "stretch", "--duration", "4", "--headless", "--output", "-"),
    )
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    predictions = [line for line in lines if line["type"] == "prediction"]
    summary = lines[-1]
    assert summary["predictions"] + summary["skipped_ticks"] == pytest.approx(20, abs=2)
    assert summary["predictions"] >= 5  # however busy this machine is
    assert predictions[-1]["scores"][0]["label"] == "carving ice"
    assert predictions[-1]["scores"][0]["probability"] > 0.8
