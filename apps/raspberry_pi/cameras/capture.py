"""Captures a camera in a process of its own.

A read that hangs in a driver or in FFmpeg cannot be ended from another thread, and keeps the
device busy; a process can be killed, and the system lets go of all it held. ``capture_process.py``
is the other end: it sends an order, one line of JSON, to standard input, and takes messages from
standard output and complaints from standard error. The end of standard input means: stop.
"""

from __future__ import annotations

import json
import logging
import os
import resource
import signal
import struct
import sys
import threading
import time
import traceback
from collections.abc import Generator, Iterator
from contextlib import closing, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from edgevid import EdgevidError, Frame, Pace, Source, SourceError, clips, freshest, open_source
from edgevid.sources.realtime import RealtimeSource
from edgevid.support.orientation import oriented

# Kind, timestamp in seconds, tick, height, width, bytes to follow: RGB pixels, or UTF-8.
HEADER = struct.Struct("<cdQHHI")
FRAME, ERROR, FILE = b"F", b"E", b"P"  # a picture; why it ends; which of a folder's files comes

LARGEST_BYTES = 64 << 20  # of one message: a picture of 5461x4096
LONGEST_SIDE = 8192

# What a process may hold. 1080p H.264 takes 220 MB of data and 520 MB of addresses, 4096x4096 620
# and 860 MB (two cores); what takes more than this reads without end, or is not for a small device.
_DATA_BYTES = 1 << 30
_ADDRESS_BYTES = 2 << 30

_GRACE_S = 1.0  # to let go of the camera, once told to stop
_LONGEST_PAUSE_S = 2.0  # between two pictures of a file: its times may jump by hours

_Picture = NDArray[np.uint8]
_LOG = logging.getLogger("edgevid.capture")


@dataclass(frozen=True, slots=True)
class Order:
    """What to capture.

    Attributes:
        source: what ``edgevid.open_source`` takes, or a folder of videos.
        fps: frames a second that are wanted.
        rotate: degrees clockwise by which the pictures are turned: 0, 90, 180 or 270.
        mirror: swap left and right, after that.
        speed: of files, how many times as fast as they were taken.
        after: of a folder's files, begin with the one that comes after this.
    """

    source: str
    fps: float
    rotate: int = 0
    mirror: bool = False
    speed: float = 1.0
    after: str = ""

    def line(self) -> bytes:
        """Returns the order as it is sent. Not as an argument: those can be seen by all."""
        return json.dumps(asdict(self)).encode() + b"\n"


class _Message(NamedTuple):
    """What is to be sent; ``capture_process.Message`` is what comes of it."""

    kind: bytes
    content: _Picture
    timestamp: float = 0.0
    tick: int = 0


def main() -> int:
    """Captures until told to stop, or until the camera fails."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # they are for the service, which then tells us
    # Libraries print what they like to standard output: keep the messages apart.
    out = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    line = sys.stdin.buffer.readline()
    if not line.endswith(b"\n"):
        return 0  # told to stop before being told what to do
    order = Order(**json.loads(line))
    _set_bounds()
    handler = logging.StreamHandler()
    handler.addFilter(_Once())
    logging.basicConfig(format="%(message)s", level=logging.WARNING, handlers=[handler])
    stopping = threading.Event()
    threading.Thread(target=_until_told, args=(stopping,), daemon=True).start()
    with suppress(BrokenPipeError):
        try:
            for message in _messages(order):
                if stopping.is_set():
                    break
                _send(out, message)
        except BrokenPipeError:
            raise
        except Exception as error:  # whatever it is, the service is to know it
            _send(out, _Message(ERROR, _bytes(_reason(error))))
    return 0


def _set_bounds() -> None:
    """Has the system refuse memory beyond what pictures take, and choose this process to kill."""
    for kind, most in ((resource.RLIMIT_DATA, _DATA_BYTES), (resource.RLIMIT_AS, _ADDRESS_BYTES)):
        with suppress(OSError, ValueError):  # where a sandbox forbids even to ask
            _, hard = resource.getrlimit(kind)
            most = most if hard == resource.RLIM_INFINITY else min(most, hard)
            resource.setrlimit(kind, (most, hard))
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("500", "ascii")


def _until_told(stopping: threading.Event) -> None:
    try:
        while os.read(0, 1):  # not by Python's buffer: its lock would stand in the way of exiting
            pass
        stopping.set()
        time.sleep(_GRACE_S)
    finally:
        os._exit(0)  # also when this thread fails: nothing else notices the service's end


def _reason(error: Exception) -> str:
    if isinstance(error, EdgevidError):
        return str(error)
    if isinstance(error, MemoryError):
        return "not enough memory for its pictures"
    return f"cannot be captured: {unexpected(error)}"


def unexpected(error: Exception) -> str:
    """Returns a line for an unexpected error: what, and where."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    name = Path(place.filename).name
    return f"{type(error).__name__}: {error} ({name}:{place.lineno})"


