from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("apprise", reason="Apprise is not installed")

from benchmarks.notification_kills import interrupt


def test_two_kills_lose_nothing(tmp_path: Path) -> None:
    figures = interrupt(2, tmp_path, lives_s=1.0)
    assert figures["alerts that could be heard of"] >= 2
    assert figures["alerts that were notified"] >= figures["alerts that could be heard of"]
    assert figures["alerts lost"] == figures["alerts notified more often"] == 0
    assert figures["texts that differ for an id"] == 0
    assert figures["alerts out of order, the first time"] == 0
