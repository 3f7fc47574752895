"""Prepares what comes next while what came before is being used."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Made = TypeVar("Made")


def prefetched(make: Callable[[Item], Made], items: Iterable[Item], ahead: int) -> Iterator[Made]:
    """Yields what ``make`` makes of each item, in order, at most ``ahead`` of them in advance."""
    with ThreadPoolExecutor(2) as pool:
        waiting = deque[Future[Made]]()
        for item in items:
            waiting.append(pool.submit(make, item))
            if len(waiting) > ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
