"""The addresses of the page."""

from __future__ import annotations

import asyncio
import html
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from apps.raspberry_pi.hub import Hub
from apps.raspberry_pi.review.desk import Review
from apps.raspberry_pi.web import live, metrics
from apps.raspberry_pi.web.access import AccessControl
from apps.raspberry_pi.web.answers import Places
from apps.raspberry_pi.web.clips import Clips
from apps.raspberry_pi.web.review import routes as for_review

Endpoint = Callable[[Request], Awaitable[ASGIApp]]
T = TypeVar("T")

_PAGE = Path(__file__).parent / "page"

# Answers that go on, at once; with those of the clips well below the connections there may be.
LISTENERS = 40
_DOWNLOADS = 16


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
    drawing = ThreadPoolExecutor(1, "pictures")
    figures = metrics.exporter(hub)
    listeners, downloads = Places(LISTENERS), Places(_DOWNLOADS)
    clips = Clips(folder, downloads, is_over)

    async def drawn(draw: Callable[[str], T], camera: str) -> T:
        return await asyncio.get_running_loop().run_in_executor(drawing, draw, camera)

    async def picture(request: Request) -> ASGIApp:
        camera = request.path_params["camera"]
        if "plain" in request.query_params:  # to draw on, in its own pixels
            data = await drawn(hub.snapshots.plain, camera)
            if data is not None:
                return Response(data, media_type="image/jpeg")
        snapshot = await drawn(hub.snapshots.snapshot, camera)
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
        Route("/clips", clips.listed),
        Route("/clips/{name}", clips.one),
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
