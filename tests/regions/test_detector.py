from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from benchmarks.parts.tiny_model import tiny_model
from edgevid.errors import ModelError
from edgevid.regions.boxes import iou
from edgevid.regions.detector import PersonDetector, load_detector
from edgevid.sources import open_source
from tests.conftest import LabelledClip


@pytest.fixture(scope="module")
def detector_path(published_path: Path) -> Path:
    path = published_path.parent / "ssd_mobilenet_v1_coco_uint8.tflite"
    if not path.exists():
        pytest.skip(f"no {path.name} beside the published model")
    return path


@pytest.fixture(scope="module")
def detector(detector_path: Path) -> PersonDetector:
    return load_detector(detector_path)


def test_it_finds_the_people_that_are_annotated(
    detector: PersonDetector, real_clips: list[LabelledClip]
) -> None:
    clip = next(c.path for c in real_clips if "Fencing" in c.path.name)
    with (clip.parent / "boxes.tsv").open(newline="") as lines:
        rows = [row for row in csv.DictReader(lines, delimiter="\t") if row["file"] == clip.name]
    known = [row for row in rows if row["frame"] == rows[0]["frame"]]
    with open_source(clip) as source:
        frame = next(f for f in source if f.index == int(rows[0]["frame"]))
    height, width = frame.image.shape[:2]
    found = detector.find(frame.image)
    for row in known:
        x, y, w, h = (float(row[side]) for side in ("x", "y", "width", "height"))
        box = (x * width / 320, y * height / 240, w * width / 320, h * height / 240)
        assert max(iou(box, one) for one in found) > 0.5


def test_nobody_is_found_where_nobody_is(detector: PersonDetector) -> None:
    assert detector.find(np.full((360, 640, 3), 120, np.uint8)) == []


def test_what_is_no_detector_is_refused(tmp_path: Path, published_path: Path) -> None:
    for data, reason in (
        (tiny_model(), "no detector"),
        (published_path.read_bytes(), "no detector"),
        (b"", "empty"),
        (b"x" * 100, "not a .tflite"),
    ):
        path = tmp_path / "some.tflite"
        path.write_bytes(data)
        with pytest.raises(ModelError, match=reason):
            load_detector(path)


def test_a_file_that_was_cut_is_refused(tmp_path: Path, detector_path: Path) -> None:
    path = tmp_path / "cut.tflite"
    path.write_bytes(detector_path.read_bytes()[:100_000])
    with pytest.raises(ModelError, match=r"truncated or damaged|refers to"):
        load_detector(path)
