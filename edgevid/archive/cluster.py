"""Many machines, by Ray: a task for each recording.

Each node needs edgevid, and must reach the model and the recordings by the same names.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from edgevid.archive import libraries
from edgevid.errors import EdgevidError, SourceError

T = TypeVar("T")
R = TypeVar("R")

LOCAL = "local"
_RETRIES = 5  # of a task whose node or process died
_WAITING = 2  # tasks for each core that are handed over; results wait in memory until taken


def run(
    work: Callable[[T], R], tasks: Iterable[T], address: str
) -> Iterator[tuple[T, R | EdgevidError]]:
    """Yields each task with what came of it, as they end.

    Args:
        work: what a node runs; may raise ``EdgevidError``.
        tasks: what it takes.
        address: of a cluster (``host:6379``, ``ray://host:10001``, ``auto``), or ``local``.

    Raises:
        MissingDependencyError: Ray is not installed.
        SourceError: there is no cluster at that address, or it went away.
    """
    ray = libraries.ray()
    started = not ray.is_initialized()
    if started:
        _connect(ray, address)
    try:
        yield from _run(ray, work, tasks)
    finally:
        if started:
            ray.shutdown()


def _connect(ray: Any, address: str) -> None:
    try:
        ray.init(
            address=None if address == LOCAL else address,
            logging_level=logging.ERROR,
            log_to_driver=False,
            include_dashboard=False if address == LOCAL else None,
        )
    except Exception as error:  # Ray's own, of many kinds
        raise SourceError(f"no Ray cluster at {address}: {str(error).splitlines()[0]}") from error


def _run(
    ray: Any, work: Callable[[T], R], tasks: Iterable[T]
) -> Iterator[tuple[T, R | EdgevidError]]:
    remote = ray.remote(max_retries=_RETRIES, num_cpus=1)(_caught)
    shared = ray.put(work)
    waiting = iter(tasks)
    running: dict[Any, T] = {}
    exhausted = False
    while True:
        most = _WAITING * max(1, int(ray.cluster_resources().get("CPU", 1)))
        while not exhausted and len(running) < most:
            task = next(waiting, None)
            if task is None:
                exhausted = True
            else:
                running[remote.remote(shared, task)] = task
        if not running:
            return
        ended, _ = ray.wait(list(running), num_returns=1, timeout=5.0)
        for reference in ended:
            task = running.pop(reference)
            try:
                yield task, ray.get(reference)
            except ray.exceptions.RayError as error:
                said = str(error).splitlines()[0]
                yield task, SourceError(f"was lost with its node {_RETRIES + 1} times: {said}")


def _caught(work: Callable[[T], R], task: T) -> R | EdgevidError:
    """An error of the recording is a result: only a node that dies is worth another try."""
    try:
        return work(task)
    except EdgevidError as error:
        return type(error)(str(error))
