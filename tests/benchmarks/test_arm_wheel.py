"""The emulated tests of the wheel: what is refused before anything is built."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.arm.wheel import TESTS, main

ROOT = Path(__file__).parents[2]


def test_the_tests_that_are_named_exist() -> None:
    assert all((ROOT / test).exists() for test in TESTS)


def test_no_such_wheel(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "no.whl"), "--root", str(tmp_path / "arm")]) == 2
    assert capsys.readouterr().err.endswith("no.whl: no such wheel\n")


def test_where_edgevid_lies_the_wheel_would_not_be_tested(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.whl").touch()
    monkeypatch.chdir(ROOT)
    assert main([str(tmp_path / "a.whl"), "--root", str(tmp_path / "arm")]) == 2
    assert "in place of the wheel's" in capsys.readouterr().err
    assert not (tmp_path / "arm").exists()
