from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("starlette", reason="the page's libraries are not installed")
pytest.importorskip("uvicorn", reason="the page's libraries are not installed")

from benchmarks import report
from benchmarks.arm.boards import BOARDS
from benchmarks.phone import main


def test_the_reference_keeps_what_is_promised() -> None:
    found = json.loads((Path(report.__file__).parent / "reference/phone.json").read_text())
    parity = found["parity"]
    assert parity["clips_compared"] == 33
    assert parity["same_top1_at_the_end"] >= 32
    assert parity["frames"] > 1000
    assert found["memory"]["steps"] >= 2 * 3600 * 5 * 0.99
    assert found["memory"]["webassembly_mb"][-1] <= found["memory"]["webassembly_mb"][0]
    assert found["vectors"]["ratio_256_bits"] < 3


def test_the_reference_for_arm_keeps_what_is_promised() -> None:
    found = json.loads((Path(report.__file__).parent / "reference/phone_arm.json").read_text())
    assert [row["board"] for row in found["boards"]] == [board.title for board in BOARDS]
    assert all(row["ratio"] <= 3 for row in found["boards"])


def test_without_the_model_it_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EDGEVID_MODELS", "")
    assert main(["--part", "step_ms"]) == 1
    assert "EDGEVID_MODELS" in capsys.readouterr().err.splitlines()[-1]
