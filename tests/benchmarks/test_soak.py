from __future__ import annotations

import json
import mmap
from pathlib import Path

import numpy as np
import pytest

from benchmarks.clips import labelled
from benchmarks.machine import held_by_process
from benchmarks.soak import main, soak
from edgevid.runtime.model import Model, Stream


def test_a_short_soak_holds(shared_clips: Path, tmp_path: Path) -> None:
    out = tmp_path / "soak.json"
    assert main(["--quick", "--json", str(out)]) == 0
    results = json.loads(out.read_text())
    assert results["held"]
    assert results["steps"] == 3000
    assert [hour["top-1"] > 0.7 for hour in results["hours"]] == [True, True]
    assert 0 < results["largest float state"] < 100


def test_it_notices_a_state_that_overflows(
    shared_clips: Path, published: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    step, steps = Stream.step, []

    def overflowing(self: Stream, frame):  # type: ignore[no-untyped-def]
        steps.append(frame.index)
        prediction = step(self, frame)
        if frame.index == 60:
            state = self.save()
            floats = next(a for a in state.arrays if np.issubdtype(a.dtype, np.floating))
            floats.flat[0] = np.inf
            self.restore(state)
        return prediction

    monkeypatch.setattr(Stream, "step", overflowing)
    results = soak(published, labelled(2), 120)
    assert len(steps) == 120
    assert not results["held"]


def test_what_a_process_holds() -> None:
    before = held_by_process()
    # Straight from the system: an array might only get back what another has let go of.
    with Path(__file__).open(), mmap.mmap(-1, 4 << 20) as ballast:
        ballast.write(bytes(4 << 20))
        after = held_by_process()
    assert after.files == before.files + 1
    assert after.rss_mb - before.rss_mb > 2
