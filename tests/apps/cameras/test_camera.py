"""One camera, in a real process of its own, through everything that can happen to it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from apps.raspberry_pi.cameras.camera import Camera
from apps.raspberry_pi.cameras.capture import Order
from apps.raspberry_pi.cameras.capture_process import CaptureProcess, Message
from edgevid import Frame
from tests.apps.parts import BLACK, RED, colours, end_thread, thread_called, until
from tests.conftest import write_video

STALL = 0.5


class Watched:
    """A camera and all that it told."""

    def __init__(self, source: Path | str, **order: Any) -> None:
        self.states: list[tuple[str, str]] = []
        self.frames = 0
        self.camera = Camera(
            "front",
            Order(str(source), 5.0, **order),
            stall=STALL,
            longest_wait=0.5,
            set_state=self._set_state,
            arrived=self._arrived,
        )
        self.camera.start()

    def _set_state(self, state: str, problem: str) -> None:
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

    def take(self) -> Frame:
        """Returns the newest frame, which must be there."""
        _, frame = self.camera.take()
        assert frame is not None
        return frame

    def close(self) -> None:
        self.camera.stop()
        self.camera.join(2.0)


Watch = Callable[..., Watched]  # with what Watched takes


@pytest.fixture
def watch() -> Iterator[Watch]:
    made: list[Watched] = []

    def start(source: Path | str, **order: Any) -> Watched:
        made.append(Watched(source, **order))
        return made[-1]

    yield start
    for watched in made:
        watched.close()
    assert children() == []


def children() -> list[int]:
    found = Path(f"/proc/self/task/{threading.main_thread().native_id}/children")
    return [
        pid
        for pid in map(int, found.read_text().split())
        if b"raspberry_pi.cameras.capture" in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]


@pytest.fixture
def video(tmp_path: Path) -> Path:
    return colours(tmp_path / "video.mp4", (RED, 0.4), (BLACK, 0.4))


def test_a_file_is_one_endless_video_at_the_models_rate(watch: Watch, video: Path) -> None:
    watched = watch(video, speed=4.0)
    frames: list[Frame] = []
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


def test_a_file_that_is_played_again_does_not_run_ahead_of_the_clock(
    watch: Watch, video: Path
) -> None:
    watched = watch(video)
    ahead: list[float] = []
    while len(ahead) < 10:  # more than twice through
        _, frame = watched.camera.take()
        ahead += [frame.timestamp - time.monotonic()] if frame else []
        time.sleep(0.002)
    assert max(ahead) <= 0


def test_the_newest_frame_only_and_none_twice(watch: Watch, video: Path) -> None:
    watched = watch(video)
    until(lambda: watched.frames >= 4)
    assert watched.take().index >= 3
    assert watched.camera.take()[1] is None


def test_mirror(watch: Watch, tmp_path: Path) -> None:
    picture = np.zeros((48, 64, 3), np.uint8)
    picture[:, :32] = 255
    watched = watch(write_video(tmp_path / "left.mp4", [picture] * 5), mirror=True)
    until(lambda: watched.frames)
    image = watched.take().image
    assert image[:, 40:].mean() > 200 > 50 > image[:, :24].mean()


@pytest.mark.parametrize("angle", [90, 180, 270])
def test_a_camera_is_turned_clockwise(watch: Watch, tmp_path: Path, angle: int) -> None:
    picture = np.zeros((48, 64, 3), np.uint8)
    picture[:24, :32] = 255  # top left
    watched = watch(write_video(tmp_path / "corner.mp4", [picture] * 5), rotate=angle)
    until(lambda: watched.frames)
    image = watched.take().image
    assert image.shape == ((48, 64, 3) if angle == 180 else (64, 48, 3))
    height, width = image.shape[0] // 2, image.shape[1] // 2
    corners = {
        90: image[:height, width:],
        180: image[height:, width:],
        270: image[height:, :width],
    }
    assert [corner.mean() > 128 for corner in corners.values()] == [a == angle for a in corners]


def test_what_is_turned_is_mirrored_afterwards(watch: Watch, tmp_path: Path) -> None:
    picture = np.zeros((48, 64, 3), np.uint8)
    picture[:24, :32] = 255
    video = write_video(tmp_path / "corner.mp4", [picture] * 5)
    watched = watch(video, rotate=90, mirror=True)
    until(lambda: watched.frames)
    assert watched.take().image[:32, :24].mean() > 128


def test_a_camera_that_hangs_is_noticed_and_opened_again(watch: Watch, video: Path) -> None:
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


def test_a_process_that_dies_is_replaced(watch: Watch, video: Path) -> None:
    watched = watch(video)
    until(lambda: watched.now() == "live")
    os.kill(watched.process, signal.SIGKILL)
    until(lambda: watched.now() == "lost")
    assert watched.states[-1][1] == "its capture process ended unexpectedly (signal 9)"
    until(lambda: watched.now() == "live")


def test_a_camera_that_is_not_there_is_waited_for(watch: Watch, video: Path) -> None:
    away = video.with_name("away.mp4")
    watched = watch(away)
    until(lambda: watched.now() == "lost")
    assert watched.states == [("lost", f"{away}: no such file")]
    video.rename(away)
    until(lambda: watched.now() == "live")


def test_a_system_that_has_no_process_left_is_waited_for(
    watch: Watch, video: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none_left(*_: object, **__: object) -> None:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    with monkeypatch.context() as patch:
        patch.setattr("apps.raspberry_pi.cameras.capture_process.subprocess.Popen", none_left)
        watched = watch(video)
        until(lambda: watched.now() == "lost")
    assert "cannot be captured: [Errno 11] Resource temp" in watched.states[-1][1]
    until(lambda: watched.now() == "live")


def test_a_camera_that_is_refused_is_opened_again(watch: Watch, video: Path) -> None:
    watched = watch(video)
    until(lambda: watched.now() == "live")
    watched.camera.refuse("too small")
    until(lambda: watched.now() == "lost")
    assert watched.states[-1] == ("lost", "too small")
    until(lambda: watched.now() == "live")


def test_a_folder_whose_files_are_all_bad_is_lost_and_tried_again(
    watch: Watch, tmp_path: Path
) -> None:
    folder = tmp_path / "videos"
    folder.mkdir()
    for name in ("1.mp4", "2.mp4"):
        (folder / name).write_bytes(b"no video" * 1000)
    watched = watch(folder)
    until(lambda: watched.now() == "lost")
    assert watched.states[-1][1].startswith("none of its 2 files can be played: ")
    colours(folder / "2.mp4", (RED, 0.4))
    until(lambda: watched.now() == "live")


def test_a_file_that_ends_the_process_is_not_where_it_begins_again(
    watch: Watch, tmp_path: Path
) -> None:
    folder = tmp_path / "videos"
    folder.mkdir()
    colours(folder / "1.mp4", (RED, 0.6))
    colours(folder / "2.mp4", (BLACK, 600.0), fps=1.0)
    colours(folder / "3.mp4", (BLACK, 0.6))
    watched = watch(folder)
    until(lambda: watched.camera._file.endswith("2.mp4") and watched.now() == "live")
    os.kill(watched.process, signal.SIGKILL)
    until(lambda: watched.now() == "lost")
    until(lambda: watched.now() == "live")
    assert not watched.camera._file.endswith("2.mp4")


@pytest.mark.parametrize("error", [MemoryError(), ValueError("no such shape"), KeyError("x")])
def test_whatever_fails_the_camera_is_lost_and_opened_again(
    watch: Watch, video: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    watched = watch(video)
    until(lambda: watched.now() == "live")

    def fails(*_: object) -> None:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr("apps.raspberry_pi.cameras.camera.CaptureProcess.receive", fails)
        until(lambda: watched.now() == "lost")
    assert watched.states[-1][1].startswith("cannot be captured: ")
    until(lambda: watched.now() == "live")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_camera_whose_thread_ends_gets_another(watch: Watch, video: Path) -> None:
    watched = watch(video)
    until(lambda: watched.now() == "live")
    watched.camera.tend()
    assert watched.now() == "live"
    first, thread = watched.process, watched.camera._thread
    end_thread(thread_called("camera front"))
    until(lambda: not thread.is_alive())
    watched.camera.tend()
    assert watched.states[-1] == ("lost", "its thread ended unexpectedly")
    until(lambda: watched.now() == "live")
    assert watched.process != first
    assert not Path(f"/proc/{first}").exists()


class Instead:
    """Has another program run in place of the capture process."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, program: str) -> None:
        real = subprocess.Popen
        monkeypatch.setattr(
            "apps.raspberry_pi.cameras.capture_process.subprocess.Popen",
            lambda _, **options: real([sys.executable, "-c", program], **options),
        )


