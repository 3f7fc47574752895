"""Labelled pictures in a window.

The window lives in a process of its own: the libraries below it end the process that loses its
display, and wait for one that does not answer, neither of which is to happen to the run.
"""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import IO, cast

from edgevid.errors import OutputError
from edgevid.sinks import tk_window
from edgevid.sinks.overlay import Picture
from edgevid.sinks.pictures import PictureOutput
from edgevid.support.opencv import cv2

_INTERVAL_S = 0.06  # between pictures: a camera's every other one, for Tk draws slowly
_PATIENCE_S = 20.0  # for the display to answer
_NO_DISPLAY = "no window can be opened on this display"
_NO_TKINTER = "no window can be opened without tkinter (Debian: sudo apt install python3-tk)"


def has_display() -> bool:
    """Whether there is a display, which may or may not answer."""
    if sys.platform != "linux":
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


class WindowOutput(PictureOutput):
    """Shows pictures until the window is closed, or q or Escape is pressed.

    At most 15 or so a second are shown, the others left out; none waits for the window.

    Args:
        on_close: called once, from ``show``, when the window is closed.

    Raises:
        OutputError: no window can be opened.
    """

    def __init__(self, on_close: Callable[[], None]) -> None:
        self._on_close = on_close
        self.is_open = True
        self._sent = self._shown = 0  # pictures
        self._room = (0, 0)  # width, height
        self._unread = b""
        self._next = 0.0  # when another picture may be shown, on the monotonic clock
        # Without the site's packages, which take long to find: it needs none. In a session of its
        # own, since a Ctrl-C is for the run alone.
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", tk_window.__file__],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        except OSError as error:
            raise OutputError(f"no window can be opened: {error.strerror}") from error
        self._to, self._from = (
            cast(IO[bytes], pipe) for pipe in (self._process.stdin, self._process.stdout)
        )
        os.set_blocking(self._from.fileno(), False)
        select.select([self._from], [], [], _PATIENCE_S)
        gone = not self._listen()
        if gone or not any(self._room):
            code = self._end(2.0 if gone else 0.0)
            raise OutputError(_NO_TKINTER if code == tk_window.NO_TKINTER else _NO_DISPLAY)

    def start(self, fps: float | None) -> None:
        """Pictures of any rate are shown as they come."""

    def show(self, picture: Picture, timestamp: float) -> None:
        """Shows a picture if it is time for one; notices whether the window was closed.

        Raises:
            OutputError: the display was lost. Later pictures are passed over.
        """
        if not self.is_open:
            return
        there = self._listen()
        if there and self._shown == self._sent and time.monotonic() >= self._next:
            there = self._send(self._fitted(picture))
            self._next = time.monotonic() + _INTERVAL_S
        if there:
            return
        self.is_open = False
        if self._end() != tk_window.CLOSED:
            raise OutputError("the window is gone: its display does not answer any more")
        self._on_close()

    def finish(self) -> None:
        """Closes the window."""
        self.is_open = False
        self._end()

    def abandon(self) -> None:
        """Closes the window."""
        self.finish()

    def _fitted(self, picture: Picture) -> Picture:
        """Returns a picture as RGB, as large as the window; before there is one, not enlarged."""
        height, width = picture.shape[:2]
        scale = min(self._room[0] / width, self._room[1] / height)
        if not self._sent:
            scale = min(1.0, scale)
        if scale != 1.0:
            size = (max(1, round(width * scale)), max(1, round(height * scale)))
            how = cv2.INTER_AREA if scale < 1.0 else cv2.INTER_LINEAR
            picture = cv2.resize(picture, size, interpolation=how)
        return cast(Picture, cv2.cvtColor(picture, cv2.COLOR_BGR2RGB))

    def _send(self, picture: Picture) -> bool:
        """Hands a picture over; returns whether the window is still there."""
        height, width = picture.shape[:2]
        try:
            self._to.write(b"P6 %d %d 255\n" % (width, height))
            self._to.write(picture.data)
            self._to.flush()
        except OSError:
            return False
        self._sent += 1
        return True

    def _listen(self) -> bool:
        """Reads what the window has told; returns whether it is still there."""
        try:
            told = os.read(self._from.fileno(), 65536)
        except BlockingIOError:
            return True
        *lines, self._unread = (self._unread + told).split(b"\n")
        if lines:
            width, height, self._shown = map(int, lines[-1].split())
            self._room = (width, height)
        return bool(told)

    def _end(self, patience_s: float = 2.0) -> int:
        """Ends the window's process; returns its exit code."""
        with suppress(OSError):  # the pipe may be broken, with something still to be written
            self._to.close()
        try:
            self._process.wait(patience_s)
        except subprocess.TimeoutExpired:  # it waits for a display that does not answer
            self._process.kill()
        self._from.close()
        return self._process.wait()
