from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.arm import clip_guest
from benchmarks.arm.boards import BOARDS
from benchmarks.arm.clips import CODECS, row
from tests.conftest import moving_pictures


@pytest.mark.parametrize("codec", CODECS)
def test_the_clip_that_is_counted_becomes_whole(codec: str, tmp_path: Path) -> None:
    np.save(tmp_path / "shown.npy", np.stack(moving_pictures(11, size=(64, 48))))
    folder = tmp_path / "clips"
    folder.mkdir()
    words = [clip_guest.__file__, codec, str(tmp_path / "shown.npy"), str(folder)]
    root = Path(__file__).parents[2]
    found = {**os.environ, "PYTHONPATH": str(root)}  # a script's own folder is not the root
    subprocess.run([sys.executable, *words], check=True, env=found)
    assert len(list(folder.glob("*.mp4"))) == 2  # one so that all is loaded, one that is counted


def test_what_a_clip_costs_is_beyond_what_is_always_done() -> None:
    spans = [10_000_000] * 5 + [50_000_000] + [14_000_000] * 5 + [16_000_000]
    found = row((640, 480), BOARDS[0], "libx264", spans)
    assert found["M a second, always"] == 50
    assert found["M a second, as video instead"] == 20
    assert found["M when a clip begins"] == 50
    assert found["M a picture after that"] == 4
    assert found["M a second of clip"] == pytest.approx((50 + 5 * 4 + 6) / 2.0)
