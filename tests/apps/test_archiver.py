"""``[archive]``: what the cameras show, written by the service."""

from __future__ import annotations

import logging
import time
from pathlib import Path

import numpy as np
import pytest

from apps.raspberry_pi.archiver import Archiver
from apps.raspberry_pi.config import ArchiveConfig
from edgevid import Frame, Model, load_model
from edgevid.prepare import prepare
from tests.prepare.mini_movinet import LABELS, mini_movinet

pytest.importorskip(
    "pyarrow", reason="the extra archive cannot be loaded", exc_type=ImportError
)  # such as the newest with NumPy 1

PICTURE = np.full((16, 16, 3), 90, np.uint8)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    path = tmp_path_factory.mktemp("model") / "mini.tflite"
    path.write_bytes(prepare(mini_movinet(int8=True, se=False), name="mini", labels=LABELS).data)
    return load_model(path)


def play(archiver: Archiver, model: Model, camera: str, steps: int) -> None:
    stream, began = model.stream(), time.monotonic() - steps / 5
    for number in range(steps):
        prediction = stream.step(Frame(PICTURE, began + number / 5, number))
        archiver.take(camera, stream, prediction, [])


def test_what_cameras_show_is_in_the_archive_when_the_service_ends(
    model: Model, tmp_path: Path
) -> None:
    from edgevid.archive import Archive

    archiver = Archiver(ArchiveConfig(tmp_path / "archive"), model, "mini")
    play(archiver, model, "door", 12)
    archiver.end("door")
    play(archiver, model, "yard", 3)
    assert archiver.is_alive()
    archiver.stop(30.0)
    assert not archiver.is_alive()
    archive = Archive(tmp_path / "archive")
    assert [part.camera for part in archive.parts()] == ["door", "yard"]
    assert len(archive.contents()) == 2


def test_a_folder_that_cannot_be_used_is_told_once(
    model: Model, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("no folder")
    with caplog.at_level(logging.INFO, "edgevid.service"):
        archiver = Archiver(ArchiveConfig(tmp_path / "file" / "archive"), model, "mini")
        play(archiver, model, "door", 5)
        archiver.stop(30.0)
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert "file/archive" in caplog.text


def test_a_model_that_was_taught_since_goes_on_with_the_archive(
    model: Model, tmp_path: Path
) -> None:
    from edgevid.archive import Archive
    from edgevid.modelfile.head import Head
    from edgevid.modelfile.manifest import EventRules
    from edgevid.teach import taught
    from tests.prepare.mini_movinet import CHANNELS

    config = ArchiveConfig(tmp_path / "archive")
    archiver = Archiver(config, model, "mini")
    play(archiver, model, "door", 3)
    archiver.stop(30.0)
    prepared = prepare(mini_movinet(int8=True, se=False), name="mini", labels=LABELS).data
    head = Head((1,), np.zeros((1, CHANNELS), np.float32), np.zeros(1, np.float32))
    path = tmp_path / "taught-1.tflite"
    path.write_bytes(taught(prepared, head, name="taught-1", labels=("fall",), events=EventRules()))
    again = load_model(path)
    archiver = Archiver(config, again, "mini")
    play(archiver, again, "door", 3)
    archiver.stop(30.0)
    archive = Archive(tmp_path / "archive")
    assert len(archive.contents()) == 2
    assert archive.description.labels == LABELS
