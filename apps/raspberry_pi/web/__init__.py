"""The web page: live pictures, scores, events and clips. Starts and stops its server."""

from __future__ import annotations

import ipaddress
import logging
import re
import socket
import threading
from pathlib import Path

from apps.raspberry_pi import secret_file
from apps.raspberry_pi.config import WebConfig
from apps.raspberry_pi.hub import Hub
from apps.raspberry_pi.review.desk import Review
from apps.raspberry_pi.web.binding import NotYetError, bind
from edgevid import MissingDependencyError, UsageError

try:
    from apps.raspberry_pi.web.app import application
    from apps.raspberry_pi.web.connections import Server, settings
except ImportError as error:
    raise MissingDependencyError(
        f"the page needs {error.name}: pip install {error.name}, or set [web] enabled = false"
    ) from error

_LOG = logging.getLogger("edgevid.web")

_SHORTEST_TOKEN = 16  # characters: not to be guessed over a network
_WORKER = re.compile(r"(pictures|clips|asyncio)_\d+")  # names of threads of the pools in app.py
_WAIT_S = (1.0, 15.0)  # between attempts to listen: at first, at most


def start(
    config: WebConfig, hub: Hub, clips: Path | None = None, review: Review | None = None
) -> Web:
    """Starts the page's server, which waits for its address where that is not there yet.

    Args:
        config: where it is to be had.
        hub: what it shows.
        clips: the folder with the clips, if any are kept.
        review: what the owner says of them.

    Raises:
        UsageError: it would be open to other machines without a token, or the address or the
            token cannot be used.
    """
    secret = token(config)
    try:
        listening = bind(config.host, config.port)
    except NotYetError as error:
        _LOG.warning("%s: it is tried again", error)
        listening = None
    return Web(config, listening, hub, secret, clips, review)


def token(config: WebConfig) -> str | None:
    """Returns the token without which the page shows nothing; None where none is needed.

    Raises:
        UsageError: one is needed and there is none, or it cannot be used.
    """
    found = secret_file.read(config.token_file) if config.token_file else None
    if found is None and not _is_loopback(config.host):
        raise UsageError(
            f"[web]: on {config.host} other machines could see the cameras: set token_file"
        )
    if found is not None and len(found) < _SHORTEST_TOKEN:
        raise UsageError(
            f"{config.token_file}: a token needs {_SHORTEST_TOKEN} characters or more, such as "
            "those of: openssl rand -hex 16"
        )
    return found


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Web:
    """The server, in a thread of its own."""

    def __init__(
        self,
        config: WebConfig,
        listening: socket.socket | None,
        hub: Hub,
        token: str | None,
        clips: Path | None,
        review: Review | None,
    ) -> None:
        self._config = config
        self._stopping = threading.Event()
        self._workers: set[threading.Thread] = set()  # seen so far
        page = application(hub, token, clips, lambda: self._server.should_exit, review)
        self._server = Server(settings(page))
        self._listening = listening
        self._thread = threading.Thread(target=self._run, name="web", daemon=True)
        self._thread.start()

    @property
    def is_bound(self) -> bool:
        """Whether it listens; else it still waits for its address."""
        return self._listening is not None

    def is_alive(self) -> bool:
        """Whether its thread runs, and those that work for it.

        A pool of threads does not replace one that has ended, and what it is given then waits.
        """
        workers = {thread for thread in threading.enumerate() if _WORKER.fullmatch(thread.name)}
        lost = self._workers - workers
        self._workers |= workers
        return self._thread.is_alive() and not lost

    def stop(self, within: float) -> None:
        """Hangs up on everybody."""
        self._stopping.set()
        self._server.should_exit = True
        self._thread.join(within)
        if self._listening is not None:
            self._listening.close()

    def _run(self) -> None:
        wait, longest = _WAIT_S
        while self._listening is None:
            if self._stopping.wait(wait):
                return
            wait = min(2 * wait, longest)
            try:
                self._listening = bind(self._config.host, self._config.port)
            except (NotYetError, UsageError) as error:  # it was no wrong setting at first
                _LOG.warning("%s: it is tried again", error)
        _LOG.info("the page is at port %d", self._config.port)
        self._server.run([self._listening])