NONSENSE = {
    "no message": "b'nonsense' * 100",
    "wrong size": "HEADER.pack(b'F', 0.0, 0, 48, 64, 5) + b'12345'",
    "too large": "HEADER.pack(b'F', 0.0, 0, 48, 64, 1 << 31)",
    "zero": "HEADER.pack(b'F', 0.0, 0, 0, 0, 0)",
    "unknown kind": "HEADER.pack(b'?', 0.0, 0, 0, 0, 0)",
}


@pytest.mark.parametrize("content", NONSENSE.values(), ids=NONSENSE)
def test_nonsense_of_a_capture_process_is_a_loss(
    watch: Watch, monkeypatch: pytest.MonkeyPatch, content: str
) -> None:
    Instead(
        monkeypatch,
        "import sys, time; from apps.raspberry_pi.cameras.capture import HEADER\n"
        f"sys.stdout.buffer.write({content}); sys.stdout.flush(); time.sleep(60)",
    )
    watched = watch("0")
    until(lambda: len(watched.states))
    assert watched.states[0][0] == "lost"
    assert "its capture process sends nonsense" in watched.states[0][1]


def test_complaints_are_logged_without_secrets_and_in_bounds(
    watch: Watch, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    program = """
import sys, time
for number in range(20_000):
    print("cannot open rtsp://me:hush@camera/x", number, "hush", file=sys.stderr)
print("the last", "word" * 10_000, end="", file=sys.stderr)
"""
    Instead(monkeypatch, program)
    watched = watch("rtsp://me:hush@camera/x")
    until(lambda: len(watched.states))
    assert watched.states[0] == ("lost", "its capture process ended unexpectedly")
    told = [record.getMessage() for record in caplog.records]
    assert told[0] == "front: cannot open rtsp://camera/x 0 ..."
    assert 10 <= len(told) < 1000
    assert "hush" not in caplog.text


def test_who_complains_all_the_time_and_gives_no_picture_is_noticed(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apps.raspberry_pi.cameras.camera._OPENING_S", 0.5)
    Instead(
        monkeypatch,
        "import sys\nwhile True: print('no picture', file=sys.stderr, flush=True)",
    )
    watched = watch("0")
    until(lambda: len(watched.states))
    assert watched.states[0] == ("lost", "no picture for 0.5 s")


def test_it_ends_at_once_even_if_its_process_hangs(watch: Watch, video: Path) -> None:
    watched = watch(video)
    until(lambda: watched.now() == "live")
    os.kill(watched.process, signal.SIGSTOP)
    watched.close()
    assert children() == []
    assert watched.states[-1] == ("live", "")  # to be stopped is no loss


def test_a_process_that_starts_while_the_camera_is_stopped_is_told_to_stop(
    watch: Watch, video: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    starting, go_on = threading.Event(), threading.Event()
    told: list[str] = []

    class Starting(CaptureProcess):
        def __init__(self, *arguments: Any) -> None:
            starting.set()
            assert go_on.wait(60)  # the system takes its time to start a process
            super().__init__(*arguments)

        def tell_to_stop(self) -> None:
            told.append("to stop")
            super().tell_to_stop()

        def receive(self, patience: float) -> Message:
            told.append("to wait")
            return super().receive(patience)

    monkeypatch.setattr("apps.raspberry_pi.cameras.camera.CaptureProcess", Starting)
    watched = watch(video)
    assert starting.wait(60)
    watched.camera.stop()  # there is no process yet that could be told
    go_on.set()
    watched.camera._thread.join(60)
    assert not watched.camera._thread.is_alive()
    assert told[0] == "to stop"
    assert not any(state == "lost" for state, _ in watched.states)


def test_a_password_is_not_among_the_arguments_that_all_can_see(watch: Watch) -> None:
    watched = watch("rtsp://me:hush@127.0.0.1:1/x")
    until(lambda: watched.camera._process)
    assert b"hush" not in Path(f"/proc/{watched.process}/cmdline").read_bytes()
    until(lambda: watched.now() == "lost")
    assert "hush" not in watched.states[-1][1]


def test_a_capture_process_does_not_outlive_its_service(video: Path) -> None:
    program = f"""
import time
from apps.raspberry_pi.cameras.camera import Camera
from apps.raspberry_pi.cameras.capture import Order
camera = Camera("front", Order({str(video)!r}, 5.0), stall=5.0, longest_wait=1.0,
                set_state=lambda *_: None, arrived=lambda: print(camera._process.pid, flush=True))
camera.start()
time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as service:
        assert service.stdout
        pid = int(service.stdout.readline())
        assert Path(f"/proc/{pid}").exists()
        service.kill()
        until(lambda: not Path(f"/proc/{pid}").exists())


def test_a_camera_that_rests_has_no_process_and_goes_on_when_it_is_to(
    watch: Watch, tmp_path: Path
) -> None:
    red = watch(colours(tmp_path / "red.mp4", (RED, 20.0)))
    until(lambda: red.now() == "live")
    losses, _ = red.camera.take()
    red.camera.watch(False)
    until(lambda: red.now() == "off" and red.camera._process is None)
    assert red.camera.take() == (losses + 1, None)
    time.sleep(0.1)
    assert red.now() == "off"
    red.camera.watch(True)
    until(lambda: red.now() == "live")
    assert [state for state, _ in red.states if state != "starting"] == ["live", "off", "live"]


def test_a_camera_that_is_away_can_be_told_to_rest(watch: Watch, tmp_path: Path) -> None:
    away = watch(tmp_path / "none.mp4")
    until(lambda: away.now() == "lost")
    away.camera.watch(False)
    until(lambda: away.now() == "off")
    away.camera.watch(True)
    until(lambda: away.now() == "lost")


def test_a_camera_that_rests_ends_at_once(watch: Watch, tmp_path: Path) -> None:
    red = watch(colours(tmp_path / "red.mp4", (RED, 5.0)))
    for on in (False, True) * 5:
        red.camera.watch(on)
    red.camera.watch(False)
    until(lambda: red.now() == "off" and red.camera._process is None)
    red.camera.stop()
    red.camera._thread.join(10)
    assert not red.camera._thread.is_alive()
