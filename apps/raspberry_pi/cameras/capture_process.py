"""One capture process, seen from the service: its messages, its log, its end."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from apps.raspberry_pi.cameras.capture import FRAME, HEADER, LARGEST_BYTES, LONGEST_SIDE, Order
from edgevid import SourceError

_ROOT = Path(__file__).parents[3]  # where the packages apps and edgevid are
_ENDING_S = 0.5  # for a camera to end by itself when told to
_SLICE_S = 0.1  # of waiting for a frame
_PIPE_BYTES = 1 << 20  # a picture in one go, or nearly
_COMPLAINT_BYTES = 1 << 16  # that are read at once
_LINES_A_SECOND = 10  # of complaints; a decoder may have thousands
_LONGEST_LINE = 4096  # bytes


class Message(NamedTuple):
    """What a capture process sends.

    Attributes:
        kind: ``FRAME``, ``ERROR`` or ``FILE``.
        timestamp: of a frame, monotonic seconds.
        tick: of a frame, of the clock by which the order's ``fps`` are chosen.
        payload: of a frame RGB, uint8, ``[height, width, 3]``; else bytes of UTF-8.
    """

    kind: bytes
    timestamp: float
    tick: int
    payload: NDArray[np.uint8]

    @property
    def text(self) -> str:
        """What it says in words."""
        return self.payload.tobytes().decode("utf-8", "surrogateescape")


class CaptureProcess:
    """Belongs to one thread; ``tell_to_stop`` and ``kill`` may be called from others.

    Args:
        order: what to capture.
        said: called with each line that the process writes to standard error, ten a second at
            most.

    Raises:
        OSError: the system has no process left, or no file.
    """

    def __init__(self, order: Order, said: Callable[[str], None]) -> None:
        paths = [str(_ROOT), os.environ.get("PYTHONPATH", "")]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "apps.raspberry_pi.cameras.capture"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pipesize=_PIPE_BYTES,
            env={
                "MALLOC_ARENA_MAX": "2",  # else each thread takes addresses, which are bounded
                **os.environ,
                "PYTHONPATH": os.pathsep.join(filter(None, paths)),
            },
            bufsize=0,
        )
        self.pid = self._process.pid
        assert self._process.stdin
        assert self._process.stdout
        assert self._process.stderr
        self._orders, self._out = self._process.stdin, self._process.stdout
        self._complaints = _Complaints(self._process.stderr.fileno(), said)
        with suppress(BrokenPipeError):  # it has ended already: to read from it will say so
            self._orders.write(order.line())

    def receive(self, patience: float) -> Message:
        """Returns the next message.

        Raises:
            TimeoutError: none came for so many seconds.
            SourceError: the process has ended, or sends nonsense.
        """
        header = bytearray(HEADER.size)
        try:
            left = self._fill(memoryview(header), patience)
            kind, timestamp, tick, height, width, size = HEADER.unpack(header)
            is_picture = 0 < size == height * width * 3 and max(height, width) <= LONGEST_SIDE
            if kind == FRAME and not is_picture:
                raise SourceError(f"its capture process sends nonsense: {width}x{height}, {size}")
            if size > LARGEST_BYTES:
                raise SourceError(f"its capture process sends nonsense: {size} bytes")
            payload = np.empty(size, np.uint8)
            self._fill(payload.data, left)
        except TimeoutError:
            raise TimeoutError(f"no picture for {patience:g} s") from None
        except EOFError:
            raise SourceError(f"its capture process ended unexpectedly{self._why()}") from None
        if kind == FRAME:
            payload = payload.reshape(height, width, 3)
        return Message(kind, timestamp, tick, payload)

    def tell_to_stop(self) -> None:
        """Has it end by itself soon."""
        with suppress(BrokenPipeError):
            self._orders.close()

    def kill(self) -> None:
        """Has the system end it."""
        self._process.kill()

    def end(self, *, at_once: bool, hangs: Callable[[], bool]) -> None:
        """Waits until it has ended and the system has let go of all that it held.

        Args:
            at_once: do not wait for it to end by itself.
            hangs: called every second while not even killing it helps; returns whether to go on
                waiting.
        """
        self.tell_to_stop()
        self._out.close()
        try:
            self._process.wait(0 if at_once else _ENDING_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
        while True:
            try:
                self._process.wait(1.0)
                break
            except subprocess.TimeoutExpired:
                if not hangs():
                    break
        self._complaints.read()
        self._complaints.are_open = False
        assert self._process.stderr
        self._process.stderr.close()

    def _why(self) -> str:
        """Returns how the process ended, where that tells something."""
        try:
            code = self._process.wait(_ENDING_S)
        except subprocess.TimeoutExpired:
            return ""
        return f" (signal {-code})" if code < 0 else f" (exit code {code})" if code else ""

    def _fill(self, rest: memoryview, patience: float) -> float:
        """Reads until a buffer of bytes is full; returns what is left of the patience, in seconds.

        Patience is lost slice by slice and not by the clock: while the whole machine was suspended,
        or this process had no turn, the camera had no chance.
        """
        pipe, complaints = self._out.fileno(), self._complaints
        poll = select.poll()
        poll.register(pipe, select.POLLIN)
        if complaints.are_open:
            poll.register(complaints.pipe, select.POLLIN)
        while rest:
            began = time.monotonic()
            ready = [number for number, _ in poll.poll(_SLICE_S * 1000)]
            if complaints.pipe in ready and not complaints.read():
                poll.unregister(complaints.pipe)
            if pipe in ready:
                count = os.readv(pipe, [rest])
                if count == 0:
                    raise EOFError
                rest = rest[count:]
            else:
                patience -= min(_SLICE_S, time.monotonic() - began) if ready else _SLICE_S
                if patience <= 0:
                    raise TimeoutError
        return patience


class _Complaints:
    """What a process writes to standard error, line by line."""

    def __init__(self, pipe: int, said: Callable[[str], None]) -> None:
        self.pipe = pipe
        self.are_open = True
        self._said = said
        self._rest = b""
        self._second = 0
        self._lines = self._left_out = 0
        os.set_blocking(pipe, False)

    def read(self) -> bool:
        """Takes what there is; returns whether there may be more."""
        if not self.are_open:
            return False
        try:
            data = os.read(self.pipe, _COMPLAINT_BYTES)
        except BlockingIOError:
            return True
        except OSError:
            data = b""
        if not data:
            self.are_open = False
            data = b"\n" if self._rest else b""
        *lines, rest = (self._rest + data).split(b"\n")
        self._rest = rest[:_LONGEST_LINE]
        for line in lines:
            self._tell(line[:_LONGEST_LINE])
        return self.are_open

    def _tell(self, line: bytes) -> None:
        second = int(time.monotonic())
        if second != self._second:
            left_out, self._second, self._lines, self._left_out = self._left_out, second, 0, 0
            if left_out:
                self._said(f"{left_out} more lines")
        if not line.strip():
            return
        self._lines += 1
        if self._lines > _LINES_A_SECOND:
            self._left_out += 1
        else:
            self._said(line.decode("utf-8", "replace"))
