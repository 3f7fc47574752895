"""The folder of clips: whole pairs only, within a budget, one service at a time."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from apps.raspberry_pi import in_use
from apps.raspberry_pi.clips.folder import ClipFolder
from apps.raspberry_pi.clips.writer import Clips
from apps.raspberry_pi.config import ClipsConfig
from edgevid import OutputError, UsageError
from tests.apps.clips.parts import FPS, NOON, event, found, play, seconds_in


def test_the_oldest_go_first_and_nothing_else_is_touched(tmp_path: Path) -> None:
    (tmp_path / "holiday.mp4").write_bytes(bytes(10_000))
    (tmp_path / ".front_20261121T120000Z.0a1b2c3d.part.mp4").write_bytes(bytes(10_000))
    folder = ClipFolder(tmp_path, budget_mb=0.025)
    assert [path.name for path in tmp_path.iterdir()] == ["holiday.mp4"]
    for number in range(4):
        path = folder.place("front", NOON + number)
        path.write_bytes(bytes(9_000))
        path.with_suffix(".json").write_bytes(bytes(1_000))
        for part in (path, path.with_suffix(".json")):
            os.utime(part, (NOON + number, NOON + number))
    folder.make_room()
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        *(f"front_20261121T12000{n}Z.{kind}" for n in (2, 3) for kind in ("json", "mp4")),
        "holiday.mp4",
    ]


def test_a_folder_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot hold clips: Not a directory"):
        ClipFolder(tmp_path / "file" / "clips", 1.0)


KILLED = """
import os, signal, sys
from pathlib import Path
from tests.apps.clips.parts import event, play
from apps.raspberry_pi.clips.writer import Clips
from apps.raspberry_pi.config import ClipsConfig
steps = []
def step():
    steps.append(1)
    if len(steps) == at:
        os.kill(os.getpid(), signal.SIGKILL)
for name in ("rename", "replace", "open"):
    def counted(self, *args, _call=getattr(Path, name), **kwargs):
        step()
        found = _call(self, *args, **kwargs)
        step()
        return found
    setattr(Path, name, counted)
for at in range(1, 100):
    if not (child := os.fork()):
        clips = Clips(ClipsConfig(Path(sys.argv[1], f"{at}"), before=2.0, after=3.0), 5.0)
        play(clips, 0, 5)
        clips.event(event(5))
        clips.end_all()
        os._exit(0)
    if os.waitpid(child, 0)[1] == 0:
        break
"""


def test_a_kill_at_any_step_leaves_pairs_after_the_next_start(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=True)
    outcomes = []
    for folder in sorted(tmp_path.iterdir(), key=lambda path: int(path.name)):
        ClipFolder(folder, 1.0).close()
        names = sorted(path.name for path in folder.iterdir())
        assert names in ([], ["front_20261121T120003Z.json", "front_20261121T120003Z.mp4"])
        if names:
            described = json.loads((folder / names[0]).read_text())
            assert len(seconds_in(folder / names[1])) == described["frames"] == 11
        outcomes.append(len(names))
    assert sorted(outcomes) == outcomes  # from some step on it is there
    assert (outcomes[0], outcomes[-1]) == (0, 2)
    assert outcomes.count(2) > 1  # also after a kill


@pytest.mark.parametrize(
    ("left", "stays"),
    [
        ([".S.whole.mp4"], []),
        ([".S.whole.json"], []),
        ([".S.whole.mp4", ".S.whole.json"], ["S.json", "S.mp4"]),
        (["S.mp4", ".S.whole.json"], ["S.json", "S.mp4"]),
        (["S.json", ".S.whole.mp4"], ["S.json", "S.mp4"]),
        (["S.mp4", "S.json", ".S.whole.json"], ["S.json", "S.mp4"]),
        (["..S.whole.0a1b2c3d.part.mp4", ".S.0a1b2c3d.part.json"], []),
        ([".holiday.whole.mp4", ".x.json"], [".holiday.whole.mp4", ".x.json"]),
    ],
)
def test_what_a_killed_service_left(tmp_path: Path, left: list[str], stays: list[str]) -> None:
    stem = "front_20261121T120000Z"
    for name in left:
        (tmp_path / name.replace("S", stem)).touch()
    ClipFolder(tmp_path, 1.0).close()
    found = sorted(path.name for path in tmp_path.iterdir())
    assert found == [name.replace("S", stem) for name in stays]


def test_a_second_service_touches_nothing(
    config: ClipsConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(in_use, "PATIENCE_S", 0.1)
    clips = Clips(config, FPS)
    play(clips, 0, 5)
    clips.event(event(5))
    assert config.folder
    refusal = rf"clips: in use by another service \(process {os.getpid()}\): .*folder in \[clips\]"
    with pytest.raises(UsageError, match=refusal):
        Clips(config, FPS)
    clips.close()
    assert len(found(config)) == 1
    Clips(config, FPS).close()  # now it is free


def test_a_clock_that_is_set_back_does_not_make_new_clips_the_oldest(
    config: ClipsConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    days = iter([300, 200, 100, 0])  # further into the past with each clip
    monkeypatch.setattr(time, "time_ns", lambda: int((NOON + next(days) * 86400) * 1e9))
    assert config.folder
    names = []
    for day in (300, 200, 100, 0):
        clips = Clips(config, FPS)  # restarted each time
        play(clips, 0, 5)
        clips.event(dataclasses.replace(event(5), at=NOON + day * 86400))
        clips.close()
        names += [clip["video"] for clip in found(config) if clip["video"] not in names]
    size = sum(path.stat().st_size for path in config.folder.iterdir())
    folder = ClipFolder(config.folder, size / 2 / 1e6)
    folder.make_room()
    folder.close()
    assert sorted(clip["video"] for clip in found(config)) == sorted(names[2:])
