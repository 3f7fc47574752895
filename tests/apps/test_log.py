"""No kind of line fills the log."""

from __future__ import annotations

import logging
import threading

import pytest

from apps.raspberry_pi import log
from apps.raspberry_pi.log import NEWS, Limit


class Written:
    """A logger whose lines are kept, and a clock that a test sets."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.lines: list[str] = []
        handler = logging.Handler()
        handler.emit = lambda record: self.lines.append(record.getMessage())  # type: ignore[method-assign]
        self.limit = Limit(lambda record: handler.emit(record), lambda: self.now)
        handler.addFilter(self.limit)
        self.logger = logging.Logger("a service")
        self.logger.addHandler(handler)


@pytest.fixture
def written() -> Written:
    return Written()


def test_a_kind_of_line_passes_once_a_minute_with_a_count(written: Written) -> None:
    for number in range(312):
        written.logger.warning("client %d is one too many", number)
    assert written.lines == ["client 0 is one too many"]
    written.now += 61
    written.limit.sum_up()
    assert written.lines[1:] == [
        "client 311 is one too many (311 more like this in the last minute)"
    ]
    written.logger.warning("client %d is one too many", 5)  # that line was this minute's
    assert len(written.lines) == 2
    written.now += 61
    written.limit.sum_up()
    written.now += 61
    written.limit.sum_up()
    written.logger.warning("client %d is one too many", 6)
    assert written.lines[2:] == [
        "client 5 is one too many (1 more like this in the last minute)",
        "client 6 is one too many",
    ]


def test_a_flood_of_hours_is_a_line_a_minute(written: Written) -> None:
    for _ in range(60):
        for _ in range(100):
            written.logger.error("out of file descriptors")
        written.now += 60.5
    assert len(written.lines) <= 61
    assert "(100 more like this in the last minute)" in written.lines[-1]


def test_other_lines_pass_meanwhile(written: Written) -> None:
    for camera in ("front", "back"):
        for _ in range(10):
            written.logger.warning("%s: lost", camera)
            written.logger.info("%s: lost", camera)
    assert written.lines == 2 * ["front: lost"] + 2 * ["back: lost"]


def test_lines_that_are_all_different_are_bounded_too(written: Written) -> None:
    for number in range(1000):
        written.logger.warning("no page %s", "x" * number)
        written.logger.warning(f"nothing {'y' * number}")
    assert len(written.lines) < 150
    written.limit.sum_up(at_once=True)
    assert "more like this" in written.lines[-1]


def test_news_may_repeat_a_few_times(written: Written) -> None:
    for _ in range(100):
        written.logger.info("front: live", extra=NEWS)
    assert len(written.lines) == 6


def test_what_was_held_back_is_told_at_the_end(written: Written) -> None:
    for _ in range(5):
        written.logger.warning("full")
    written.limit.sum_up(at_once=True)
    assert written.lines == ["full", "full (4 more like this in the last minute)"]


def test_memory_is_bounded(written: Written, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "_KINDS", 50)
    for number in range(500):
        written.logger.warning(f"kind {'z' * number}")
    assert len(written.limit._counts) <= 50


def test_arguments_that_do_not_fit_end_nothing(written: Written) -> None:
    assert written.limit.filter(logging.makeLogRecord({"msg": "%d of %d", "args": ("x",)}))


def test_what_ends_a_thread_is_logged(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(threading, "excepthook", log._thread_failed)
    thread = threading.Thread(target=lambda: 1 / 0, name="of some library")
    thread.start()
    thread.join()
    assert "the thread of some library ended: ZeroDivisionError" in caplog.text
