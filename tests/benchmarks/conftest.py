from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared_clips(published_path: Path) -> Path:
    """The folder beside which the benchmarks find their clips."""
    root = published_path.parent.parent
    for collection in ("clips", "fights", "gestures", "segments"):
        if not (root / collection / "clips.tsv").exists():
            pytest.skip(f"no {collection} in {root}")
    return root
