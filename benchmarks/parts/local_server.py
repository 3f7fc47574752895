"""A real HTTP server on this machine, that behaves as well or as badly as a test wants."""

from __future__ import annotations

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ssl import SSLContext

from benchmarks.parts.ending import Stoppable

Answer = Callable[[BaseHTTPRequestHandler], None]


class LocalServer(Stoppable):
    """Serves what ``on`` and ``give`` tell it to, on a free port of the loopback interface.

    Attributes:
        requests: the headers of every request so far, by path.
    """

    def __init__(self, tls: SSLContext | None = None) -> None:
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.stopping = threading.Event()  # what an answer that stalls may wait for
        self._answers: dict[str, Answer] = {}
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                owner.requests.append((self.path, dict(self.headers)))
                answer = owner._answers.get(self.path)
                if answer is None:
                    self.send_error(404)
                else:
                    answer(self)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        scheme = "http" if tls is None else "https"
        self.root = f"{scheme}://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    def start(self) -> None:
        """Serves."""
        self._thread.start()

    def stop(self) -> None:
        """Serves no longer; answers that stall go on."""
        self.stopping.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def on(self, path: str, answer: Answer) -> str:
        """Answers a path in a way of the test's own; returns its address."""
        self._answers[path] = answer
        return self.root + path

    def give(self, path: str, content: bytes, *, claim: int | None = None) -> str:
        """Gives a content, or claims that it is longer than it is; returns the address."""

        def answer(request: BaseHTTPRequestHandler) -> None:
            request.send_response(200)
            request.send_header("Content-Length", str(len(content) if claim is None else claim))
            request.end_headers()
            request.wfile.write(content)

        return self.on(path, answer)

    def redirect(self, path: str, to: str) -> str:
        """Sends whoever asks somewhere else; returns the address."""

        def answer(request: BaseHTTPRequestHandler) -> None:
            request.send_response(302)
            request.send_header("Location", to)
            request.send_header("Content-Length", "0")
            request.end_headers()

        return self.on(path, answer)
