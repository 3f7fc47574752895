"""Keeps one camera going: starts its process, notices when it fails, starts it anew."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from apps.raspberry_pi.capture import ERROR, HEADER, Order
from apps.raspberry_pi.hub import State
from edgevid import Frame, SourceError

_ROOT = Path(__file__).parents[2]  # where the packages apps and edgevid are
_OPENING_S = 20.0  # until the first frame; a network camera may take this long
_FIRST_WAIT_S = 0.5  # before it is opened again; doubles with each failure
_ENDING_S = 0.5  # for a camera to end by itself when told to
_SLICE_S = 0.1  # of waiting for a frame
_PIPE_BYTES = 1 << 20  # a picture in one go, or nearly
_LARGEST_BYTES = 1 << 28  # of one message: more is not a picture

Process = subprocess.Popen[bytes]
Turned = Callable[[State, str], None]


class Camera:
    """One camera, always the newest frame.

    Args:
        name: how to call it.
        order: what to capture.
        stall: seconds without a frame after which it counts as lost.
        longest_wait: seconds between attempts to open it, at most.
        turned: told of each change of state, with one line that says why.
        arrived: told of each frame.
    """

    def __init__(
        self,
        name: str,
        order: Order,
        *,
        stall: float,
        longest_wait: float,
        turned: Turned,
        arrived: Callable[[], None],
    ) -> None:
        self._losses = 0
        self._refused = ""
        self._order = order
        self._stall = stall
        self._longest_wait = longest_wait
        self._turned = turned
        self._arrived = arrived
        self._newest: Frame | None = None
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._process: Process | None = None
        self._thread = threading.Thread(target=self._run, name=f"camera {name}", daemon=True)

    def start(self) -> None:
        """Begins to capture."""
        self._thread.start()

    def take(self) -> tuple[int, Frame | None]:
        """Returns how often the camera was lost, and its newest frame if not taken yet.

        What came before a loss and what came after are not one video.
        """
        with self._lock:
            frame, self._newest = self._newest, None
            return self._losses, frame

    def refuse(self, problem: str) -> None:
        """Treats the camera as lost: its frames cannot be used, and why."""
        self._refused = problem

    def stop(self) -> None:
        """Begins to end; ``join`` waits for it."""
        self._stopping.set()
        with self._lock:
            process = self._process
        if process is not None:
            _tell_to_stop(process)

    def join(self, within: float) -> None:
        """Waits for the end, so many seconds at most; a process that hangs is killed."""
        self._thread.join(within / 2)
        with self._lock:
            process = self._process
        if process is not None and self._thread.is_alive():
            process.kill()
            self._thread.join(within / 2)

    def _run(self) -> None:
        wait = _FIRST_WAIT_S
        while not self._stopping.is_set():
            process, hangs = None, False
            try:
                process = self._start_process()
                for frame in self._frames(process):
                    with self._lock:
                        self._newest = frame
                    wait = _FIRST_WAIT_S if frame.index else wait  # one picture proves little
                    self._turned("live", "")
                    self._arrived()
            except TimeoutError as error:
                hangs, problem = True, str(error)
            except SourceError as error:
                problem = str(error)
            except OSError as error:  # no process: out of memory, or of files
                problem = f"cannot be captured: {error}"
            if not self._stopping.is_set():
                with self._lock:
                    self._newest = None
                    self._losses += 1
                self._turned("lost", problem)
                self._arrived()
            if process is not None:
                self._end(process, at_once=hangs)
            self._stopping.wait(wait)
            wait = min(2 * wait, self._longest_wait)

    def _frames(self, process: Process) -> Iterator[Frame]:
        """Yields the frames of one process; never ends but by an error.

        Raises:
            TimeoutError: no frame came for too long.
            SourceError: the camera failed.
        """
        patience = _OPENING_S
        for index in count():
            kind, timestamp, shape, payload = self._message(process, patience)
            if kind == ERROR:
                raise SourceError(payload.tobytes().decode("utf-8", "replace"))
            if self._refused:
                problem, self._refused = self._refused, ""
                raise SourceError(problem)
            yield Frame(payload.reshape(*shape, 3), timestamp, index)
            patience = self._stall

    def _start_process(self) -> Process:
        paths = [str(_ROOT), os.environ.get("PYTHONPATH", "")]
        process = subprocess.Popen(
            [sys.executable, "-m", "apps.raspberry_pi.capture"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pipesize=_PIPE_BYTES,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))},
            bufsize=0,
        )
        assert process.stdin
        with self._lock:
            self._process = process
        with suppress(BrokenPipeError):  # it has ended already: to read from it will say so
            process.stdin.write(self._order.line())
        if self._stopping.is_set():
            _tell_to_stop(process)
        return process

    def _message(
        self, process: Process, patience: float
    ) -> tuple[bytes, float, tuple[int, int], NDArray[np.uint8]]:
        """Returns the next message: kind, timestamp, height and width, payload."""
        assert process.stdout
        pipe = process.stdout.fileno()
        header = bytearray(HEADER.size)
        try:
            left = _fill(memoryview(header), pipe, patience)
            kind, timestamp, height, width, size = HEADER.unpack(header)
            if size > _LARGEST_BYTES:
                raise SourceError(f"a picture of {width}x{height} is too large")
            payload = np.empty(size, np.uint8)
            _fill(payload.data, pipe, left)
        except TimeoutError:
            raise TimeoutError(f"no picture for {patience:g} s") from None
        except EOFError:
            raise SourceError("its capture process ended unexpectedly") from None
        return kind, timestamp, (height, width), payload

    def _end(self, process: Process, *, at_once: bool) -> None:
        """Ends a process and waits until the system has let go of all that it held."""
        _tell_to_stop(process)
        assert process.stdout
        process.stdout.close()
        try:
            process.wait(0 if at_once else _ENDING_S)
        except subprocess.TimeoutExpired:
            process.kill()
        while True:
            try:
                process.wait(1.0)
                break
            except subprocess.TimeoutExpired:
                # In a driver that lets nobody go: another process would only hang beside it.
                if self._stopping.is_set():
                    break
                self._turned("lost", "hangs in its driver: unplug it, or reboot")
        with self._lock:
            self._process = None


def _tell_to_stop(process: Process) -> None:
    assert process.stdin
    with suppress(BrokenPipeError):
        process.stdin.close()


def _fill(rest: memoryview, pipe: int, patience: float) -> float:
    """Reads until a buffer of bytes is full; returns what is left of the patience, in seconds.

    Patience is lost slice by slice and not by the clock: while the whole machine was suspended,
    or this process had no turn, the camera had no chance.
    """
    poll = select.poll()
    poll.register(pipe, select.POLLIN)
    while rest:
        if poll.poll(_SLICE_S * 1000):
            count = os.readv(pipe, [rest])
            if count == 0:
                raise EOFError
            rest = rest[count:]
        else:
            patience -= _SLICE_S
            if patience <= 0:
                raise TimeoutError
    return patience
