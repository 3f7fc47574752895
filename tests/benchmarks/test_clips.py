from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from benchmarks import events, memory, soak
from benchmarks.clips import Clip, labelled, read, rows, shuffled

BLACK = np.zeros((3, 172, 172, 3), np.uint8)


@pytest.mark.parametrize("main", [events.main, memory.main, soak.main])
def test_without_clips_it_says_what_to_do(
    main: Callable[[list[str]], int],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("EDGEVID_MODELS", "")
    assert main(["--quick"]) == 1
    assert "EDGEVID_MODELS" in capsys.readouterr().err


def test_no_neighbours_have_the_same_label() -> None:
    clips = [Clip(f"{n}", label, BLACK, 0) for n, label in enumerate("aaabbbcd")]
    orders = [shuffled(clips, seed) for seed in range(20)]
    for order in orders:
        assert sorted(order, key=lambda clip: clip.name) == clips
        assert all(one.label != next_.label for one, next_ in itertools.pairwise(order))
    assert len({tuple(clip.name for clip in order) for order in orders}) > 10
    assert shuffled(clips, 3) == orders[3]


def test_clips_are_read_at_five_frames_a_second(shared_clips: Path) -> None:
    clips = labelled(2)
    assert [clip.half for clip in clips] == [0, 1]
    durations = {path.name: float(row["duration_s"]) for path, row in rows("clips")}
    for clip in clips:
        assert clip.label
        assert clip.pictures.shape[1:] == (172, 172, 3)
        assert len(clip.pictures) == pytest.approx(5 * durations[clip.name], abs=1.5)


def test_nobody_is_in_both_halves(shared_clips: Path) -> None:
    files = [one for one in rows("gestures") if one[1]["label"] == "back"][::2]
    halves: dict[str, set[int]] = {}
    for (_, row), clip in zip(files, read(files), strict=True):
        halves.setdefault(row["subject"], set()).add(clip.half)
    assert all(len(half) == 1 for half in halves.values())
    assert {half for one in halves.values() for half in one} == {0, 1}