def _messages(order: Order) -> Generator[_Message, None, None]:
    """Yields what is to be sent.

    Files are played again and again, as if they were one video. Of a folder's files those that
    cannot be read are passed over.

    Raises:
        SourceError: the camera failed; or none of a folder's files can be read.
    """
    pace = Pace(order.fps)
    after, latest = order.after, 0.0
    while True:
        found = clips(order.source)  # in each round anew: files come and go
        first = found.index(after) + 1 if after in found else 0
        after, are_several = "", len(found) > 1
        problems: list[str] = []
        shown = 0
        for clip in found[first:]:
            if are_several:
                yield _Message(FILE, _bytes(clip))
            try:
                with closing(_frames(clip, order, latest + 1 / order.fps)) as frames:
                    for frame in frames:
                        latest = frame.timestamp
                        if not pace.due(latest):
                            continue
                        yield _Message(FRAME, _picture(frame, order), latest, pace.tick)
                        shown += 1
                        for problem in problems:
                            _LOG.warning("%s: it is passed over", problem)
                        problems.clear()
            except (EdgevidError, MemoryError) as error:
                if not are_several:
                    raise
                problems.append(_reason(error))
            time.sleep(1 / order.fps / order.speed)  # else the next one's would come too early
        if not shown and first == 0 and are_several:
            raise SourceError(f"none of its {len(found)} files can be played: {problems[0]}")
        for problem in problems:
            _LOG.warning("%s: it is passed over", problem)


def _frames(clip: str, order: Order, earliest: float) -> Generator[Frame, None, None]:
    source = open_source(clip)
    if not source.is_live:
        with source:
            yield from _played(source, order, earliest)
        return
    with freshest(source) as frames:
        yield from frames
    raise SourceError(f"{source.name}: the stream ended")


def _played(source: Source, order: Order, earliest: float) -> Iterator[Frame]:
    """Yields a file's frames when their moments come, as if they were taken now.

    The timestamps are at least ``earliest``; the order's speed changes when frames come, not what
    they say of the time between them.
    """
    played = RealtimeSource(source, speed=order.speed, longest_pause=_LONGEST_PAUSE_S)
    shift: float | None = None
    for frame in played:
        if shift is None:
            shift = max(time.monotonic(), earliest) - frame.timestamp
        yield frame.at(frame.timestamp - played.left_out + shift)


def _picture(frame: Frame, order: Order) -> _Picture:
    image = frame.image
    height, width = image.shape[:2]
    if max(height, width) > LONGEST_SIDE or image.nbytes > LARGEST_BYTES:
        raise SourceError(
            f"its pictures of {width}x{height} are too large: set the camera to 4096x4096 or less"
        )
    return oriented(image, rotate=order.rotate, mirror=order.mirror)


def _bytes(text: str) -> _Picture:
    return np.frombuffer(text.encode("utf-8", "surrogateescape"), np.uint8)


def _send(out: BinaryIO, message: _Message) -> None:
    kind, content, timestamp, tick = message
    height, width = content.shape[:2] if kind == FRAME else (0, 0)
    header = HEADER.pack(kind, timestamp, tick, height, width, content.nbytes)
    for part in (header, content.reshape(-1).data):
        rest = memoryview(part)
        while rest:
            rest = rest[out.write(rest) :]


class _Once(logging.Filter):
    """Lets each line pass once: a file that is played in a loop causes all of them each time."""

    def __init__(self) -> None:
        super().__init__()
        self._said: set[str] = set()

    def filter(self, record: logging.LogRecord) -> bool:
        text = record.getMessage()
        if text in self._said or len(self._said) > 1000:
            return False
        self._said.add(text)
        return True


if __name__ == "__main__":
    sys.exit(main())
