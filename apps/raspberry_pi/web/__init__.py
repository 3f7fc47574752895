"""The page: what the cameras see, to be looked at from a phone. Starts and stops its server."""

from __future__ import annotations

import ipaddress
import logging
import socket
import threading
from pathlib import Path

from apps.raspberry_pi import secret_file
from apps.raspberry_pi.config import WebConfig
from apps.raspberry_pi.hub import Hub
from edgevid import MissingDependencyError, UsageError

try:
    import uvicorn

    from apps.raspberry_pi.web.app import application
    from apps.raspberry_pi.web.connections import BoundedConnection
except ImportError as error:
    raise MissingDependencyError(
        f"the page needs {error.name}: pip install edgevid[service], or set [web] enabled = false"
    ) from error

_LOG = logging.getLogger("edgevid.web")

_SHORTEST_TOKEN = 16  # characters: what nobody guesses over a network


def start(config: WebConfig, hub: Hub, clips: Path | None = None) -> Web:
    """Starts the page's server.

    Args:
        config: where it is to be had.
        hub: what it shows.
        clips: the folder with the clips, if any are kept.

    Raises:
        UsageError: it would be open to other machines without a token, or the address or the
            token cannot be used.
    """
    token = secret_file.read(config.token_file) if config.token_file else None
    if token is None and not _is_loopback(config.host):
        raise UsageError(
            f"[web]: on {config.host} other machines could see the cameras: set token_file"
        )
    if token is not None and len(token) < _SHORTEST_TOKEN:
        raise UsageError(
            f"{config.token_file}: a token needs {_SHORTEST_TOKEN} characters or more, such as "
            "those of: openssl rand -hex 16"
        )
    return Web(_listen(config.host, config.port), hub, token, clips)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, _, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        return socket.create_server(address[:2], family=family, backlog=128)
    except OSError as error:
        raise UsageError(
            f"[web]: the page cannot be at {host}, port {port}: {error.strerror}"
        ) from error


class Web:
    """The server, in a thread of its own.

    Attributes:
        port: where it listens.
    """

    def __init__(
        self, listening: socket.socket, hub: Hub, token: str | None, clips: Path | None
    ) -> None:
        self.port: int = listening.getsockname()[1]
        logging.getLogger("uvicorn.error").setLevel(logging.WARNING)  # starts and stops are ours
        self._server = uvicorn.Server(
            uvicorn.Config(
                application(hub, token, clips, lambda: self._server.should_exit),
                http=BoundedConnection,
                ws="none",
                loop="asyncio",
                lifespan="off",
                log_config=None,
                access_log=False,  # an address may hold the token
                server_header=False,
                proxy_headers=False,
                timeout_graceful_shutdown=1,
                h11_max_incomplete_event_size=16 << 10,
            )
        )
        self._listening = listening
        self._thread = threading.Thread(
            target=self._server.run, args=([listening],), name="web", daemon=True
        )
        self._thread.start()
        _LOG.info("the page is at port %d", self.port)

    def stop(self, within: float) -> None:
        """Hangs up on everybody."""
        self._server.should_exit = True
        self._thread.join(within)
        self._listening.close()
