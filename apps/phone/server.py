"""Serves the site: on this machine, or with a certificate to others."""

from __future__ import annotations

import contextlib
import socket
from pathlib import Path
from typing import Any

from apps.raspberry_pi.web.binding import NotYetError, bind
from edgevid import MissingDependencyError, UsageError

try:
    from starlette.applications import Starlette
    from starlette.routing import Mount
    from starlette.staticfiles import StaticFiles
    from starlette.types import Message, Receive, Scope, Send

    from apps.raspberry_pi.web.connections import Server, settings
except ImportError as error:
    raise MissingDependencyError(
        f"serving the page needs {error.name}: pip install {error.name}, or write the site "
        "with --write and give it to any static host"
    ) from error

_HEADERS = [
    # With these two a page may have threads, and no other page may embed it.
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-embedder-policy", b"require-corp"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-cache"),
]


class _Site:
    """The folder's files, each with our headers."""

    def __init__(self, folder: Path) -> None:
        self._files = Starlette(
            routes=[Mount("/", StaticFiles(directory=folder, html=True), name="site")]
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *_HEADERS]
            await send(message)

        await self._files(scope, receive, send_with_headers)


def listen(host: str, port: int) -> socket.socket:
    """Returns a socket that listens.

    Raises:
        UsageError: it cannot be had.
    """
    try:
        return bind(host, port)
    except NotYetError as error:
        raise UsageError(str(error)) from error


def server(folder: Path, *, cert: Path | None = None, key: Path | None = None) -> Server:
    """Returns a server for a site; ``run([socket])`` serves until it is interrupted.

    Args:
        folder: the site.
        cert: a certificate, PEM; with it the page is at https.
        key: its key, where that is in a file of its own.

    Raises:
        UsageError: the certificate cannot be used.
    """
    secure: dict[str, Any] = {"ssl_certfile": cert, "ssl_keyfile": key} if cert else {}
    config = settings(_Site(folder), **secure)
    try:
        config.load()
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise UsageError(f"{cert}: no certificate that can be used: {error}") from error
    return Server(config)


def serve(running: Server, listening: socket.socket) -> None:
    """Serves until it is interrupted."""
    with contextlib.closing(listening):
        running.run([listening])
