from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from benchmarks import formats
from tests.prepare.mini_movinet import mini_movinet


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same network twice, as ``benchmarks.exported.garden`` would name it."""
    folder = tmp_path_factory.mktemp("files")
    (folder / "mini_float32.tflite").write_bytes(mini_movinet(int8=False))
    (folder / "mini_int8.tflite").write_bytes(mini_movinet(int8=True))
    return folder


def test_each_file_beside_itself(folder: Path) -> None:
    played = list(np.random.default_rng(0).integers(0, 256, (3, 5, 20, 24, 3), np.uint8))
    exact, rounded = (
        formats.compare(folder / f"mini_{numbers}.tflite", played, steps=1)
        for numbers in ("float32", "int8")
    )
    for row in (exact, rounded):
        assert row["partitions"] == 1 < row["partitions before"]
        assert row["ratio"] > 0
        assert row["clips"] == 3
    assert exact["divergence"] < 1e-6
    assert exact["agree"] == 3
    assert math.isnan(exact["before"])
    assert rounded["divergence"] > 0
    assert 0 < rounded["after"] < math.inf
    assert 0 <= rounded["sums kept"] < rounded["divergence"]
    assert formats._holds(exact)


def test_what_does_not_hold() -> None:
    good = {"file": "a0_int8", "partitions": 1, "divergence": 0.01, "agree": 32, "clips": 33,
            "before": math.nan, "after": math.nan, "sums kept": math.nan}  # fmt: skip
    nearer = good | {"divergence": 0.03, "before": 0.5, "after": 0.2, "sums kept": 0.01}
    assert formats._holds(good)
    assert not formats._holds(good | {"partitions": 2})
    assert not formats._holds(good | {"divergence": 0.03})
    assert not formats._holds(good | {"agree": 31})
    assert not formats._holds(good | {"file": "a0_float32"})
    assert formats._holds(nearer)
    assert not formats._holds(nearer | {"after": 0.6})
    assert not formats._holds(nearer | {"sums kept": 0.03})
