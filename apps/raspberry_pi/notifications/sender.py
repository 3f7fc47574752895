"""Sends what waits for one service, in order, each until it is taken."""

from __future__ import annotations

import logging
import threading
import time
from typing import Protocol

from apps.raspberry_pi import log
from apps.raspberry_pi.notifications.notification import Notification
from apps.raspberry_pi.outbox import Message, Outbox

_LOG = logging.getLogger("edgevid.notifications")

_BACK_OFF_S = (1.0, 300.0)  # between attempts: after the first, at most
_TURN_S = 5.0  # the longest that it waits to be woken, should the disk have hung
_PATIENCE = 3  # attempts after which it is tried without the picture, too
_HOUR_S = 3600.0


class Target(Protocol):
    """What takes notifications."""

    name: str

    def send(self, told: Notification, *, picture: bool = True) -> str:
        """Sends a notification; returns why it was not taken, empty when it was."""


class Sender:
    """One thread that sends, whatever becomes of other services.

    A notification leaves the queue when the service has taken it, and the next is sent only then,
    so they arrive in order. Where the answer is lost, it is sent again with the same id.

    Args:
        target: takes them.
        outbox: where they wait; closed at the end.
        keep_hours: how old one may become before it is given up.
    """

    def __init__(self, target: Target, outbox: Outbox, keep_hours: float) -> None:
        self._target = target
        self._outbox = outbox
        self._longest_s = keep_hours * _HOUR_S
        self._news = threading.Condition()
        self._has_news = False
        self._leave_by: float | None = None
        self._failures = 0  # in a row
        self._trouble = ""  # what was last complained about
        self._thread = threading.Thread(target=self._run, name="notifications", daemon=True)
        self._thread.start()

    def add(self, camera: str, content: bytes) -> None:
        """Puts a notification at the end of the queue."""
        self._outbox.add(camera, content)
        self._wake()

    def is_alive(self) -> bool:
        """Whether its thread runs."""
        return self._thread.is_alive()

    def end(self, deadline: float) -> None:
        """Has it end at a moment of the monotonic clock, or as soon as nothing waits."""
        self._leave_by = deadline
        self._wake()

    def stop(self, within: float) -> None:
        """Waits so many seconds for its end; what is not sent by then waits on disk."""
        if self._leave_by is None:
            self.end(time.monotonic() + within)
        self._thread.join(within)
        self._outbox.close()

    def _wake(self) -> None:
        with self._news:
            self._has_news = True
            self._news.notify_all()

    def _wait(self, seconds: float, *, for_news: bool) -> None:
        with self._news:
            self._news.wait_for(
                lambda: (for_news and self._has_news) or self._leave_by is not None, seconds
            )
            self._has_news = False

    def _run(self) -> None:
        while True:
            try:
                message = self._outbox.first()
                if self._is_over(message):
                    return
                if message is None:
                    self._wait(_TURN_S, for_news=True)
                else:
                    self._handle(message)
            except Exception:  # whatever it is, there are months to go
                _LOG.exception("%s: goes on after an error of its own", self._target.name)
                self._wait(_TURN_S, for_news=False)

    def _is_over(self, message: Message | None) -> bool:
        if self._leave_by is None:
            return False
        return message is None or bool(self._failures) or time.monotonic() > self._leave_by

    def _handle(self, message: Message) -> None:
        try:
            told = Notification.decoded(message.payload)
        except ValueError as error:
            _LOG.error("%s: %s: it is passed over", self._target.name, error)
            self._outbox.done(message)
            return
        if time.time() - told.at > self._longest_s:
            _LOG.error("%s: what is too old by now is given up: %s", self._target.name, told.id)
            self._outbox.done(message)
            return
        if problem := self._send(told):
            self._failures += 1
            self._complain(problem)
            first, most = _BACK_OFF_S
            self._wait(min(most, first * 2 ** min(self._failures - 1, 20)), for_news=False)
            return
        self._outbox.done(message)
        if self._trouble:
            _LOG.info("%s: takes notifications again", self._target.name, extra=log.NEWS)
        self._failures, self._trouble = 0, ""

    def _send(self, told: Notification) -> str:
        problem = self._target.send(told)
        if problem and told.picture and self._failures >= _PATIENCE:
            # It may be the picture that the service does not want: that must not hold up the rest.
            return self._target.send(told, picture=False)
        return problem

    def _complain(self, problem: str) -> None:
        if problem != self._trouble:
            _LOG.warning(
                "%s: %s: notifications wait on the disk",
                self._target.name,
                problem,
                extra=log.NEWS,
            )
        self._trouble = problem
