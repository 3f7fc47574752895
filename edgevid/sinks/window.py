"""Labelled pictures in a window."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable

from edgevid.errors import OutputError
from edgevid.sinks.overlay import Picture
from edgevid.sinks.pictures import PictureOutput
from edgevid.support import command
from edgevid.support.opencv import cv2

# The window library inside OpenCV complains about fonts that it never needs.
os.environ.setdefault("QT_LOGGING_RULES", "*.warning=false")

_TITLE = "edgevid"
_LARGEST = (1280, 720)  # width, height to open with: it fits on most screens
_QUIT_KEYS = (ord("q"), 27)  # 27 is Escape


def has_display() -> bool:
    """Whether a window can be opened here. Prints a line if the display cannot be used."""
    if sys.platform != "linux":
        return True
    if not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return False
    # OpenCV's window library ends the whole process when it cannot reach the display: let it
    # try that in another one first.
    probe = [sys.executable, "-c", "import cv2; cv2.namedWindow('edgevid')"]
    if subprocess.run(probe, capture_output=True, check=False).returncode == 0:
        return True
    command.complain("no window can be opened on this display: going on without one")
    return False


class WindowOutput(PictureOutput):
    """Shows pictures until the window is closed, or q or Escape is pressed.

    Args:
        on_close: called once when the window is closed.

    Raises:
        OutputError: no window can be opened.
    """

    def __init__(self, on_close: Callable[[], None]) -> None:
        self._on_close = on_close
        self.is_open = True
        try:
            # Without OpenCV's tool bar: the window is the picture.
            cv2.namedWindow(
                _TITLE, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO | cv2.WINDOW_GUI_NORMAL
            )
        except cv2.error as error:
            raise OutputError("no window can be opened here: use --headless") from error
        self._sized = False

    def start(self, fps: float | None) -> None:
        """Pictures of any rate are shown as they come."""

    def show(self, picture: Picture, timestamp: float) -> None:
        """Shows a picture and notices whether the window was closed."""
        if not self.is_open:
            return
        if not self._sized:
            height, width = picture.shape[:2]
            shrink = min(1.0, _LARGEST[0] / width, _LARGEST[1] / height)
            cv2.resizeWindow(_TITLE, round(width * shrink), round(height * shrink))
            self._sized = True
        cv2.imshow(_TITLE, picture)
        key = cv2.waitKey(1) & 0xFF
        if key in _QUIT_KEYS or _was_closed():
            self.is_open = False
            self._on_close()

    def finish(self) -> None:
        """Closes the window."""
        cv2.destroyAllWindows()

    def abandon(self) -> None:
        """Closes the window."""
        cv2.destroyAllWindows()


def _was_closed() -> bool:
    try:
        return bool(cv2.getWindowProperty(_TITLE, cv2.WND_PROP_VISIBLE) < 1)
    except cv2.error:
        return True  # with its last window OpenCV's window system goes too
