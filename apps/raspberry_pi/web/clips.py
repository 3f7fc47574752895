"""The addresses of the kept clips: their list, and each as a file or played as pictures."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncGenerator, Callable, Generator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import suppress
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp

from apps.raspberry_pi.clips import kept
from apps.raspberry_pi.pictures import bgr, jpeg
from apps.raspberry_pi.web.answers import Places
from edgevid import EdgevidError, open_source

BOUNDARY = "picture"
PLAYERS = 4  # at once; each decodes a video
_READERS = 2  # threads that read what is downloaded, and as many that decode


class Clips:
    """Answers those who look at clips.

    Args:
        folder: where they are kept; None where none are.
        downloads: places for those who load a file.
        is_over: whether the service ends; then what is played ends too.
    """

    def __init__(self, folder: Path | None, downloads: Places, is_over: Callable[[], bool]) -> None:
        self._folder = folder
        self._downloads = downloads
        self._is_over = is_over
        self._players = Places(PLAYERS)
        # One after the other, so that many requests do not take the processor from the watcher.
        self._files = ThreadPoolExecutor(1, "clips")
        self._decoders = ThreadPoolExecutor(_READERS, "players")
        self._listing: asyncio.Future[list[dict[str, Any]]] | None = None

    async def listed(self, _: Request) -> ASGIApp:
        """Gives what is known of each clip, the newest first."""
        if self._folder is None:
            return JSONResponse({"kept": False, "clips": []})
        if self._listing is None or self._listing.done():  # all who ask meanwhile get the same
            loop = asyncio.get_running_loop()
            self._listing = loop.run_in_executor(self._files, kept.listed, self._folder)
        return JSONResponse({"kept": True, "clips": await asyncio.shield(self._listing)})

    async def one(self, request: Request) -> ASGIApp:
        """Gives one clip: its file, or with ``?play`` its pictures."""
        found = (
            await asyncio.get_running_loop().run_in_executor(
                self._files, kept.find, self._folder, request.path_params["name"]
            )
            if self._folder
            else None
        )
        if found is None:
            return PlainTextResponse("There is no such clip.\n", 404)
        path, about = found
        if "play" in request.query_params:
            kind = f"multipart/x-mixed-replace; boundary={BOUNDARY}"
            return self._players.stream(request, play(path, self._decoders, self._is_over), kind)
        answer = FileResponse(path, media_type="video/mp4", filename=path.name, stat_result=about)
        if _is_known(request, answer):
            same = {name: answer.headers[name] for name in ("etag", "last-modified")}
            return Response(status_code=304, headers=same)
        to_thread.current_default_thread_limiter().total_tokens = _READERS
        return self._downloads.file(answer)


def _is_known(request: Request, answer: FileResponse) -> bool:
    """Whether the client says that it has the very file (RFC 9110, 13.1)."""
    known = request.headers.get("if-none-match")
    if known is not None:
        tags = [tag.strip().removeprefix("W/") for tag in known.split(",")]
        return answer.headers["etag"] in tags or known.strip() == "*"
    try:
        since = parsedate_to_datetime(request.headers.get("if-modified-since", ""))
        return since >= parsedate_to_datetime(answer.headers["last-modified"])
    except (ValueError, TypeError):  # no date, or one without a time zone
        return False


async def play(
    path: Path, decoders: Executor, is_over: Callable[[], bool]
) -> AsyncGenerator[bytes, None]:
    """Yields a clip as pictures for ``multipart/x-mixed-replace``, each at its time.

    That is shown by every browser, whatever the clip was written with.

    Args:
        path: the clip's.
        decoders: what decodes, beside the event loop.
        is_over: whether the service ends.
    """
    loop, pictures = asyncio.get_running_loop(), _pictures(path)
    reading: asyncio.Future[tuple[float, bytes] | None] | None = None
    began = loop.time()
    try:
        while not is_over():
            reading = loop.run_in_executor(decoders, next, pictures, None)
            found = await asyncio.shield(reading)
            if found is None:
                return
            second, picture = found
            await asyncio.sleep(max(0.0, began + second - loop.time()))
            head = f"--{BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(picture)}\r\n"
            yield head.encode() + b"\r\n" + picture + b"\r\n"
    finally:
        close = functools.partial(loop.run_in_executor, decoders, pictures.close)
        if reading is None or reading.done():
            close()
        else:  # after the picture that is being read
            reading.add_done_callback(lambda _: close())


def _pictures(path: Path) -> Generator[tuple[float, bytes], None, None]:
    """Yields each picture's second in the clip, and the picture as JPEG."""
    with suppress(EdgevidError, OSError), open_source(str(path)) as source:
        for frame in source:
            yield frame.timestamp, jpeg(bgr(frame.image))
