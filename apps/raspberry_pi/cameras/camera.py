"""Keeps one camera running: starts its process, and starts another when it fails."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace

from apps.raspberry_pi.cameras.capture import ERROR, FILE, FRAME, Order, unexpected
from apps.raspberry_pi.cameras.capture_process import CaptureProcess
from apps.raspberry_pi.cameras.masking import shown
from apps.raspberry_pi.status import State
from edgevid import Frame, SourceError

_LOG = logging.getLogger("edgevid.service")

_OPENING_S = 20.0  # until the first frame; a network camera may take this long
_FIRST_WAIT_S = 0.5  # before it is opened again; doubles with each failure

SetState = Callable[[State, str], None]


class Camera:
    """One camera, always the newest frame.

    Args:
        name: how to call it.
        order: what to capture.
        stall: seconds without a frame after which it counts as lost.
        longest_wait: seconds between attempts to open it, at most.
        set_state: told of each change of state, with one line that says why.
        arrived: told of each frame.
        on: whether it watches from the start.
    """

    def __init__(
        self,
        name: str,
        order: Order,
        *,
        stall: float,
        longest_wait: float,
        set_state: SetState,
        arrived: Callable[[], None],
        on: bool = True,
    ) -> None:
        self._name = name
        self._losses = 0
        self._refused = ""
        self._file = ""  # of a folder: which is being played
        self._order = order
        self._stall = stall
        self._longest_wait = longest_wait
        self._set_state = set_state
        self._arrived = arrived
        self._newest: Frame | None = None
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._stirred = threading.Event()  # told to stop, to watch or to rest
        self._on = on
        self._process: CaptureProcess | None = None
        self._thread = self._new_thread()

    def start(self) -> None:
        """Begins to capture."""
        self._thread.start()

    def tend(self) -> None:
        """Starts the thread anew, should it have ended. To be called now and then."""
        if self._thread.is_alive() or self._stopping.is_set():
            return
        self._lose("its thread ended unexpectedly")
        thread = self._new_thread()
        with suppress(RuntimeError):  # no thread to be had: with the next call, perhaps
            thread.start()
            self._thread = thread

    def _new_thread(self) -> threading.Thread:
        return threading.Thread(target=self._run, name=f"camera {self._name}", daemon=True)

    def take(self) -> tuple[int, Frame | None]:
        """Returns how often the camera was lost, and its newest frame if not taken yet.

        What came before a loss and what came after are not one video.
        """
        with self._lock:
            frame, self._newest = self._newest, None
            return self._losses, frame

    def watch(self, on: bool) -> None:
        """Has it capture, or rest: then its process ends, and it is ``off``."""
        self._on = on
        self._stirred.set()
        with self._lock:
            process = self._process
        if process is not None and not on:
            process.tell_to_stop()

    def refuse(self, problem: str) -> None:
        """Treats the camera as lost: its frames cannot be used, and why."""
        self._refused = problem

    def stop(self) -> None:
        """Begins to end; ``join`` waits for it."""
        self._stopping.set()
        self._stirred.set()
        with self._lock:
            process = self._process
        if process is not None:
            process.tell_to_stop()

    def join(self, within: float) -> None:
        """Waits for the end, so many seconds at most; a process that hangs is killed."""
        self._thread.join(within / 2)
        with self._lock:
            process = self._process
        if process is not None and self._thread.is_alive():
            process.kill()
            self._thread.join(within / 2)

    def _run(self) -> None:
        if self._process is not None:  # of a thread that ended unexpectedly
            self._end(self._process, at_once=True)
        wait = _FIRST_WAIT_S
        while not self._stopping.is_set():
            self._stirred.clear()
            if self._stopping.is_set():
                return
            if not self._on:
                self._rest()
                wait = _FIRST_WAIT_S
                continue
            frames, problem, hangs = 0, "", False
            try:
                process = self._start_process()
                for frame in self._frames(process):
                    with self._lock:
                        self._newest = frame
                    frames += 1
                    self._set_state("live", "")
                    self._arrived()
            except TimeoutError as error:
                hangs, problem = True, str(error)
            except SourceError as error:
                problem = str(error)
            except OSError as error:  # no process: out of memory, or of files
                problem = f"cannot be captured: {error}"
            except Exception as error:  # whatever it is, the camera is lost and not the thread
                problem = f"cannot be captured: {unexpected(error)}"
            if not self._stopping.is_set() and self._on:
                self._lose(problem)
            if self._process is not None:
                self._end(self._process, at_once=hangs)
            if frames > 1:  # one picture proves little
                wait = _FIRST_WAIT_S
            self._stirred.wait(wait)
            wait = min(2 * wait, self._longest_wait)

    def _rest(self) -> None:
        """Waits until it is to watch again."""
        self._part()
        self._set_state("off", "")
        self._arrived()
        while not (self._on or self._stopping.is_set()):
            self._stirred.wait()
            self._stirred.clear()
        if not self._stopping.is_set():
            self._set_state("starting", "")

    def _lose(self, problem: str) -> None:
        self._part()
        self._set_state("lost", shown(problem, self._order.source))
        self._arrived()

    def _part(self) -> None:
        """What comes from now on is another video."""
        with self._lock:
            self._newest = None
            self._losses += 1

    def _frames(self, process: CaptureProcess) -> Iterator[Frame]:
        """Yields the frames of one process, numbered by ticks; never ends but by an error.

        Raises:
            TimeoutError: no frame came for too long.
            SourceError: the camera failed.
        """
        patience = _OPENING_S
        while True:
            message = process.receive(patience)
            if message.kind == FILE:
                self._file, patience = message.text, _OPENING_S
                continue
            if message.kind == ERROR:
                self._file = ""  # a folder that ends so has no file that can be played
                raise SourceError(message.text)
            if message.kind != FRAME:
                raise SourceError("its capture process sends nonsense")
            if self._refused:
                problem, self._refused = self._refused, ""
                raise SourceError(problem)
            yield Frame(message.payload, message.timestamp, message.tick)
            patience = self._stall

    def _start_process(self) -> CaptureProcess:
        # A file of a folder that ended the process before is not tried again at once.
        process = CaptureProcess(replace(self._order, after=self._file), self._said)
        with self._lock:
            self._process = process
        if self._stopping.is_set() or not self._on:
            process.tell_to_stop()
        return process

    def _said(self, line: str) -> None:
        _LOG.warning("%s: %s", self._name, shown(line, self._order.source))

    def _end(self, process: CaptureProcess, *, at_once: bool) -> None:
        """Ends a process and waits until the system has let go of all that it held."""
        process.end(at_once=at_once, hangs=self._hangs)
        with self._lock:
            self._process = None

    def _hangs(self) -> bool:
        # Stuck in a driver: another process would only hang beside it.
        if self._stopping.is_set():
            return False
        if not self._on:
            return True
        self._set_state("lost", "hangs in its driver: unplug it, or reboot")
        return True
