"""A page on this machine on which answers are marked right or wrong; it keeps a file of marks."""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache, partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from pathlib import Path
from typing import Any

from edgevid.archive import answers, footage, marks
from edgevid.archive.marks import Marked
from edgevid.archive.recordings import Recording
from edgevid.errors import EdgevidError, OutputError
from edgevid.support.jpeg import to_jpeg

_FILES = {
    "": ("page.html", "text/html; charset=utf-8"),
    "page.css": ("page.css", "text/css; charset=utf-8"),
    "page.js": ("page.js", "text/javascript; charset=utf-8"),
}
_PICTURES = 200  # that are kept


@contextmanager
def serving(path: Path, port: int = 0, recordings: Sequence[Recording] = ()) -> Iterator[str]:
    """Serves the page to this machine alone, and gives its address.

    What is clicked is in the file at once. The address holds a secret, so that no other page in the
    browser can ask for it.

    Args:
        path: a file of marks.
        port: where; any that is free when 0.
        recordings: that show what cameras saw.

    Raises:
        SourceError: the file cannot be read.
        OutputError: the port is taken.
    """
    sheet = _Sheet(path, recordings)
    secret = secrets.token_urlsafe(16)
    try:
        server = ThreadingHTTPServer(("127.0.0.1", port), partial(_Handler, sheet, secret))
    except OSError as error:
        raise OutputError(f"port {port} cannot be used: {error.strerror}") from error
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/{secret}/"
    finally:
        server.shutdown()
        server.server_close()


class _Sheet:
    """The answers that are shown, and the file with their marks."""

    def __init__(self, path: Path, recordings: Sequence[Recording]) -> None:
        self._path = path
        self._recordings = recordings
        self._lock = threading.Lock()
        self.shown = [one.answer for one in marks.read(path)]
        self.picture = lru_cache(_PICTURES)(self._picture)

    def told(self) -> list[dict[str, Any]]:
        """Returns what the page shows of each."""
        found = []
        for answer, one in zip(self.shown, self._read(), strict=True):
            where = f"{answer.camera}, {answer.time.astimezone():%Y-%m-%d %H:%M:%S}"
            found.append(
                {
                    "mark": one.mark,
                    "source": answer.source,
                    "what": f"{answer.score:.2f} {answers.label_of(answer)}",
                    "where": f"{where}, {answer.source} @{answer.start:.1f}-{answer.end:.1f}",
                }
            )
        return found

    def mark(self, number: int, mark: str) -> None:
        """Marks one.

        Raises:
            SourceError: the file is another by now.
            OutputError: it cannot be written.
        """
        with self._lock:
            found = self._read()
            found[number] = Marked(mark, found[number].answer)
            marks.write(self._path, found)

    def _read(self) -> list[Marked]:
        """Returns what is in the file now: it may be edited beside the page."""
        found = marks.read(self._path)
        if [one.answer for one in found] != self.shown:
            raise OutputError(f"{self._path} holds other answers by now: start this anew")
        return found

    def _picture(self, number: int) -> bytes:
        with self._lock:  # one at a time: there may be hundreds to decode
            return to_jpeg(answers.strip(footage.shown(self.shown[number], self._recordings)))


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60

    def __init__(self, sheet: _Sheet, secret: str, *arguments: Any) -> None:
        self._sheet = sheet
        self._secret = secret
        super().__init__(*arguments)

    def do_GET(self) -> None:
        """Gives a part of the page, the answers, or a picture of one."""
        name = self._name()
        if name in _FILES:
            file, kind = _FILES[name]
            self._give(files("edgevid.archive").joinpath("page", file).read_bytes(), kind)
        elif name == "answers":
            self._try(self._sheet.told)
        elif (number := self._number(name, "", ".jpg")) is not None:
            try:
                self._give(self._sheet.picture(number), "image/jpeg")
            except EdgevidError:  # the page says so in its place
                self._refuse(HTTPStatus.NOT_FOUND, "no picture")
        else:
            self._refuse(HTTPStatus.NOT_FOUND, "there is nothing")

    def do_POST(self) -> None:
        """Marks an answer."""
        number = self._number(self._name(), "mark/", "")
        length = self.headers.get("Content-Length", "")
        mark = ""
        if length.isdecimal() and int(length) < 10:
            mark = self.rfile.read(int(length)).decode("latin-1")
        if number is None or mark not in marks.MARKS:
            self.close_connection = True
            self._refuse(HTTPStatus.BAD_REQUEST, "this is no mark")
            return

        def marked() -> dict[str, str]:
            self._sheet.mark(number, mark)
            return {"mark": mark}

        self._try(marked)

    def _name(self) -> str | None:
        """Returns what is asked for; None of one who does not know the secret."""
        start = f"/{self._secret}/"
        return self.path.removeprefix(start) if self.path.startswith(start) else None

    def _number(self, name: str | None, before: str, behind: str) -> int | None:
        """Returns which answer is meant; None where there is none of that number."""
        if name is None or not (name.startswith(before) and name.endswith(behind)):
            return None
        digits = name.removeprefix(before).removesuffix(behind)
        if not (digits.isascii() and digits.isdecimal() and len(digits) < 7):
            return None
        return int(digits) if int(digits) < len(self._sheet.shown) else None

    def _try(self, work: Any) -> None:
        try:
            content = json.dumps(work()).encode()
        except EdgevidError as error:
            self._refuse(HTTPStatus.CONFLICT, str(error))
        else:
            self._give(content, "application/json")

    def _refuse(self, status: HTTPStatus, problem: str) -> None:
        self._give(json.dumps({"problem": problem}).encode(), "application/json", status)

    def _give(self, content: bytes, kind: str, status: HTTPStatus = HTTPStatus.OK) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header(
            "Content-Security-Policy", "default-src 'self'; img-src 'self' data:; base-uri 'none'"
        )
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Keeps quiet."""
