"""A real HTTP server on this machine that takes what Apprise sends to ``json://``."""

from __future__ import annotations

import base64
import json
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from benchmarks.parts.broker import free_port
from benchmarks.parts.ending import Stoppable


@dataclass(frozen=True, slots=True)
class Received:
    """One notification that came: ``id`` is the one in its text, ``picture`` empty where none."""

    title: str
    body: str
    id: str
    picture: bytes


class Receiver(Stoppable):
    """Can be stopped and started again, with the same port.

    Attributes:
        received: what came, in order.
        status: what it answers with.
        loses_answers: of how many of the next requests it takes the content, but does not answer.
        answers_after_s: how long it takes until it answers, having taken the content.
    """

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.status = 200
        self.loses_answers = 0
        self.answers_after_s = 0.0
        self.port = free_port()
        self._server: ThreadingHTTPServer | None = None
        self._thread: threading.Thread | None = None

    @property
    def address(self) -> str:
        """Apprise's URL, with a word in it that nobody is to see."""
        return f"json://me:hush-hush@127.0.0.1:{self.port}/secret-path"

    def start(self) -> None:
        """Listens."""
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                owner._take(self)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def stop(self) -> None:
        """Closes its port, if it listens; what it is answering is answered first."""
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()
            self._server = None

    def _take(self, request: BaseHTTPRequestHandler) -> None:
        content = json.loads(request.rfile.read(int(request.headers["Content-Length"])))
        status = self.status  # which may change meanwhile
        if status == 200:
            attached = [base64.b64decode(one["base64"]) for one in content["attachments"]]
            number = content["message"].rpartition("id ")[2]
            self.received.append(
                Received(content["title"], content["message"], number, b"".join(attached))
            )
            if self.loses_answers:
                self.loses_answers -= 1
                request.close_connection = True
                return
        time.sleep(self.answers_after_s)
        with suppress(ConnectionError):  # whoever asked has been killed
            request.send_response(status)
            request.send_header("Content-Length", "0")
            request.end_headers()
