from __future__ import annotations

import json
from pathlib import Path

from benchmarks.startup import main
from edgevid.models.catalog import CAMERA_MOTION


def test_a_row_for_each_program(tmp_path: Path) -> None:
    out = tmp_path / "startup.json"
    assert main([str(CAMERA_MOTION.path), "--quick", "--json", str(out)]) == 0
    rows = {row["program"]: row for row in json.loads(out.read_text())["rows"]}
    prediction = rows["a first prediction, of a picture"]
    assert prediction["ms of processor time"] > rows["import numpy"]["ms of processor time"]
    assert prediction["MB"] > rows["import edgevid"]["MB"]


def test_a_model_that_cannot_be_loaded(tmp_path: Path) -> None:
    path = tmp_path / "x.tflite"
    path.write_bytes(b"nothing")
    assert main([str(path), "--quick"]) == 1
