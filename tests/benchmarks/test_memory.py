from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from benchmarks.clips import Clip
from benchmarks.memory import Outcome, chosen_by_halves, cut, fade, main, summary


def clip(name: str, value: int, *, frames: int = 15, half: int = 0) -> Clip:
    return Clip(name, name, np.full((frames, 172, 172, 3), value, np.uint8), half)


def test_a_fade_goes_from_one_clip_to_the_next_within_two_seconds() -> None:
    order = [clip("a", 0), clip("b", 220)]
    (_, first), (_, second) = fade(order)
    levels = second[:, 0, 0, 0].astype(int)
    assert (first == 0).all()
    assert list(levels[:10]) == [20, 40, 60, 80, 100, 120, 140, 160, 180, 200]
    assert set(levels[10:]) == {220}
    assert (order[1].pictures == 220).all()
    assert [pictures.shape for _, pictures in cut(order)] == [(15, 172, 172, 3)] * 2


def test_the_figures_of_a_row() -> None:
    one, other = clip("a", 0, frames=150), clip("b", 0, frames=150, half=1)
    found = summary([Outcome(one, 0, 0.4, 2), Outcome(other, 3, math.inf, 4)])
    assert found["top-1"] == 0.5
    assert found["top-5"] == 1
    assert (found["half 1"], found["half 2"]) == (1, 0)
    assert found["false changes/min"] == 6
    assert found["right after, s"] == math.inf


def test_each_half_chooses_and_the_other_shows_what_that_is_worth() -> None:
    rows = [
        {"memory": "1 s", "scenes": "-", "half 1": 0.9, "half 2": 0.7, "right after, s": 1.0},
        {"memory": "4 s", "scenes": "-", "half 1": 0.8, "half 2": 0.8, "right after, s": 1.0},
    ]
    first, second = chosen_by_halves(rows)
    assert (first["memory"], first["top-1 on the other"], first["best there"]) == ("1 s", 0.7, 0.8)
    assert (second["memory"], second["top-1 on the other"]) == ("4 s", 0.8)


def test_the_quick_form(
    shared_clips: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "memory.json"
    assert main(["--quick", "--json", str(out)]) == 0
    results = json.loads(out.read_text())
    for kind in ("cuts", "fades"):
        found = {(row["memory"], row["scenes"]): row for row in results[kind]}
        assert found["4 s", "followed"]["top-1"] > found["as published", "-"]["top-1"]
        assert found["inf", "-"]["right after, s"] is None  # most labels never come
    still = [row for row in results["scene_changes"] if row["footage"].startswith("fixed")]
    assert [row["cuts elsewhere"] + row["drifting frames elsewhere"] for row in still] == [0, 0]
    assert "| as published |" in capsys.readouterr().out
