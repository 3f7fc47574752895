from __future__ import annotations

import json
from pathlib import Path

from benchmarks.files import main
from edgevid.prepare import prepare


def test_a_row_for_each_file(published_path: Path, tmp_path: Path) -> None:
    prepared, out = tmp_path / "prepared.tflite", tmp_path / "figures.json"
    prepared.write_bytes(prepare(published_path.read_bytes(), name="a0").data)
    assert main([str(published_path), str(prepared), "--steps", "50", "--json", str(out)]) == 0
    before, after = json.loads(out.read_text())["rows"]
    assert after["partitions"] == 1 < before["partitions"]
    assert before["ratio"] == 1
    assert after["ratio"] == after["minimum ms"] / before["minimum ms"]


def test_a_file_that_is_no_model(tmp_path: Path) -> None:
    path = tmp_path / "x.tflite"
    path.write_bytes(b"nothing")
    assert main([str(path)]) == 1
