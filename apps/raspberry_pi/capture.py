"""A camera in a process of its own.

A read that hangs in a driver or in FFmpeg cannot be ended from another thread, and keeps the
device busy; a process can be killed, and the system lets go of all it held. ``camera.py`` is
the other end: it sends an order, one line of JSON, to standard input, and takes messages from
standard output. The end of standard input means: stop.
"""

from __future__ import annotations

import json
import os
import signal
import struct
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import BinaryIO

from edgevid import EdgevidError, Frame, Pace, Source, clips, freshest, open_source

# Kind, timestamp in seconds, height, width, bytes to follow: RGB pixels, or UTF-8 for an error.
HEADER = struct.Struct("<cdHHI")
FRAME, ERROR = b"F", b"E"

_GRACE_S = 1.0  # to let go of the camera, once told to stop


@dataclass(frozen=True, slots=True)
class Order:
    """What to capture.

    Attributes:
        source: what ``edgevid.open_source`` takes, or a folder of videos.
        fps: frames a second that are wanted.
        mirror: swap left and right.
        speed: of files, how many times as fast as they were taken.
    """

    source: str
    fps: float
    mirror: bool = False
    speed: float = 1.0

    def line(self) -> bytes:
        """Returns the order as it is sent. Not as an argument: those can be seen by all."""
        return json.dumps(asdict(self)).encode() + b"\n"


def main() -> int:
    """Captures until told to stop, or until the camera fails."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # they are for the service, which then tells us
    # Libraries print what they like to standard output: keep the messages apart.
    out = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    order = Order(**json.loads(sys.stdin.buffer.readline()))
    stopping = threading.Event()
    threading.Thread(target=_until_told, args=(stopping,), daemon=True).start()
    pace = Pace(order.fps)
    with suppress(BrokenPipeError):
        try:
            for frame in _frames(order):
                if stopping.is_set():
                    break
                if pace.due(frame.timestamp):
                    image = frame.image[:, ::-1] if order.mirror else frame.image
                    _send(out, FRAME, frame.timestamp, image.shape[:2], image.tobytes())
        except EdgevidError as error:
            _send(out, ERROR, 0.0, (0, 0), str(error).encode())
    return 0


def _until_told(stopping: threading.Event) -> None:
    while os.read(0, 1):  # not by Python's buffer: its lock would stand in the way of exiting
        pass
    stopping.set()
    time.sleep(_GRACE_S)
    os._exit(0)


def _frames(order: Order) -> Iterator[Frame]:
    """Yields the frames of a camera; those of files again and again, as if they were one."""
    latest = 0.0
    while True:
        for clip in clips(order.source):
            source = open_source(clip)
            if source.is_live:
                with freshest(source) as frames:
                    yield from frames
            with source:
                for frame in _played(source, order.speed, latest + 1 / order.fps):
                    latest = frame.timestamp
                    yield frame
            time.sleep(1 / order.fps / order.speed)  # else the next one's would come too early


def _played(source: Source, speed: float, earliest: float) -> Iterator[Frame]:
    """Yields a file's frames when their moments come, as if they were taken now.

    The timestamps are at least ``earliest``; ``speed`` changes when frames come, not what they
    say of the time between them.
    """
    began = time.monotonic()
    first = None
    for frame in source:
        if first is None:
            first = frame.timestamp
        passed = frame.timestamp - first
        time.sleep(max(0.0, began + passed / speed - time.monotonic()))
        yield frame.at(max(began, earliest) + passed)


def _send(
    out: BinaryIO, kind: bytes, timestamp: float, size: tuple[int, ...], payload: bytes
) -> None:
    rest = memoryview(HEADER.pack(kind, timestamp, *size, len(payload)) + payload)
    while rest:
        rest = rest[out.write(rest) :]


if __name__ == "__main__":
    sys.exit(main())
