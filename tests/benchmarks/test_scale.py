from __future__ import annotations

from pathlib import Path

from benchmarks.scale import classes, frame_size, many
from edgevid.model import Model


def test_streams_share_a_model(published_path: Path) -> None:
    """More streams cost their own past, less than 1 MB each, and hardly any time a step.

    In the best of three turns: a busy machine may take the core away from any one of them.
    """
    turns = [(many(1, 1, 0.2), many(24, 1, 0.2)) for _ in range(3)]
    assert max(further["MB each further"] for _, further in turns) < 1
    assert max(further["steps/s"] / one["steps/s"] for one, further in turns) > 0.4


def test_larger_pictures_cost_little(published: Model) -> None:
    stream = published.stream()
    small, large = (frame_size(stream, size, 0.1)["step, ms"] for size in ("172x172", "1280x720"))
    assert small < large < 4 * small


def test_many_classes_cost_little() -> None:
    assert 0 < classes(600, 0.02)["five best, ms"] < classes(600_000, 0.02)["five best, ms"]
