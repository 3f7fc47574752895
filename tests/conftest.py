"""What tests share: the real model and clips where they are available, small videos made here.

``EDGEVID_MODELS`` names the folder with the published models; real clips lie beside it. Tests
that need them are skipped, with the reason, where they are absent.
"""

from __future__ import annotations

import csv
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from numpy.typing import NDArray

from benchmarks.parts.tiny_model import LABELS, tiny_model
from benchmarks.picamera import root as picamera
from edgevid.models.load import load_model
from edgevid.runtime.model import Model
from edgevid.runtime.pace import Pace
from edgevid.runtime.preprocess import Preprocess
from edgevid.sources import open_source
from edgevid.support.opencv import (
    cv2,  # before any engine that benchmarks compare loads it less quietly
)

# How long an example takes says more about the machine than about the code.
settings.register_profile("edgevid", deadline=None)
settings.load_profile("edgevid")

PUBLISHED_A0 = "movinet_a0_stream_int8.tflite"


def tiny_flags_in(folder: Path) -> list[str]:
    """Writes a tiny model into a folder; returns the flags by which a command takes it."""
    (folder / "tiny.tflite").write_bytes(tiny_model())
    (folder / "tiny.txt").write_text("\n".join(LABELS))
    return ["--model", str(folder / "tiny.tflite"), "--labels", str(folder / "tiny.txt")]


@dataclass(frozen=True)
class LabelledClip:
    path: Path
    label: str  # its Kinetics-600 class, empty when none is known

    def pictures(self, most: int | None = None) -> list[NDArray[np.uint8]]:
        """What a network of 172 pixels and 5 frames a second sees of it."""
        preprocess, pace = Preprocess(172, 172), Pace(5)
        pictures: list[NDArray[np.uint8]] = []
        with open_source(self.path) as source:
            for frame in source:
                if len(pictures) == most:
                    break
                if pace.due(frame.timestamp):
                    pictures.append(preprocess.fit(frame.image).copy())
        return pictures


@pytest.fixture(scope="session")
def published_path() -> Path:
    """The published MoViNet-A0-Stream int8 file."""
    for folder in os.environ.get("EDGEVID_MODELS", "").split(os.pathsep):
        path = Path(folder) / PUBLISHED_A0
        if folder and path.exists():
            return path
    pytest.skip(f"no {PUBLISHED_A0} in EDGEVID_MODELS")


@pytest.fixture(scope="session")
def published(published_path: Path) -> Model:
    return load_model(published_path)


@pytest.fixture(scope="session")
def real_clips(published_path: Path) -> list[LabelledClip]:
    table = published_path.parent.parent / "clips" / "clips.tsv"
    if not table.exists():
        pytest.skip(f"no real clips in {table.parent}")
    with table.open(newline="") as lines:
        rows = list(csv.DictReader(lines, delimiter="\t"))
    return [LabelledClip(table.parent / row["file"], row["kinetics600_label"]) for row in rows]


@pytest.fixture(scope="session")
def carving_ice(real_clips: list[LabelledClip]) -> Path:
    return next(clip.path for clip in real_clips if "rpi_carving_ice" in clip.path.name)


def moving_pictures(count: int, *, size: tuple[int, int] = (64, 48)) -> list[NDArray[np.uint8]]:
    """RGB pictures of a blob that wanders over a fixed pattern; size is width, height."""
    width, height = size
    rows, columns = np.mgrid[:height, :width]
    pictures = []
    for number in range(count):
        picture = np.stack([rows * 3 % 256, columns * 2 % 256, (rows + columns) % 256], axis=2)
        blob = (rows - height / 2) ** 2 + (columns - (5 * number) % width) ** 2 < 60
        picture[blob] = (230, 40, 40)
        pictures.append(picture.astype(np.uint8))
    return pictures


def write_video(path: Path, pictures: list[NDArray[np.uint8]], *, fps: float = 25.0) -> Path:
    """Writes RGB pictures as a video of the kind that the suffix names."""
    codec = {".mp4": "mp4v", ".avi": "MJPG", ".mkv": "MJPG", ".flv": "FLV1"}[path.suffix]
    height, width = pictures[0].shape[:2]
    writer = cv2.VideoWriter(
        str(path), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*codec), fps, (width, height)
    )
    assert writer.isOpened()
    for picture in pictures:
        writer.write(cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    writer.release()
    return path


@pytest.fixture(autouse=True, scope="session")
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keeps tests away from the user's cache, and from what a service keeps."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder in EDGEVID_MODELS, beside an empty cache."""
    made = tmp_path / "models"
    made.mkdir()
    monkeypatch.setenv("EDGEVID_MODELS", str(made))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    return made


@pytest.fixture
def picamera2_debian() -> Path:
    """A Debian in which the real picamera2 runs, with this repository's code in it."""
    if "EDGEVID_PICAMERA_ROOT" not in os.environ:
        pytest.skip("no Debian with picamera2 is named in EDGEVID_PICAMERA_ROOT")
    if os.geteuid() != 0:
        pytest.skip("only root may chroot into EDGEVID_PICAMERA_ROOT")
    root = Path(os.environ["EDGEVID_PICAMERA_ROOT"])
    picamera.prepare(root)
    return root


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of one megabyte. Skipped where this process may not mount one."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no right to mount a small disk")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)
