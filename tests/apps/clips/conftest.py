"""Where clips are kept in tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from apps.raspberry_pi.config import ClipsConfig


@pytest.fixture
def config(tmp_path: Path) -> ClipsConfig:
    return ClipsConfig(tmp_path / "clips", before=2.0, after=3.0)
