from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.gate import _matched, _nothing, compare, encoded, noisy
from edgevid import Event, load_model

ROOM = np.full((48, 64, 3), 128, np.uint8)


def test_noise_is_as_strong_as_it_should_be_and_fresh_each_time() -> None:
    one, other = noisy(ROOM, 5.0, 2, _nothing)
    assert one.std() == pytest.approx(5 * np.sqrt(1.1), rel=0.1)
    assert (one != other).mean() > 0.8
    assert not (next(iter(noisy(ROOM, 5.0, 1, _nothing, 1))) == one).all()


def test_pictures_come_back_from_a_file() -> None:
    pictures = list(encoded(noisy(ROOM, 5.0, 7, _nothing)))
    assert len(pictures) == 7
    assert pictures[0].shape == ROOM.shape


def test_events_are_matched_one_to_one() -> None:
    def starts(*times: float, label: str = "a") -> list[Event]:
        return [Event("start", label, time, 1.0) for time in times]

    delays, more = _matched(starts(1, 10), starts(1.2, 10))
    assert delays == pytest.approx([0.2, 0])
    assert more == 0
    assert _matched(starts(1), starts(9)) == ([], 1)
    assert _matched(starts(1), starts(1, label="b")) == ([], 1)
    delays, more = _matched(starts(1, 1.5), starts(1.4))
    assert delays == pytest.approx([0.4])
    assert more == 0


def test_a_still_room_is_mostly_saved_and_nothing_differs_much(tmp_path: Path) -> None:
    model = load_model("camera-motion")
    row = compare(model, lambda seed: noisy(ROOM, 2.0, 200, _nothing, seed), again=True)
    assert row["minutes"] == pytest.approx(200 / 5 / 60)
    assert row["steps"] < 0.5
    assert row["gated: missed"] == 0
    assert row["gated: most"] < 0.2
    assert row["other noise: more"] == 0
