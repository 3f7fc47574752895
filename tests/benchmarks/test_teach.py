from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from benchmarks import report
from benchmarks.teach import _draw, _drawn, _few_falls, falls, fights, main, on_pi5_of
from edgevid.teach.data import Span
from tests.teach.making import example
from tests.teach.making import falls as people_who_fall


def test_people_are_left_out_in_turn() -> None:
    found = falls(people_who_fall(people=3, each=3))
    assert (found["shown"], found["announced"], found["missed"]) == (9, 9, [])
    assert found["false_events"] == 0
    assert 0 < found["median_delay_s"] <= found["longest_delay_s"] < 2
    assert found["other_s"] == pytest.approx(3 * (3 * 7 + 20), abs=1)


def test_falls_are_found_after_whole_clips_too() -> None:
    """The times are known of what is measured only."""
    found = falls(people_who_fall(people=3, each=3), whole=True)
    assert found["shown"] == 9
    assert found["announced"] >= 7
    assert found["missed"] == [] or found["announced"] < 9


def test_clips_are_judged_by_heads_that_never_saw_them() -> None:
    clips = [
        example(
            f"c{n}",
            [Span("fight")] * (n % 2),
            is_clip=True,
            seconds=3,
            group=str(n % 4 // 2),
            kinds=("fight",),
        )
        for n in range(24)
    ]
    found = fights(clips)
    assert found["clips"] == 24
    assert found["accuracy"] > 0.8
    assert found["auroc"] > 0.9


def test_so_many_of_each_class_are_drawn() -> None:
    some = people_who_fall(people=4, each=3)
    for k in (1, 2, 10):
        drawn = _drawn(some, k, random.Random(0))
        shown = sum(bool(one.recording.spans) for one in drawn)
        assert (shown, len(drawn) - shown) == (min(k, 12), min(k, 4))
    one, other = (_drawn(some, 2, random.Random(seed)) for seed in (1, 2))
    assert [e.recording.source for e in one] != [e.recording.source for e in other]


def test_a_single_fall_teaches_something() -> None:
    assert _few_falls(people_who_fall(people=2, each=2), 1, random.Random(0)) > 0.6


def test_the_reference_keeps_what_is_promised() -> None:
    found = json.loads((Path(report.__file__).parent / "reference/teach.json").read_text())
    assert found["falls"]["announced"] >= 13
    assert found["falls"]["false_events"] <= 1
    assert found["falls"]["median_delay_s"] <= 1.5
    assert found["whole clips"]["announced"] >= 13
    assert found["whole clips"]["false_events"] <= 1
    assert found["fights"]["accuracy"] >= 0.84
    assert found["fights"]["auroc"] >= 0.90
    assert found["cost"]["video_s"] >= 600
    assert found["cost"]["cpu_s"] < 60
    assert found["cost"]["peak_mb"] < 300
    assert found["pi5"]["video_s"] >= 600
    assert found["pi5"] == on_pi5_of(
        **{name: found["pi5"][name] for name in ("video_s", "fitting", "looking_a_second")}
    )


def test_curves_are_drawn(tmp_path: Path) -> None:
    rows = [
        {"clips a class": k, "mean": 0.5 + k / 100, "least": 0.4, "most": 0.9} for k in (1, 2, 5)
    ]
    _draw({"falls": rows, "fights": rows}, tmp_path / "teach.png")
    assert (tmp_path / "teach.png").read_bytes().startswith(b"\x89PNG")


def test_without_clips_it_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EDGEVID_MODELS", "")
    assert main(["--only", "falls"]) == 1
    said = capsys.readouterr().err
    assert "EDGEVID_MODELS" in said
