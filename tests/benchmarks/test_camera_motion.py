from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.camera_motion import main
from benchmarks.camera_moves import OPPOSITE, Footage, own_speed, render
from benchmarks.tables.reading import REFERENCE
from edgevid.support.opencv import cv2


@pytest.fixture
def footage() -> Footage:
    noise = np.random.default_rng(0).integers(0, 255, (30, 40, 3), np.uint8)
    picture = cv2.resize(noise, (480, 360), interpolation=cv2.INTER_CUBIC)
    return Footage("noise", [picture] * 4, 5.0, fixed=True)


@pytest.mark.parametrize("move", ["pan left", "tilt up", "zoom in", "roll clockwise"])
def test_a_move_is_as_fast_as_it_says(footage: Footage, move: str) -> None:
    trial = render(footage, move, 0.2, 0.0, seed=1)
    moving = list(trial.pictures[trial.first + 1 : trial.first + 6])
    assert own_speed(moving, 5.0) == pytest.approx(0.2, rel=0.15)
    assert own_speed(list(trial.pictures[: trial.first]), 5.0) < 0.01


def test_full_speed_comes_after_the_easing(footage: Footage) -> None:
    trial = render(footage, "pan left", 0.2, 0.5, seed=1)
    assert own_speed(list(trial.pictures[trial.even :]), 5.0) == pytest.approx(0.2, rel=0.15)
    assert own_speed(list(trial.pictures[trial.even - 2 : trial.even]), 5.0) < 0.16


@pytest.mark.parametrize(
    ("move", "shift"), [("pan left", (1, 0)), ("tilt up", (0, 1)), ("pan right", (-1, 0))]
)
def test_the_scene_slides_the_other_way(
    footage: Footage, move: str, shift: tuple[int, int]
) -> None:
    trial = render(footage, move, 0.2, 0.0, seed=1)
    before, after = (trial.pictures[trial.first + k].astype(int) for k in (2, 3))
    middle = before[64:-64, 64:-64]

    def difference(x: int, y: int) -> float:
        return float(np.abs(after[64 + y :, 64 + x :][:128, :128] - middle).mean())

    pixels = round(0.2 / 5 * 256)
    x, y = (pixels * one for one in shift)
    assert difference(x, y) < 0.5 * difference(-x, -y)
    assert OPPOSITE[OPPOSITE[move]] == move


def test_the_quick_form(shared_clips: Path, tmp_path: Path) -> None:
    out = tmp_path / "camera-motion.json"
    assert main(["--quick", "--json", str(out)]) == 0
    results = json.loads(out.read_text())
    assert_it_keeps_its_promises(results, slack=0.04)


def test_the_long_form_that_is_kept() -> None:
    assert_it_keeps_its_promises(json.loads((REFERENCE / "camera_motion.json").read_text()))


def assert_it_keeps_its_promises(results: dict[str, Any], slack: float = 0.0) -> None:
    moves = results["moves"][0]
    assert moves["top-1"] >= 0.93 - slack
    assert moves["event within 1 s"] >= 0.93 - slack
    fixed = {row["set"]: row["still"] for row in results["fixed_cameras"]}
    assert min(fixed["segments"], fixed["gestures"]) >= 0.95
    for row in results["must_be_the_opposite"]:
        assert row["share"] >= 0.93 - slack, row
    one_frame, shuffled = results["must_not_show_the_move"]
    assert one_frame["share"] == 0
    assert shuffled["share"] <= 0.1 + slack
