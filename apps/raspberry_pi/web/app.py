"""The addresses of the page."""

from __future__ import annotations

import asyncio
import html
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

from anyio import to_thread
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from apps.raspberry_pi.clips import kept
from apps.raspberry_pi.hub import Hub
from apps.raspberry_pi.review.desk import Review
from apps.raspberry_pi.web import clips, live, metrics
from apps.raspberry_pi.web.access import AccessControl
from apps.raspberry_pi.web.answers import Places
from apps.raspberry_pi.web.review import routes as for_review

Endpoint = Callable[[Request], Awaitable[ASGIApp]]

_PAGE = Path(__file__).parent / "page"

# Answers that go on, at once; together well below the connections that there may be.
_LISTENERS = 40
_PLAYERS = 4  # each decodes a video
_DOWNLOADS = 16

_READERS = 2  # threads that read what is downloaded, and as many that decode


def application(
    hub: Hub,
    token: str | None,
    folder: Path | None,
    is_over: Callable[[], bool],
    review: Review | None = None,
) -> ASGIApp:
    """Returns the application.

    Args:
        hub: what it shows.
        token: what a client must present; None for none.
        folder: the clips'; None where none are kept.
        is_over: whether the service ends; then open event streams end too.
        review: what the owner says of events; None where no clips are kept.
    """
    # One after the other, so that many requests do not take the processor from the watcher.
    pictures, files = ThreadPoolExecutor(1, "pictures"), ThreadPoolExecutor(1, "clips")
    decoders = ThreadPoolExecutor(_READERS, "players")
    figures = metrics.exporter(hub)
    listeners, players, downloads = Places(_LISTENERS), Places(_PLAYERS), Places(_DOWNLOADS)
    listing: asyncio.Future[list[dict[str, Any]]] | None = None

    async def picture(request: Request) -> ASGIApp:
        if "plain" in request.query_params:  # to draw on, in its own pixels
            data = await asyncio.get_running_loop().run_in_executor(
                pictures, hub.snapshots.plain, request.path_params["camera"]
            )
            if data is not None:
                return Response(data, media_type="image/jpeg")
        snapshot = await asyncio.get_running_loop().run_in_executor(
            pictures, hub.snapshots.snapshot, request.path_params["camera"]
        )
        if snapshot is None:
            return PlainTextResponse("There is no picture of that camera.\n", 404)
        return Response(snapshot.jpeg, media_type="image/jpeg")

    async def events(request: Request) -> ASGIApp:
        query = request.query_params
        told = live.stream(
            hub,
            after=request.headers.get("last-event-id"),
            recent="recent" in query,
            cameras="cameras" in query,
            is_over=is_over,
        )
        return listeners.stream(request, told, "text/event-stream")

    async def clip_list(_: Request) -> ASGIApp:
        nonlocal listing
        if folder is None:
            return JSONResponse({"kept": False, "clips": []})
        if listing is None or listing.done():  # all who ask meanwhile get the same
            listing = asyncio.get_running_loop().run_in_executor(files, kept.listed, folder)
        return JSONResponse({"kept": True, "clips": await asyncio.shield(listing)})

    async def clip(request: Request) -> ASGIApp:
        found = (
            await asyncio.get_running_loop().run_in_executor(
                files, kept.find, folder, request.path_params["name"]
            )
            if folder
            else None
        )
        if found is None:
            return PlainTextResponse("There is no such clip.\n", 404)
        path, about = found
        if "play" in request.query_params:
            kind = f"multipart/x-mixed-replace; boundary={clips.BOUNDARY}"
            return players.stream(request, clips.play(path, decoders, is_over), kind)
        answer = FileResponse(path, media_type="video/mp4", filename=path.name, stat_result=about)
        if _is_known(request, answer):
            same = {name: answer.headers[name] for name in ("etag", "last-modified")}
            return Response(status_code=304, headers=same)
        to_thread.current_default_thread_limiter().total_tokens = _READERS
        return downloads.file(answer)

    async def health(_: Request) -> ASGIApp:
        cameras = {camera.name: camera.state for camera in hub.status.cameras()}
        well = not hub.status.problem and all(
            state in ("live", "off") for state in cameras.values()
        )
        return JSONResponse({"well": well, "cameras": cameras}, 200 if well else 503)

    async def prometheus(_: Request) -> ASGIApp:
        return Response(figures(), media_type="text/plain; version=0.0.4; charset=utf-8")

    def model() -> dict[str, str]:
        return {"model": hub.status.model}

    icon = _file("icon.svg", "image/svg+xml")
    routes = [
        Route("/", _file("index.html", "text/html", model)),
        Route("/style.css", _file("style.css", "text/css")),
        Route("/page.js", _file("page.js", "text/javascript")),
        Route("/icon.svg", icon),
        Route("/favicon.ico", icon),  # which browsers ask for whatever the page says
        Route("/cameras/{camera}/picture.jpg", picture),
        Route("/events", events),
        Route("/clips", clip_list),
        Route("/clips/{name}", clip),
        Route("/healthz", health),
        Route("/metrics", prometheus),
        Route("/review", _file("review.html", "text/html", model)),
        Route("/review.js", _file("review.js", "text/javascript")),
        Route("/zones.js", _file("zones.js", "text/javascript")),
        Route("/review.css", _file("review.css", "text/css")),
    ]
    if review is not None:
        routes += for_review(review, downloads)
    app = Starlette(routes=routes)
    app.router.redirect_slashes = False  # to wherever the Host header says
    return AccessControl(app, token, (_PAGE / "login.html").read_bytes())


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


def _file(name: str, kind: str, words: Callable[[], Mapping[str, str]] = dict) -> Endpoint:
    """Returns what gives one file of the page. It is read once: no request leads to a path.

    Args:
        name: the file's.
        kind: its media type.
        words: what is to stand in its HTML for each ``{key}``, whenever it is asked for.
    """
    content = (_PAGE / name).read_text("utf-8")

    async def give(_: Request) -> ASGIApp:
        filled = content
        for key, word in words().items():
            filled = filled.replace(f"{{{key}}}", html.escape(word))
        data = filled.encode("utf-8", "replace")
        return Response(data, media_type=kind, headers={"Cache-Control": "no-cache"})

    return give
