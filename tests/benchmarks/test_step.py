from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.step import main
from tests.conftest import LabelledClip


def test_a_row_for_each_loop(real_clips: list[LabelledClip], tmp_path: Path) -> None:
    """How much faster one is than the other, the processor decides: see the reference figures."""
    out = tmp_path / "step.json"
    assert main(["--quick", "--json", str(out)]) == 0
    found = json.loads(out.read_text())
    official, edgevid, invoke = found["rows"]
    assert official["minimum ms"] > 0
    assert 0 < invoke["minimum ms"] < edgevid["minimum ms"]  # of which it is a part
    assert 0 < found["everything but invoke"] < 1


@pytest.mark.timing
def test_a_step_takes_less_time_than_the_official_examples(
    real_clips: list[LabelledClip], tmp_path: Path
) -> None:
    out = tmp_path / "step.json"
    assert main(["--quick", "--json", str(out)]) == 0
    official, edgevid, _ = json.loads(out.read_text())["rows"]
    assert edgevid["minimum ms"] < official["minimum ms"]
