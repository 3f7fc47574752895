"""A real window on a screen in memory: opens, shows, and ends the run when it is closed."""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from edgevid.sinks.window import has_display
from tests.conftest import tiny_flags_in, write_video

GREEN = (40, 200, 60)


@dataclass
class Screen:
    display: str
    memory: Path

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

    def wait_for_green(self, window: str) -> None:
        """Waits until a window shows a green clip.

        Without a window manager Qt now and then misses that its window was mapped, and draws
        nothing until it is mapped again: so it is, as by somebody who hides and shows it.
        """
        deadline, again = time.monotonic() + 50, time.monotonic() + 3
        while not self.shows_green():
            assert time.monotonic() < deadline
            if time.monotonic() > again:
                self.do("windowunmap", "--sync", window)
                self.do("windowmap", "--sync", window)
                again += 3
            time.sleep(0.05)

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
    yield Screen(f":{number}", tmp_path / "screen" / "Xvfb_screen0")
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
    window = screen.do("search", "--sync", "--onlyvisible", "--name", "^edgevid$").splitlines()[0]
    screen.wait_for_green(window)
    if way == "closed":
        screen.close(int(window))
    else:
        screen.do("windowfocus", "--sync", window)
        screen.do("key", way)  # as from the keyboard, to whatever has the focus
    _, complaints = process.communicate(timeout=60)
    assert process.returncode == 0, complaints
    assert "Qt" not in complaints
    last = json.loads((tmp_path / "out.jsonl").read_text().splitlines()[-1])
    assert last["type"] == "summary"
    assert last["frames"] < 1000  # of 1500
    assert (tmp_path / "out.mp4").stat().st_size > 0


def test_a_window_keeps_the_contract_of_sinks(screen: Screen) -> None:
    """In a process of its own: OpenCV can end the one that loses its display."""
    program = """
from edgevid.sinks.pictures import PictureSink
from edgevid.sinks.window import WindowOutput
from edgevid.testing import SinkContract
class Contract(SinkContract):
    def open_sink(self):
        return PictureSink([WindowOutput(lambda: None)])
for name in dir(Contract):
    if name.startswith("test_") and "failure" not in name:
        getattr(Contract(), name)()
        print(name)
"""
    process = started([sys.executable, "-c", program], screen.display)
    out, complaints = process.communicate(timeout=60)
    assert process.returncode == 0, complaints
    assert len(out.splitlines()) == 6


def test_a_display_that_does_not_answer_costs_the_window_not_the_run(
    command: list[str], tmp_path: Path
) -> None:
    process = started([*command, "--duration", "1"], ":9999")
    _, complaints = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "no window can be opened on this display" in complaints
    assert (tmp_path / "out.mp4").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there always is a display")
def test_without_a_display_there_is_no_window(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert not has_display()
    assert capfd.readouterr() == ("", "")
