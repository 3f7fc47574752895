"""One camera, in a real process of its own, through everything that can happen to it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from apps.raspberry_pi.camera import Camera
from apps.raspberry_pi.capture import Order
from tests.apps.parts import BLACK, RED, colours, until

STALL = 0.5


class Watched:
    """A camera and all that it told."""

    def __init__(self, source: Path | str, **order: object) -> None:
        self.states: list[tuple[str, str]] = []
        self.frames = 0
        self.camera = Camera(
            "front",
            Order(str(source), 5.0, **order),  # type: ignore[arg-type]
            stall=STALL,
            longest_wait=0.5,
            turned=self._turned,
            arrived=self._arrived,
        )
        self.camera.start()

    def _turned(self, state: str, problem: str) -> None:
        if not self.states or self.states[-1] != (state, problem):
            self.states.append((state, problem))

    def _arrived(self) -> None:
        self.frames += 1

    def now(self) -> str:
        return self.states[-1][0] if self.states else "starting"

    @property
    def process(self) -> int:
        assert self.camera._process
        return self.camera._process.pid

    def close(self) -> None:
        self.camera.stop()
        self.camera.join(2.0)


@pytest.fixture
def watch() -> Iterator[type[Watched]]:
    made = []

    def start(*arguments: object, **options: object) -> Watched:
        made.append(Watched(*arguments, **options))  # type: ignore[arg-type]
        return made[-1]

    yield start  # type: ignore[misc]
    for watched in made:
        watched.close()
    assert children() == []


def children() -> list[int]:
    found = Path(f"/proc/self/task/{threading.main_thread().native_id}/children")
    return [
        pid
        for pid in map(int, found.read_text().split())
        if b"raspberry_pi.capture" in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]


@pytest.fixture
def video(tmp_path: Path) -> Path:
    return colours(tmp_path / "video.mp4", (RED, 0.4), (BLACK, 0.4))


def test_a_file_is_one_endless_video_at_the_models_rate(watch, video: Path) -> None:
    watched = watch(video, speed=4.0)
    frames = []
    while len(frames) < 12:  # three times through
        losses, frame = watched.camera.take()
        frames += [frame] if frame else []
        time.sleep(0.002)
        assert losses == 0
    gaps = np.diff([frame.timestamp for frame in frames])
    assert np.all(gaps > 0.05)
    assert np.median(gaps) == pytest.approx(0.2, abs=0.01)
    assert {bool(frame.image[..., 0].mean() > 128) for frame in frames} == {True, False}
    assert watched.states == [("live", "")]


def test_a_file_that_is_played_again_does_not_run_ahead_of_the_clock(watch, video: Path) -> None:
    watched = watch(video)
    ahead = []
    while len(ahead) < 10:  # more than twice through
        _, frame = watched.camera.take()
        ahead += [frame.timestamp - time.monotonic()] if frame else []
        time.sleep(0.002)
    assert max(ahead) <= 0


def test_the_newest_frame_only_and_none_twice(watch, video: Path) -> None:
    watched = watch(video)
    until(lambda: watched.frames >= 4)
    _, frame = watched.camera.take()
    assert frame.index >= 3
    assert watched.camera.take()[1] is None


def test_mirror(watch, tmp_path: Path) -> None:
    from tests.conftest import write_video

    picture = np.zeros((48, 64, 3), np.uint8)
    picture[:, :32] = 255
    watched = watch(write_video(tmp_path / "left.mp4", [picture] * 5), mirror=True)
    until(lambda: watched.frames)
    image = watched.camera.take()[1].image
    assert image[:, 40:].mean() > 200 > 50 > image[:, :24].mean()


def test_a_camera_that_hangs_is_noticed_and_opened_again(watch, video: Path) -> None:
    watched = watch(video)
    until(lambda: watched.now() == "live")
    first = watched.process
    os.kill(first, signal.SIGSTOP)
    until(lambda: watched.now() == "lost")
    assert watched.states[-1] == ("lost", f"no picture for {STALL} s")
    until(lambda: watched.now() == "live")
    assert watched.process != first
    losses, frame = watched.camera.take()
    assert losses == 1
    assert frame is None or frame.index < 10


def test_a_process_that_dies_is_replaced(watch, video: Path) -> None:
    watched = watch(video)
    until(lambda: watched.now() == "live")
    os.kill(watched.process, signal.SIGKILL)
    until(lambda: watched.now() == "lost")
    assert watched.states[-1][1] == "its capture process ended unexpectedly (signal 9)"
    until(lambda: watched.now() == "live")


def test_a_camera_that_is_not_there_is_waited_for(watch, video: Path) -> None:
    away = video.with_name("away.mp4")
    watched = watch(away)
    until(lambda: watched.now() == "lost")
    assert watched.states == [("lost", f"{away}: no such file")]
    video.rename(away)
    until(lambda: watched.now() == "live")


def test_a_system_that_has_no_process_left_is_waited_for(watch, video: Path, monkeypatch) -> None:
    def none_left(*_: object, **__: object) -> None:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    with monkeypatch.context() as patch:
        patch.setattr("apps.raspberry_pi.capture_process.subprocess.Popen", none_left)
        watched = watch(video)
        until(lambda: watched.now() == "lost")
    assert "cannot be captured: [Errno 11] Resource temp" in watched.states[-1][1]
    until(lambda: watched.now() == "live")


def test_a_camera_that_is_refused_is_opened_again(watch, video: Path) -> None:
    watched = watch(video)
    until(lambda: watched.now() == "live")
    watched.camera.refuse("too small")
    until(lambda: watched.now() == "lost")
    assert watched.states[-1] == ("lost", "too small")
    until(lambda: watched.now() == "live")


def test_it_ends_at_once_even_if_its_process_hangs(watch, video: Path) -> None:
    watched = watch(video)
    until(lambda: watched.now() == "live")
    os.kill(watched.process, signal.SIGSTOP)
    watched.close()
    assert children() == []
    assert watched.states[-1] == ("live", "")  # to be stopped is no loss


def test_a_password_is_not_among_the_arguments_that_all_can_see(watch) -> None:
    watched = watch("rtsp://me:hush@127.0.0.1:1/x")
    until(lambda: watched.camera._process)
    assert b"hush" not in Path(f"/proc/{watched.process}/cmdline").read_bytes()
    until(lambda: watched.now() == "lost")
    assert "hush" not in watched.states[-1][1]


def test_a_capture_process_does_not_outlive_its_service(video: Path) -> None:
    program = f"""
import time
from apps.raspberry_pi.camera import Camera
from apps.raspberry_pi.capture import Order
camera = Camera("front", Order({str(video)!r}, 5.0), stall=5.0, longest_wait=1.0,
                turned=lambda *_: None, arrived=lambda: print(camera._process.pid, flush=True))
camera.start()
time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as service:
        assert service.stdout
        pid = int(service.stdout.readline())
        assert Path(f"/proc/{pid}").exists()
        service.kill()
        until(lambda: not Path(f"/proc/{pid}").exists())
