"""The service's log: one line a message, and a limit on lines of one kind.

Whatever goes wrong a thousand times a second (a client that reconnects, a system without file
descriptors, a decoder that complains of each picture) is told once a minute, with a count.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass

_LOG = logging.getLogger("edgevid.service")

_MINUTE_S = 60.0
_TEXTS_A_TEMPLATE = 20  # different lines a minute that one place in the program may write
_TEXTS_A_LOGGER = 100  # and one logger
_KINDS = 1000  # that are remembered at once
_LONGEST = 2000  # characters of a line

NEWS = {"a_minute": 6}  # extra= of lines that repeat because something really happens again


def set_up() -> Limit:
    """Has everything that is logged go to standard error; returns what limits it."""
    handler = logging.StreamHandler()
    limit = Limit(lambda record: handler.emit(record))
    handler.addFilter(limit)
    logging.basicConfig(format="%(message)s", level=logging.INFO, handlers=[handler])
    threading.excepthook = _thread_failed
    return limit


@dataclass(slots=True)
class _Count:
    """Of one kind of line within a minute: when that began, what was written, what was not."""

    since: float
    written: int = 0
    held: int = 0
    last: logging.LogRecord | None = None


class Limit(logging.Filter):
    """Lets a line of a kind pass once a minute, and counts those that it holds back.

    Lines are of one kind when they differ in nothing but numbers. A record's ``a_minute`` (see
    ``NEWS``) lets so many pass.

    Args:
        emit: writes the counts of what was held back.
        clock: seconds that pass by themselves.
    """

    def __init__(
        self,
        emit: Callable[[logging.LogRecord], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        self._emit = emit
        self._clock = clock
        self._lock = threading.RLock()
        self._counts: OrderedDict[Hashable, _Count] = OrderedDict()

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a record is to be written."""
        text = _text(record)
        place, allowed = (record.name, record.levelno), getattr(record, "a_minute", 1)
        kinds: tuple[tuple[Hashable, int], ...] = (
            ((*place, re.sub(r"\d+", "#", text)), allowed),
            ((*place, "template", str(record.msg)), allowed * _TEXTS_A_TEMPLATE),
            (place, allowed * _TEXTS_A_LOGGER),
        )
        with self._lock:
            self.sum_up()
            for kind, most in kinds:
                count = self._counts.get(kind)
                if count is not None and count.written >= most:
                    count.held += 1
                    count.last = record
                    return False
            for kind, _ in kinds:
                self._count(kind).written += 1
        return True

    def sum_up(self, *, at_once: bool = False) -> None:
        """Writes the counts of what was held back in minutes that are over.

        Args:
            at_once: also in those that are not.
        """
        now = self._clock()
        with self._lock:
            while self._counts:
                kind, count = next(iter(self._counts.items()))
                if not at_once and now - count.since < _MINUTE_S:
                    break
                del self._counts[kind]
                if count.held and count.last is not None:
                    self._write(count.last, count.held)
                    if not at_once:  # that line counts as the next minute's
                        self._counts[kind] = _Count(now, written=count.written)

    def _count(self, kind: Hashable) -> _Count:
        count = self._counts.get(kind)
        if count is None:
            if len(self._counts) >= _KINDS:
                _, oldest = self._counts.popitem(last=False)
                if oldest.held and oldest.last is not None:
                    self._write(oldest.last, oldest.held)
            count = self._counts[kind] = _Count(self._clock())
        return count

    def _write(self, record: logging.LogRecord, held: int) -> None:
        told = logging.makeLogRecord(record.__dict__)
        told.msg, told.args = f"{_text(record)} ({held} more like this in the last minute)", ()
        told.exc_info = told.exc_text = None
        self._emit(told)


def _text(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()[:_LONGEST]
    except Exception:  # arguments that do not fit: a fault in the line, not in what it tells of
        return str(record.msg)[:_LONGEST]


def _thread_failed(failed: threading.ExceptHookArgs) -> None:
    name = failed.thread.name if failed.thread else "a thread"
    kind = failed.exc_type.__name__
    trace = (failed.exc_type, failed.exc_value or failed.exc_type(), failed.exc_traceback)
    _LOG.error("the thread %s ended: %s", name, kind, exc_info=trace)
