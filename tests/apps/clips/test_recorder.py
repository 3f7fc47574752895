"""What clips are made of is taken beside the watching, within bounds."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from apps.raspberry_pi.bus import EventBus
from apps.raspberry_pi.clips import recorder as recorder_module
from apps.raspberry_pi.clips import writer as writer_module
from apps.raspberry_pi.clips.recorder import Recorder
from apps.raspberry_pi.clips.writer import Clips
from apps.raspberry_pi.config import ClipsConfig
from edgevid import Event, Frame
from edgevid.sinks.mp4 import Mp4Writer
from tests.apps.clips.parts import FPS, NOON, event, folder_of, found, frame
from tests.apps.parts import until


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


def test_clips_that_begin_together_miss_nothing(
    config: ClipsConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What comes is taken before what is held is written; nor is a camera silent meanwhile."""
    cameras, second = ("back", "front", "side"), [100.0]
    for module in (recorder_module, writer_module):
        clock = SimpleNamespace(monotonic=lambda: second[0], time=lambda: NOON)
        monkeypatch.setattr(module, "time", clock)
    writes, goes_on = threading.Event(), threading.Event()
    write = Mp4Writer.write

    def held_up(self: Mp4Writer, *args: object, **kwargs: object) -> None:
        writes.set()
        assert goes_on.wait(60)
        write(self, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(Mp4Writer, "write", held_up)
    recorder = Recorder(config, EventBus(), FPS)

    def show(pictures: int) -> None:
        for _ in range(pictures):
            second[0] += 1 / FPS
            for camera in cameras:
                recorder.take(camera, frame(second[0]))

    show(5)
    until(lambda: recorder._frames == 0)
    recorder.keep_now()
    assert writes.wait(60)
    show(5)
    second[0] += 10  # so long does it take to write one picture
    goes_on.set()
    recorder.stop(60.0)
    assert [clip["camera"] for clip in found(config)] == list(cameras)
    assert [clip["frames"] for clip in found(config)] == [10, 10, 10]


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
