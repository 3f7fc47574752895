from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.prepare import main


def test_a_row_for_each_pass(
    published_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "figures.json"
    assert main([str(published_path), "--rounds", "3", "--json", str(out)]) == 0
    stages = json.loads(out.read_text())["stages"]
    assert [row["partitions"] for row in stages][-1] == 1
    assert stages[0]["of_published"] == 1
    printed = capsys.readouterr().out
    assert all(row["stage"].replace("_", " ") in printed for row in stages)
