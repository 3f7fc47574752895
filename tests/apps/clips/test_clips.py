"""Clips around events: the right seconds, whole or not at all, within a budget."""

from __future__ import annotations

import dataclasses
import errno
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from apps.raspberry_pi import in_use
from apps.raspberry_pi.bus import CameraEvent, EventBus
from apps.raspberry_pi.clips import recorder as recorder_module
from apps.raspberry_pi.clips.folder import ClipFolder
from apps.raspberry_pi.clips.recorder import Recorder
from apps.raspberry_pi.clips.writer import Clips
from apps.raspberry_pi.config import ClipsConfig
from edgevid import Event, Frame, OutputError, UsageError, open_source
from edgevid.sinks.mp4 import Mp4Writer
from tests.apps.parts import until

FPS = 5.0
NOON = 1_795_262_400.0  # 2026-11-21 12:00:00 UTC, when the frames' clock shows 0


def frame(second: float) -> Frame:
    """A picture whose brightness tells its second."""
    return Frame(np.full((48, 64, 3), round(second * 10) % 256, np.uint8), second, 0)


def event(second: float, state: str = "start", camera: str = "front") -> CameraEvent:
    found = Event(state, "waving", second, 0.75)  # type: ignore[arg-type]
    return CameraEvent(camera, found, NOON + second)


def play(clips: Clips, first: float, last: float, *, camera: str = "front") -> None:
    for tick in range(round(first * FPS), round(last * FPS) + 1):
        clips.frame(camera, frame(tick / FPS))


@pytest.fixture
def config(tmp_path: Path) -> ClipsConfig:
    return ClipsConfig(tmp_path / "clips", before=2.0, after=3.0)


def folder_of(config: ClipsConfig) -> Path:
    assert config.folder
    return config.folder


def found(config: ClipsConfig) -> list[dict[str, Any]]:
    return [json.loads(path.read_text()) for path in sorted(folder_of(config).glob("*.json"))]


def seconds_in(path: Path) -> list[float]:
    with open_source(path) as video:
        return [frame.image.mean() / 10 for frame in video]


def test_the_seconds_before_and_after(config: ClipsConfig) -> None:
    clips = Clips(config, FPS)
    play(clips, 0, 10)
    clips.event(event(10))
    play(clips, 10.2, 11)
    clips.event(event(11, "end"))
    play(clips, 11.2, 20)
    (described,) = found(config)
    assert described == {
        "camera": "front",
        "video": "front_20261121T120008Z.mp4",
        "began": "2026-11-21T12:00:08.000+00:00",
        "seconds": 5.0,
        "frames": 26,
        "events": [
            {"state": "start", "label": "waving", "probability": 0.75, "second": 2.0},
            {"state": "end", "label": "waving", "probability": 0.75, "second": 3.0},
        ],
    }
    shown = seconds_in(config.folder / described["video"])
    assert shown == pytest.approx(list(np.arange(8, 13.1, 0.2)), abs=0.5)
    assert len(list(folder_of(config).iterdir())) == 2


def test_an_action_that_starts_meanwhile_prolongs_the_clip(config: ClipsConfig) -> None:
    clips = Clips(config, FPS)
    play(clips, 0, 5)
    clips.event(event(5))
    play(clips, 5.2, 7)
    clips.event(event(7))
    play(clips, 7.2, 12)
    (described,) = found(config)
    assert described["seconds"] == 7.0
    assert len(described["events"]) == 2


def test_a_clip_does_not_grow_for_ever(config: ClipsConfig) -> None:
    clips = Clips(config, FPS)
    play(clips, 0, 5)
    for second in range(5, 70):
        clips.event(event(second))
        play(clips, second + 0.2, second + 1)
    assert found(config)[0]["seconds"] == 60.0


def test_cameras_have_clips_of_their_own(config: ClipsConfig) -> None:
    clips = Clips(config, FPS)
    play(clips, 0, 5)
    play(clips, 0, 5, camera="back")
    clips.event(event(5))
    clips.event(event(5, camera="back"))
    clips.event(event(5, "end", camera="side"))  # never seen: nothing to keep
    clips.end_all()
    assert [clip["camera"] for clip in found(config)] == ["back", "front"]
    assert [clip["seconds"] for clip in found(config)] == [2.0, 2.0]


def test_a_camera_that_is_lost_ends_its_clip(config: ClipsConfig) -> None:
    clips = Clips(config, FPS)
    play(clips, 0, 5)
    clips.event(event(5))
    clips.end_silent(6)
    assert found(config) == []
    clips.end_silent(8)
    assert [clip["seconds"] for clip in found(config)] == [2.0]


def test_two_clips_in_one_second_have_two_names(config: ClipsConfig) -> None:
    clips = Clips(config, FPS)
    play(clips, 0, 5)
    for _ in range(2):
        clips.event(event(5))
        clips.end_all()
    assert len(found(config)) == 2


