from __future__ import annotations

import json
from pathlib import Path

from benchmarks.step import main
from tests.conftest import LabelledClip


def test_a_step_takes_about_half_of_the_official_loops(
    real_clips: list[LabelledClip], tmp_path: Path
) -> None:
    """The minimum of each: what a busy machine adds, it adds to both."""
    out = tmp_path / "step.json"
    assert main(["--quick", "--json", str(out)]) == 0
    found = json.loads(out.read_text())
    official, edgevid, invoke = found["rows"]
    assert invoke["minimum ms"] < edgevid["minimum ms"] < 0.6 * official["minimum ms"]
    assert 0 < found["everything but invoke"] < 0.3
