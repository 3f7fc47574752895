from __future__ import annotations

from pathlib import Path

from benchmarks.scale import classes, frame_size, many
from edgevid.runtime.model import Model


def test_streams_share_a_model(published_path: Path) -> None:
    """More streams cost their own past, less than 1 MB each."""
    further = many(24, 1, 0.2)
    assert further["streams"] == 24
    assert further["MB each further"] < 1
    assert further["steps/s"] > 0


def test_every_case_is_timed(published: Model) -> None:
    stream = published.stream()
    for size in ("172x172", "1280x720"):
        assert frame_size(stream, size, 0.05)["step, ms"] > 0
    for count in (600, 600_000):
        assert classes(count, 0.02)["five best, ms"] > 0