def test_memory_is_bounded(config: ClipsConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apps.raspberry_pi.clips.writer._RING_BYTES", 5_000)
    clips = Clips(ClipsConfig(config.folder, before=1000.0, after=1.0), FPS)
    play(clips, 0, 100)
    held = clips._rings["front"].held
    assert sum(len(data) for _, data in held) <= 5_000
    assert held[-1][0] == 100


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


def test_the_recorder_writes_beside_the_watching(config: ClipsConfig) -> None:
    bus = EventBus()
    recorder = Recorder(config, bus, FPS)
    start = time.monotonic()
    for tick in range(-10, 1):
        recorder.take("front", Frame(np.zeros((48, 64, 3), np.uint8), start + tick / FPS, 0))
    bus.publish("front", Event("start", "waving", start, 0.9))
    until(lambda: list(folder_of(config).glob(".*.part.mp4")))
    recorder.stop(60.0)
    (described,) = found(config)
    assert described["frames"] == 11


def test_the_button_keeps_what_just_happened(config: ClipsConfig) -> None:
    recorder = Recorder(config, EventBus(), FPS)
    for tick in range(10):
        moment = time.monotonic() - 1 + tick / 10
        recorder.take("front", Frame(np.zeros((48, 64, 3), np.uint8), moment, 0))
    recorder.keep_now()
    recorder.stop(60.0)
    assert [clip["events"] for clip in found(config)] == [[]]


def test_a_writer_that_falls_behind_leaves_frames_out(
    config: ClipsConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Clips, "frame", lambda *_: time.sleep(0.01))
    recorder = Recorder(config, EventBus(), FPS)
    for _ in range(1000):
        recorder.take("front", frame(0))
    assert recorder._jobs.qsize() <= 20
    recorder.stop(60.0)


def test_a_full_disk_stops_recording_and_nothing_else(tmp_path: Path) -> None:
    """A limit on the size of files fails a write as a full disk does; then there is room again."""
    program = """
import logging, resource, sys, time
from pathlib import Path
import numpy as np
from apps.raspberry_pi.clips import writer
from apps.raspberry_pi.config import ClipsConfig
from apps.raspberry_pi.bus import EventBus
from apps.raspberry_pi.clips.recorder import Recorder
from edgevid import Event, Frame
writer._SILENCE_S = 0.2
logging.basicConfig(format="%(message)s", stream=sys.stdout, level="INFO")
folder = Path(sys.argv[1])
bus = EventBus()
recorder = Recorder(ClipsConfig(folder), bus, 5.0)
noise = np.random.default_rng(0)
def happens():
    start = time.monotonic()
    for tick in range(-10, 1):
        image = noise.integers(0, 255, (240, 320, 3), np.uint8)
        recorder.take("front", Frame(image, start + tick / 5, 0))
    bus.publish("front", Event("start", "waving", start, 0.9))
    time.sleep(1.5)
resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, -1))
happens()
happens()
print(sorted(path.name for path in folder.iterdir()))
resource.setrlimit(resource.RLIMIT_FSIZE, (-1, -1))
happens()
recorder.stop(60)
print(len(list(folder.iterdir())))
"""
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=True
    )
    warning, nothing, again, files = done.stdout.splitlines()
    assert ".mp4: cannot be written: File too large" in warning
    assert (nothing, again, files) == ("[]", "clips: written again", "2")


KILLED = """
import os, signal, sys
from pathlib import Path
from tests.apps.clips.test_clips import event, play
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


def test_one_picture_that_is_larger_than_the_memory_for_all(
    config: ClipsConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apps.raspberry_pi.clips.writer._RING_BYTES", 100)
    clips = Clips(config, FPS)
    play(clips, 0, 5)
    clips.event(event(5))
    clips.close()
    assert found(config) == []


def test_what_waits_is_bounded_in_bytes(
    config: ClipsConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder_module, "_WAITING_BYTES", 30_000)  # three pictures
    monkeypatch.setattr(recorder_module, "_WAITING_EVENTS", 20)
    goes_on, taken = threading.Event(), []

    def slow(_: Clips, name: str, picture: Frame) -> None:
        assert goes_on.wait(60)
        taken.append(picture.image.nbytes)

    monkeypatch.setattr(Clips, "frame", slow)
    bus = EventBus()
    recorder = Recorder(config, bus, FPS)
    for _ in range(10):
        recorder.take("front", frame(0))
    for _ in range(100):
        bus.publish("front", event(0).event)
    assert recorder._jobs.qsize() <= 20
    goes_on.set()
    until(lambda: recorder._frames == 0)
    assert taken == [9216] * 3
    large = Frame(np.zeros((200, 200, 3), np.uint8), 0.0, 0)
    recorder.take("front", large)  # more than the bound, but alone
    until(lambda: len(taken) == 4)
    recorder.stop(60.0)


def test_a_disk_that_is_full_in_the_middle_keeps_what_was_written(
    config: ClipsConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = []
    write = Mp4Writer.write

    def until_full(self: Mp4Writer, *args: object, **kwargs: object) -> None:
        shown.append(1)
        if len(shown) == 8:
            raise OSError(errno.ENOSPC, "No space left on device")
        write(self, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(Mp4Writer, "write", until_full)
    clips = Clips(config, FPS)
    play(clips, 0, 1)
    clips.event(event(1))
    with pytest.raises(OutputError, match="No space left on device"):
        play(clips, 1.2, 4)
    clips.close()
    (described,) = found(config)
    assert described["frames"] == 7
    assert config.folder
    assert len(seconds_in(config.folder / described["video"])) == 7
