"""A short form of the campaign of kills, and that it notices what it is there for."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from benchmarks.attack import killed, kills
from benchmarks.attack.killed import Target


@pytest.mark.parametrize(("what", "count"), [("service", 2), ("stream", 1), ("download", 2)])
def test_a_few_kills_break_no_promise(what: str, count: int) -> None:
    rows, broken, left_out = kills.attack([what], count, 0, 120.0)
    if what in left_out:
        pytest.skip(left_out[what])
    assert broken == []
    assert rows[0]["kills"] >= 1


CARELESS = """
import sys, time
from pathlib import Path
folder = Path(sys.argv[1])
print("ready", flush=True)
with (folder / "out.jsonl").open("w") as file:
    for number in range(200):
        print('{"number": ', end="", file=file, flush=True)
        time.sleep(0.001)
        print(f"{number}}}", file=file, flush=True)
(folder / ".out.0a1b2c3d.part").touch()
"""


def test_files_that_are_half_written_or_left_are_noticed(tmp_path: Path) -> None:
    target = Target(
        "careless",
        ["-c", CARELESS, str(tmp_path)],
        tmp_path,
        {"out.jsonl": killed.lines_of_json, "never.mp4": killed.video},
        ready="ready",
    )
    outcome = killed.attack(target, 5, random.Random(0), time.monotonic() + 60, slow=False)
    text = "\n".join(outcome.broken)
    assert "out.jsonl: no JSON Lines" in text
    assert "never.mp4 is missing after a whole run" in text
    assert f"left behind: {tmp_path}/.out.0a1b2c3d.part" in text


def test_lost_events_and_those_out_of_order_are_noticed(tmp_path: Path) -> None:
    service = pytest.importorskip("benchmarks.attack.killed_service")
    attack = service.Attack(tmp_path, random.Random(0), slow=False)
    attack._compare(["a", "b", "c", "d"], ["a", "d", "b", "b", "x"])
    assert attack.outcome.broken == [
        "lost: event c",
        "1 came twice, more than connections were cut",
        "1 came of which nobody had heard",
        "they came out of order",
    ]
    for name in ("one_20261121T120000Z.mp4", "two_20261121T120000Z.json"):
        (tmp_path / "clips" / name).touch()
    assert [one.split(":")[1] for one in service._wrong_clips(tmp_path / "clips")] == [
        " one file of two",
        " one file of two",
    ]
