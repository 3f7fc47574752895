from __future__ import annotations

from pathlib import Path

from benchmarks.clips import labelled
from benchmarks.service_soak import soak
from edgevid.runtime.model import Model


def test_a_minute_of_the_service_in_seconds(shared_clips: Path, published: Model) -> None:
    """Too short to tell a leak from a warm-up: that everything runs, counts and ends."""
    results = soak(published, labelled(3), 1 / 60, speed=10.0)
    assert results["frames stepped"] >= 600
    assert results["cameras lost"] == 0
    assert results["events"] > 0
    assert results["alerts"] > 0
    assert results["alerts notified"] == results["alerts"]
    assert results["alerts notified twice"] == 0
    assert results["clips left, MB"] > 0
    first, *_, last = results["quarters"]
    assert last["threads"] <= first["threads"]
    assert last["service_mb"] - first["service_mb"] < 20
