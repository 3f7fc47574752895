"""Connections to the page, none of which can stay for nothing."""

from __future__ import annotations

import asyncio
import time

from uvicorn.protocols.http.h11_impl import H11Protocol

MOST = 100  # connections at once; a page takes up to six
PATIENCE_S = 10.0  # for a request to come, or for an answer to be taken


class BoundedConnection(H11Protocol):
    """Ends itself when it is one too many, asks for nothing, or does not take what it gets."""

    _looks: asyncio.TimerHandle | None = None
    _stuck_since: float | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client is there."""
        super().connection_made(transport)
        if len(self.connections) > MOST:
            transport.abort()
        else:
            self._look_later()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone."""
        if self._looks is not None:
            self._looks.cancel()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """The client does not keep up."""
        self._stuck_since = time.monotonic()
        super().pause_writing()

    def resume_writing(self) -> None:
        """It does again."""
        self._stuck_since = None
        super().resume_writing()

    def _look_later(self) -> None:
        self._looks = self.loop.call_later(PATIENCE_S, self._look)

    def _look(self) -> None:
        is_idle = self.cycle is None or self.cycle.response_complete
        stuck = self._stuck_since is not None and time.monotonic() - self._stuck_since > PATIENCE_S
        if is_idle or stuck:
            # Not close(), which would wait for the client to take what is left.
            self.transport.abort()
        else:
            self._look_later()
