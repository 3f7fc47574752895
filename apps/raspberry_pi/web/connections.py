"""Limits on connections to the page: idle ones end, and none keeps others out."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import time
from typing import Any

import h11
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from apps.raspberry_pi.web.binding import BACKLOG

MOST = 100  # connections at once; a page takes up to six
PATIENCE_S = 10.0  # for a whole request, or for an answer to be taken
_ANSWER_S = 30.0  # for an answer to begin
_LONGEST_S = 3600.0  # for an answer to be given; a browser asks for events again by itself
_LOOKS = 10  # within the patience

# Of one request, and of what comes before it is answered. Parsing takes time for each line (of a
# header, or of a chunk), which an attacker could otherwise send a hundred thousand of at once.
LONGEST_HEADER = 16 << 10  # bytes
_LONGEST_REQUEST = 2 * LONGEST_HEADER
_MOST_LINES = 256

_A_TURN = 16  # clients that are let in before what they ask is read


def settings(application: ASGIApp, **more: Any) -> uvicorn.Config:
    """Returns how an application is served within these bounds.

    Args:
        application: what answers.
        more: of uvicorn's settings, such as a certificate.
    """
    # Starts and stops are ours; what is wrong with a request is the client's affair.
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
    return uvicorn.Config(
        application,
        http=BoundedConnection,
        ws="none",
        loop="asyncio",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=1,
        h11_max_incomplete_event_size=LONGEST_HEADER,
        **more,
    )


class Server(uvicorn.Server):
    """Lets clients in little by little, so that who has asked is heard before others come."""

    def __init__(self, config: uvicorn.Config) -> None:
        config.backlog = _A_TURN  # by which asyncio also means this
        super().__init__(config)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Starts to listen."""
        await super().startup(sockets)
        for listening in sockets or ():
            listening.listen(BACKLOG)


class BoundedConnection(H11Protocol):
    """Ends itself when its client takes longer, or sends more, than an honest one would.

    When there is one too many, the one that has been waited for longest makes room.
    """

    _looks: asyncio.TimerHandle | None = None
    _stuck_since: float | None = None
    _closing_since: float | None = None
    _waiting_since = 0.0  # for a request to be complete
    _asked_at = 0.0  # when the request that is being answered was complete
    _is_receiving = True  # whether a part of the next request has come
    _bytes = _lines = 0  # that came since the last answer

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client is there."""
        super().connection_made(transport)
        self.access_log = False  # an address may hold the token
        self._waiting_since = time.monotonic()
        _set_up(transport.get_extra_info("socket"))
        if len(self.connections) > MOST:
            self._make_room()
        self._look_later()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone."""
        if self._looks is not None:
            self._looks.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """The client has sent something."""
        if not self._is_receiving:
            self._is_receiving, self._waiting_since = True, time.monotonic()
        self._bytes += len(data)
        self._lines += data.count(b"\n")
        if self._bytes > _LONGEST_REQUEST or self._lines > _MOST_LINES:
            self.send_400_response("That is too long.")
        else:
            super().data_received(data)
        if not self._awaits_request:
            self._asked_at = self._asked_at or time.monotonic()

    def send_400_response(self, msg: str) -> None:
        """The client has sent what is no request."""
        try:
            if self.cycle is None or self.cycle.response_complete:
                super().send_400_response(msg)
                return
            self.cycle.disconnected = True  # nothing can be said in the middle of an answer
        except h11.LocalProtocolError:  # after one, in what should have been the request's body
            pass
        self.transport.abort()

    def on_response_complete(self) -> None:
        """An answer is given."""
        self._waiting_since, self._asked_at = time.monotonic(), 0.0
        self._is_receiving = False
        self._bytes = self._lines = 0
        super().on_response_complete()
        if not self._awaits_request:  # the next one had come already
            self._asked_at = self._waiting_since

    def pause_writing(self) -> None:
        """The client does not keep up."""
        self._stuck_since = time.monotonic()
        super().pause_writing()

    def resume_writing(self) -> None:
        """It does again."""
        self._stuck_since = None
        super().resume_writing()

    @property
    def _awaits_request(self) -> bool:
        return self.cycle is None or self.cycle.response_complete or self.cycle.more_body

    def _make_room(self) -> None:
        # Those that are aborted stay in the set until the event loop's next turn.
        there = [
            other
            for other in self.connections
            if isinstance(other, BoundedConnection) and not other.transport.is_closing()
        ]
        if len(there) > MOST:
            others = [other for other in there if other is not self]
            longest = min(others, key=BoundedConnection._place)
            # An answer under way is not cut off for a connection that has not asked yet.
            (self if longest._is_answered else longest).transport.abort()

    def _place(self) -> tuple[int, float]:
        """Where it stands among those that make room for others: the lowest is the first."""
        if self._stuck_since is not None:
            return 0, self._stuck_since
        if self._awaits_request:
            return 0, self._waiting_since
        return (2 if self._is_answered else 1), self._asked_at

    @property
    def _is_answered(self) -> bool:
        """Whether its client is getting an answer, and takes it."""
        started = self.cycle is not None and self.cycle.response_started
        return started and not self._awaits_request and self._stuck_since is None

    def _look_later(self) -> None:
        self._looks = self.loop.call_later(PATIENCE_S / _LOOKS, self._look)

    def _look(self) -> None:
        if self._is_overdue(time.monotonic()):
            # Not close(), which would wait for the client to take what is left.
            self.transport.abort()
        else:
            self._look_later()

    def _is_overdue(self, now: float) -> bool:
        if self.transport.is_closing():
            self._closing_since = self._closing_since or now
            return now - self._closing_since > PATIENCE_S
        if self._stuck_since is not None and now - self._stuck_since > PATIENCE_S:
            return True
        if self._awaits_request:
            return now - self._waiting_since > PATIENCE_S
        return now - self._asked_at > (_LONGEST_S if self.cycle.response_started else _ANSWER_S)


def _set_up(connected: socket.socket) -> None:
    """Has answers sent at once, and a client noticed that is gone without a word."""
    with contextlib.suppress(OSError):  # it is gone already
        # Else the end of an answer waits until the client has confirmed its beginning: 40 ms.
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            patience = round(2000 * PATIENCE_S)
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, patience)
