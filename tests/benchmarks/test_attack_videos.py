from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks.attack import videos
from benchmarks.attack.damage import Case, make


@pytest.mark.parametrize("seed", range(8))
def test_a_few_damaged_videos(seed: int, tmp_path: Path) -> None:
    outcome, broken = videos.attack(make(tmp_path, seed))
    assert outcome in ("played", "played in part, and said so", "refused")
    assert broken == []


def test_the_same_seed_makes_the_same_file(tmp_path: Path) -> None:
    first, second = tmp_path / "1", tmp_path / "2"
    for folder in (first, second):
        folder.mkdir()
    one, other = make(first, 3), make(second, 3)
    assert (one.what, one.path.name) == (other.what, other.path.name)
    assert one.path.read_bytes() == other.path.read_bytes()


def test_a_promise_that_is_broken_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    case = make(tmp_path, 0)
    monkeypatch.setattr(videos, "_decodable", lambda path: 10_000)
    monkeypatch.setattr(videos, "_LONGEST_S", -1.0)
    monkeypatch.setattr(subprocess, "run", _leaving_a_mess(case))
    _, broken = videos.attack(case)
    found = " ".join(broken)
    for promise in ("exit code -11", "standard error", "left behind", "frames of 10000", "took"):
        assert promise in found


def _leaving_a_mess(case: Case) -> Callable[..., subprocess.CompletedProcess[bytes]]:
    def run(*given: Any, **options: Any) -> subprocess.CompletedProcess[bytes]:
        (case.path.parent / "half.part").touch()
        return subprocess.CompletedProcess(given, -11, b"", b"Traceback")

    return run
