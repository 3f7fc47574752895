from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("apprise", reason="Apprise is not installed")

from apps.raspberry_pi.notifications import sender
from benchmarks.notification_outages import interrupt


def test_a_short_campaign_finds_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender, "_BACK_OFF_S", (0.02, 0.1))
    figures = interrupt(4, tmp_path, period_s=0.02)
    assert figures["outages"] == 4
    assert figures["alerts sent"] == figures["notifications received"] > 4
    assert figures["notifications lost"] == figures["notifications out of order"] == 0
    assert figures["notifications received twice"] == 0
