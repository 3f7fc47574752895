from __future__ import annotations

import random
from pathlib import Path

import pytest

pytest.importorskip("uvicorn", reason="the page's libraries are not installed")

from benchmarks.review_kills import Campaign
from edgevid.runtime.model import Model


@pytest.mark.slow
def test_three_kills_lose_nothing(published: Model, real_clips: object, tmp_path: Path) -> None:
    """One in each phase."""
    found = Campaign(tmp_path, random.Random(1)).run(3)
    assert (found["lost"], found["half"], found["unfinished files in the end"]) == (0, 0, 0)
    assert found["models taught"] >= 2
