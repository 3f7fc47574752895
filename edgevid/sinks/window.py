"""Labelled pictures in a window."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from edgevid.errors import OutputError
from edgevid.opencv import cv2
from edgevid.sinks.overlay import Picture
from edgevid.sinks.pictures import PictureOutput

_TITLE = "edgevid"
_QUIT_KEYS = (ord("q"), 27)  # 27 is Escape


def has_display() -> bool:
    """Whether a window can be expected to open here."""
    if sys.platform != "linux":
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


class WindowOutput(PictureOutput):
    """Shows pictures until the window is closed, or q or Escape is pressed.

    Args:
        on_close: called once when the person has seen enough.

    Raises:
        OutputError: no window can be opened.
    """

    def __init__(self, on_close: Callable[[], None]) -> None:
        self._on_close = on_close
        self._is_open = True
        try:
            cv2.namedWindow(_TITLE, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO)
        except cv2.error as error:
            raise OutputError("no window can be opened here: use --headless") from error
        self._sized = False

    def start(self, fps: float | None) -> None:
        """Pictures of any rate are shown as they come."""

    def show(self, picture: Picture, timestamp: float) -> None:
        """Shows a picture and notices whether the window was closed."""
        if not self._is_open:
            return
        if not self._sized:
            cv2.resizeWindow(_TITLE, picture.shape[1], picture.shape[0])
            self._sized = True
        cv2.imshow(_TITLE, picture)
        key = cv2.waitKey(1) & 0xFF
        if key in _QUIT_KEYS or cv2.getWindowProperty(_TITLE, cv2.WND_PROP_VISIBLE) < 1:
            self._is_open = False
            self._on_close()

    def finish(self) -> None:
        """Closes the window."""
        cv2.destroyAllWindows()

    def abandon(self) -> None:
        """Closes the window."""
        cv2.destroyAllWindows()
