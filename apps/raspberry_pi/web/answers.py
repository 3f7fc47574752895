"""Slow answers, limited in number by kind."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response, StreamingResponse
from starlette.types import ASGIApp, Receive, Scope, Send


class Places:
    """Places for so many answers at once.

    Args:
        most: how many.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._taken = 0

    def stream(
        self, request: Request, content: AsyncGenerator[str | bytes, None], kind: str
    ) -> ASGIApp:
        """Returns the answer to a request that goes on until its content ends."""
        if request.method == "HEAD":
            return Response(media_type=kind)

        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            async with aclosing(content):
                await StreamingResponse(content, media_type=kind)(scope, receive, send)

        return self._counted(answer)

    def file(self, answer: FileResponse) -> ASGIApp:
        """Returns the answer that gives a file."""
        return self._counted(answer)

    def _counted(self, answer: ASGIApp) -> ASGIApp:
        async def counted(scope: Scope, receive: Receive, send: Send) -> None:
            # Nothing is awaited between the look and the count: else all of those who come at
            # once would find a place.
            if self._taken >= self._most:
                await _full()(scope, receive, send)
                return
            self._taken += 1
            try:
                await answer(scope, receive, send)
            except OSError:  # the file has just been deleted: the connection ends
                return
            finally:
                self._taken -= 1

        return counted


def _full() -> Response:
    return PlainTextResponse("Too many are looking.\n", 503, {"Retry-After": "10"})
