"""Network cameras that show videos again and again, each one's server in processes of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from itertools import cycle
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from benchmarks.parts.ending import Stoppable
from edgevid import EdgevidError, open_source
from edgevid.sources.realtime import RealtimeSource

SERVER = Path(__file__).with_name("rtsp_server.py")
SYSTEM_PYTHON = "/usr/bin/python3"  # Debian's bindings are for this one
_LOGIN = ("me", "hush")

Picture = NDArray[np.uint8]
Size = tuple[int, int]  # width, height


def start_server(
    shown: str, port: str = "0", pictures: IO[bytes] | None = None
) -> tuple[subprocess.Popen[str], str]:
    """Starts an RTSP server; returns its process, and its address.

    Args:
        shown: a colour, or the size of the pictures.
        port: where it listens; any that is free unless told.
        pictures: where they come from.

    Raises:
        EdgevidError: there is none on this machine.
    """
    process = subprocess.Popen(
        [SYSTEM_PYTHON, str(SERVER), shown, *_LOGIN, port],
        stdin=pictures,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    if not (found := process.stdout.readline().strip()):
        raise EdgevidError(f"no RTSP server: see the top of {SERVER}")
    return process, f"rtsp://{':'.join(_LOGIN)}@127.0.0.1:{found}/live"


class RtspCamera(Stoppable):
    """Shows videos, one after the other, at their own speed, whoever watches.

    Args:
        videos: what it shows.
        size: of its picture; see ``framed``.

    Attributes:
        address: where it is watched, with user and password.

    Raises:
        EdgevidError: there is no RTSP server on this machine.
    """

    def __init__(self, videos: Sequence[Path], size: Size) -> None:
        shown = f"{size[0]}x{size[1]}"
        self._player = subprocess.Popen(
            [sys.executable, "-m", __name__, shown, *map(str, videos)], stdout=subprocess.PIPE
        )
        try:
            self._server, self.address = start_server(shown, pictures=self._player.stdout)
        except BaseException:
            self._player.kill()
            self._player.wait()
            raise
        finally:
            assert self._player.stdout
            self._player.stdout.close()  # the server has it

    def stop(self) -> None:
        """Ends its processes."""
        for process in (self._player, self._server):
            process.kill()
            process.wait()


def framed(image: Picture, size: Size) -> Picture:
    """Returns an RGB picture in the middle of a black one of another size, cut where it is larger.

    A camera has one size, collections of videos have several. A model that looks at the square in
    the middle sees the same.
    """
    height, width = image.shape[:2]
    found = np.zeros((size[1], size[0], 3), np.uint8)
    wide, high = min(width, size[0]), min(height, size[1])
    x, y = (width - wide) // 2, (height - high) // 2
    to_x, to_y = (size[0] - wide) // 2, (size[1] - high) // 2
    found[to_y : to_y + high, to_x : to_x + wide] = image[y : y + high, x : x + wide]
    return found


def _play(size: Size, videos: Sequence[str]) -> None:
    """Writes what a camera shows to standard output, until nobody reads it."""
    for video in cycle(videos):
        with open_source(video) as source:
            for frame in RealtimeSource(source):
                sys.stdout.buffer.write(framed(frame.image, size).tobytes())
                sys.stdout.buffer.flush()


if __name__ == "__main__":
    width, height = map(int, sys.argv[1].split("x"))
    _play((width, height), sys.argv[2:])
