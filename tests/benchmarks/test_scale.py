from __future__ import annotations

from pathlib import Path

from benchmarks.scale import classes, frame_size, many
from edgevid.model import Model


def test_streams_share_a_model(published_path: Path) -> None:
    """More streams cost their own past, less than 1 MB each, and hardly any time a step."""
    one, many_ = many(1, 1, 0.3), many(24, 1, 0.3)
    assert many_["MB each further"] < 1
    assert many_["steps/s"] > 0.4 * one["steps/s"]


def test_larger_pictures_cost_little(published: Model) -> None:
    stream = published.stream()
    small, large = (frame_size(stream, size, 0.1)["step, ms"] for size in ("172x172", "1280x720"))
    assert small < large < 4 * small


def test_many_classes_cost_little() -> None:
    assert 0 < classes(600, 0.02)["five best, ms"] < classes(600_000, 0.02)["five best, ms"]
