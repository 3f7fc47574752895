from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.recovery import OUTAGES, measure
from edgevid import EdgevidError
from tests.apps.parts import tiny


def test_a_network_camera_fails_in_every_way_once(tmp_path: Path) -> None:
    try:
        results = measure(tiny(tmp_path), rounds=1, away=3.0)
    except EdgevidError as error:
        if "no RTSP server" in str(error):
            pytest.skip("no GStreamer RTSP server here: see benchmarks/parts/rtsp_server.py")
        raise
    assert [row["outage"] for row in results["outages"]] == list(OUTAGES)
    for row in results["outages"]:  # how soon is for the benchmark to say, on a quiet machine
        assert row["times"] == 1
        assert row["noticed after, s (most)"] > 0
        assert row["frames again after, s (most)"] > 0
