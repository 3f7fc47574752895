"""A real window on a screen in memory: opens, shows, and ends the run when it is closed."""

from __future__ import annotations

import ctypes
import importlib.util
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from edgevid import Sink
from edgevid.cli import stream
from edgevid.errors import OutputError
from edgevid.sinks import tk_window, window
from edgevid.sinks.overlay import Picture
from edgevid.sinks.pictures import PictureSink
from edgevid.sinks.window import WindowOutput, has_display
from edgevid.testing import SinkContract
from tests.conftest import tiny_flags_in, write_video

GREEN = (40, 200, 60)


@dataclass
class Screen:
    display: str
    memory: Path
    server: subprocess.Popen[bytes]

    def pixels(self) -> NDArray[np.uint8]:
        """What is on it: RGB ``[height, width, 3]``. The file is an X window dump."""
        data = self.memory.read_bytes()
        header = struct.unpack(">25I", data[:100])
        start, width, height, stride, colours = (header[n] for n in (0, 4, 5, 12, 19))
        rows = np.frombuffer(data, np.uint8, height * stride, start + 12 * colours)
        return rows.reshape(height, stride)[:, : 4 * width].reshape(height, width, 4)[..., 2::-1]

    def shows_green(self) -> bool:
        """Whether a good part of a green clip can be seen: the rest is behind the labels."""
        green = np.abs(self.pixels().astype(int) - GREEN).max(axis=2) < 24
        return bool(green.sum() > 96 * 128 / 4)

    def wait_for(self, is_so: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 50
        while not is_so():
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def window(self) -> str:
        """Returns the window's number, once it can be seen."""
        found = self.do("search", "--sync", "--onlyvisible", "--name", "^edgevid$")
        return found.splitlines()[0]

    def do(self, *arguments: str) -> str:
        """Has xdotool act as the person at the screen."""
        done = subprocess.run(
            ["xdotool", *arguments],
            env={**os.environ, "DISPLAY": self.display},
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        return done.stdout.strip()

    def close(self, window: int) -> None:
        """Asks a window to close, as a window manager does when its cross is clicked."""
        xlib = ctypes.CDLL("libX11.so.6")  # xdotool needs it too
        xlib.XOpenDisplay.restype = ctypes.c_void_p
        xlib.XInternAtom.restype = ctypes.c_ulong
        display = ctypes.c_void_p(xlib.XOpenDisplay(self.display.encode()))
        protocols, delete = (
            xlib.XInternAtom(display, name, False)
            for name in (b"WM_PROTOCOLS", b"WM_DELETE_WINDOW")
        )
        event = _ClientMessage(type=33, window=window, message_type=protocols, format=32)
        event.data[0] = delete
        xlib.XSendEvent(
            display, ctypes.c_ulong(window), False, ctypes.c_long(0), ctypes.byref(event)
        )
        xlib.XCloseDisplay(display)


class _ClientMessage(ctypes.Structure):
    """``XClientMessageEvent`` of X11/Xlib.h, with the room that every event takes."""

    _fields_ = (
        ("type", ctypes.c_int),
        ("serial", ctypes.c_ulong),
        ("send_event", ctypes.c_int),
        ("display", ctypes.c_void_p),
        ("window", ctypes.c_ulong),
        ("message_type", ctypes.c_ulong),
        ("format", ctypes.c_int),
        ("data", ctypes.c_long * 17),
    )


@pytest.fixture
def screen(tmp_path: Path) -> Iterator[Screen]:
    for tool in ("Xvfb", "xdotool"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")
    if importlib.util.find_spec("_tkinter") is None:
        pytest.skip("this Python has no tkinter")
    (tmp_path / "screen").mkdir()
    readable, writable = os.pipe()
    command = ["Xvfb", "-displayfd", str(writable), "-screen", "0", "640x480x24"]
    process = subprocess.Popen(
        [*command, "-nolisten", "tcp", "-fbdir", str(tmp_path / "screen")],
        pass_fds=[writable],
        stderr=subprocess.DEVNULL,
    )
    os.close(writable)
    with os.fdopen(readable) as answer:
        number = answer.readline().strip()
    yield Screen(f":{number}", tmp_path / "screen" / "Xvfb_screen0", process)
    process.kill()
    process.wait()


@pytest.fixture
def command(tmp_path: Path) -> list[str]:
    """A minute of green, as a camera would give it: more than a busy machine needs to look."""
    clip = write_video(tmp_path / "clip.mp4", [np.full((96, 128, 3), GREEN, np.uint8)] * 1500)
    return [
        *(sys.executable, "-m", "edgevid.stream", "--source", str(clip), "--realtime"),
        *tiny_flags_in(tmp_path),
        *("--output", str(tmp_path / "out.jsonl"), "--save", str(tmp_path / "out.mp4")),
    ]


def started(command: list[str], display: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "DISPLAY": display}
    environment.pop("WAYLAND_DISPLAY", None)
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@pytest.mark.parametrize("way", ["q", "Escape", "closed"])
def test_the_window_shows_the_picture_and_ends_the_run(
    way: str, screen: Screen, command: list[str], tmp_path: Path
) -> None:
    process = started(command, screen.display)
    assert process.stdout
    process.stdout.readline()  # the source's name
    process.stdout.readline()  # the first label: pictures are shown by now
    window = screen.window()
    screen.wait_for(screen.shows_green)
    if way == "closed":
        screen.close(int(window))
    else:
        screen.do("windowfocus", "--sync", window)
        screen.do("key", way)  # as from the keyboard, to whatever has the focus
    _, complaints = process.communicate(timeout=60)
    assert process.returncode == 0, complaints
    assert "window" not in complaints
    last = json.loads((tmp_path / "out.jsonl").read_text().splitlines()[-1])
    assert last["type"] == "summary"
    assert last["frames"] < 1000  # of 1500
    assert (tmp_path / "out.mp4").stat().st_size > 0


@pytest.fixture
def shown(screen: Screen, monkeypatch: pytest.MonkeyPatch) -> Screen:
    """The screen, as the one that windows of this process are shown on."""
    monkeypatch.setenv("DISPLAY", screen.display)
    return screen


class TestContract(SinkContract):
    @pytest.fixture(autouse=True)
    def _screen(self, shown: Screen) -> None:
        self.screen = shown

    def open_sink(self) -> Sink:
        return PictureSink([WindowOutput(lambda: None)])

    def open_failing_sink(self) -> Sink:
        """Returns one that has lost its display."""
        output = WindowOutput(lambda: None)
        self.screen.server.kill()
        output._process.wait()
        return PictureSink([output])


def test_pictures_fit_the_window_in_their_own_shape_and_colours(shown: Screen) -> None:
    colour = (200, 90, 30)  # RGB
    picture: Picture = np.full((100, 200, 3), colour[::-1], np.uint8)
    output = WindowOutput(lambda: None)

    def box() -> tuple[int, int, int, int]:
        """Where that colour is: left, top, right, bottom; shows it again first."""
        output.show(picture, 0.0)
        rows, columns = np.nonzero((shown.pixels() == colour).all(axis=2))
        if not len(rows):
            return (0, 0, 0, 0)
        return columns.min(), rows.min(), columns.max() + 1, rows.max() + 1

    shown.wait_for(lambda: box() == (0, 0, 200, 100))  # as large as the picture
    shown.do("windowsize", shown.window(), "400", "300")
    shown.wait_for(lambda: box() == (0, 50, 400, 250))
    shown.do("windowsize", shown.window(), "100", "80")
    shown.wait_for(lambda: box() == (0, 15, 100, 65))
    output.finish()
    shown.wait_for(lambda: not shown.pixels().any())


def test_a_large_picture_opens_no_larger_than_the_screen(shown: Screen) -> None:
    output = WindowOutput(lambda: None)
    output.show(np.full((1000, 2000, 3), 255, np.uint8), 0.0)
    shown.wait_for(lambda: bool(shown.pixels()[:320].all()))  # 640 by 320
    assert "640x320" in shown.do("getwindowgeometry", shown.window())
    output.finish()


def test_a_display_that_is_lost_costs_the_window_not_the_results(
    screen: Screen, command: list[str], tmp_path: Path
) -> None:
    process = started(command, screen.display)
    screen.window()
    screen.server.kill()
    assert process.stderr
    assert "the window is gone: its display does not answer" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    _, complaints = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "edgevid: " not in complaints  # it was said once
    last = json.loads((tmp_path / "out.jsonl").read_text().splitlines()[-1])
    assert last["frames"] > 0
    assert "the window is gone" in last["problems"][0]["problem"]
    assert (tmp_path / "out.mp4").stat().st_size > 0


def test_a_display_that_does_not_answer_costs_the_window_not_the_run(
    command: list[str], tmp_path: Path
) -> None:
    process = started([*command, "--duration", "1"], ":9999")
    _, complaints = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "no window can be opened on this display" in complaints
    assert (tmp_path / "out.mp4").exists()


def test_a_display_that_never_answers_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(window, "_PATIENCE_S", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        # X's display N is port 6000 + N.
        monkeypatch.setenv("DISPLAY", f"127.0.0.1:{silent.getsockname()[1] - 6000}")
        with pytest.raises(OutputError, match="no window can be opened"):
            WindowOutput(lambda: None)


def test_without_tkinter_there_is_a_line_and_no_window(
    command: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    program = tmp_path / "without_tkinter.py"
    program.write_text(
        "import runpy, sys\n"
        "sys.modules['tkinter'] = None\n"
        f"runpy.run_path({tk_window.__file__!r}, run_name='__main__')\n"
    )
    monkeypatch.setattr(tk_window, "__file__", str(program))
    monkeypatch.setenv("DISPLAY", ":9999")
    assert stream.main([*command[3:], "--duration", "1"]) == 0
    (line,) = (line for line in capfd.readouterr().err.splitlines() if "window" in line)
    assert "python3-tk" in line
    assert line.endswith("going on without one")
    assert (tmp_path / "out.mp4").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there always is a display")
def test_without_a_display_there_is_no_window(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert not has_display()
    assert capfd.readouterr() == ("", "")
