"""Several processes on one machine, each with one task at a time.

A process that dies, as a decoder can on a damaged file, costs the task that it had, which is tried
once more; the others go on.
"""

from __future__ import annotations

import ctypes
import itertools
import logging
import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from typing import Generic, TypeVar

from edgevid.errors import EdgevidError, SourceError

T = TypeVar("T")
R = TypeVar("R")

_TRIES = 2
_PR_SET_PDEATHSIG = 1


def cores() -> int:
    """Returns how many cores this process may use."""
    return len(os.sched_getaffinity(0))


def run(
    work: Callable[[T], R], tasks: Iterable[T], processes: int
) -> Iterator[tuple[T, R | EdgevidError]]:
    """Yields each task with what came of it, as they end.

    Args:
        work: a function that a new process can import; may raise ``EdgevidError``.
        tasks: what it takes.
        processes: how many at once.
    """
    fresh = iter(tasks)
    waiting: deque[tuple[T, int]] = deque()
    pool: list[_Process[T, R]] = []
    try:
        while True:
            if len(waiting) < processes:  # no more are drawn than are soon begun
                waiting += [(task, 1) for task in itertools.islice(fresh, processes)]
            while len(pool) < min(processes, len(waiting) + _busy(pool)):
                pool.append(_Process(work))
            for process in pool:
                if process.task is None and waiting:
                    process.give(*waiting.popleft())
            if not _busy(pool):
                return
            busy = {process.pipe: process for process in pool if process.task is not None}
            for pipe in wait(list(busy)):
                process = busy[pipe]  # type: ignore[index]
                task, tries = process.task, process.tries
                assert task is not None
                try:
                    result = process.take()
                except (EOFError, OSError):
                    pool.remove(process)
                    process.end()
                    if tries < _TRIES:
                        waiting.append((task, tries + 1))
                        continue
                    result = SourceError("the process that read it died, twice")
                yield task, result
    finally:
        for process in pool:
            process.end()


def _busy(pool: list[_Process[T, R]]) -> int:
    return sum(process.task is not None for process in pool)


class _Process(Generic[T, R]):
    """One process and what it is at."""

    def __init__(self, work: Callable[[T], R]) -> None:
        context = multiprocessing.get_context("spawn")  # a fork would share what must not be
        self.task: T | None = None
        self.tries = 0
        self.pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(work, theirs), daemon=True)
        self._process.start()
        theirs.close()

    def give(self, task: T, tries: int) -> None:
        self.task, self.tries = task, tries
        with suppress(OSError):  # it has died: to take from it will say so
            self.pipe.send(task)

    def take(self) -> R | EdgevidError:
        result: R | EdgevidError = self.pipe.recv()
        self.task = None
        return result

    def end(self) -> None:
        self.pipe.close()
        self._process.terminate()
        self._process.join()


def _serve(work: Callable[[T], R], pipe: Connection) -> None:
    """Works until the pipe is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent hears it, and ends this
    _die_with_parent()
    # What is said once by the parent need not be said by each.
    logging.getLogger("edgevid").setLevel(logging.ERROR)
    with suppress(EOFError, OSError):
        while True:
            task = pipe.recv()
            try:
                result: R | EdgevidError = work(task)
            except EdgevidError as error:
                result = _plain(error)
            pipe.send(result)


def _plain(error: EdgevidError) -> EdgevidError:
    """Returns an error that can be sent: errors of the system have arguments of their own."""
    return type(error)(str(error))


def _die_with_parent() -> None:
    parent = os.getppid()
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
