"""What the page consists of, by address."""

from __future__ import annotations

import asyncio
import html
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import (
    FileResponse,
    JSONResponse,
    PlainTextResponse,
    Response,
    StreamingResponse,
)
from starlette.routing import Route
from starlette.types import ASGIApp

from apps.raspberry_pi.hub import Hub
from apps.raspberry_pi.web import clips, live, metrics
from apps.raspberry_pi.web.guard import Guard

Endpoint = Callable[[Request], Awaitable[Response]]

_PAGE = Path(__file__).parent / "page"
_STREAMS = 40  # clients of /events, and of clips that play, at once


def application(
    hub: Hub, token: str | None, folder: Path | None, is_over: Callable[[], bool]
) -> ASGIApp:
    """Returns the application.

    Args:
        hub: what it shows.
        token: without which nobody sees it; None for none.
        folder: the clips'; None where none are kept.
        is_over: whether the service ends: then so must what goes on for ever.
    """
    pictures = ThreadPoolExecutor(1, "pictures")  # they are drawn one after the other
    figures = metrics.exporter(hub)
    streams = 0

    async def picture(request: Request) -> Response:
        shot = await asyncio.get_running_loop().run_in_executor(
            pictures, hub.shot, request.path_params["camera"]
        )
        if shot is None:
            return PlainTextResponse("There is no picture of that camera.\n", 404)
        return Response(shot.jpeg, media_type="image/jpeg")

    async def events(request: Request) -> Response:
        query = request.query_params
        told = live.stream(
            hub,
            after=request.headers.get("last-event-id"),
            recent="recent" in query,
            cameras="cameras" in query,
            is_over=is_over,
        )
        return endless(told, "text/event-stream")

    def endless(content: AsyncGenerator[str | bytes, None], kind: str) -> Response:
        if streams >= _STREAMS:
            return PlainTextResponse("Too many are looking.\n", 503, {"Retry-After": "10"})

        async def counted() -> AsyncGenerator[str | bytes, None]:
            nonlocal streams
            streams += 1
            try:
                async for part in content:
                    yield part
            finally:
                streams -= 1
                await content.aclose()

        return StreamingResponse(counted(), media_type=kind)

    async def clip_list(_: Request) -> Response:
        found = await asyncio.to_thread(clips.listed, folder) if folder else []
        return JSONResponse({"kept": folder is not None, "clips": found})

    async def clip(request: Request) -> Response:
        path = (
            await asyncio.to_thread(clips.find, folder, request.path_params["name"])
            if folder
            else None
        )
        if path is None:
            return PlainTextResponse("There is no such clip.\n", 404)
        if "play" in request.query_params:
            kind = f"multipart/x-mixed-replace; boundary={clips.BOUNDARY}"
            return endless(clips.play(path, is_over), kind)
        return FileResponse(path, media_type="video/mp4", filename=path.name)

    async def health(_: Request) -> Response:
        cameras = {camera.name: camera.state for camera in hub.cameras()}
        well = not hub.problem and all(state == "live" for state in cameras.values())
        return JSONResponse({"well": well, "cameras": cameras}, 200 if well else 503)

    async def prometheus(_: Request) -> Response:
        return Response(figures(), media_type="text/plain; version=0.0.4; charset=utf-8")

    routes = [
        Route("/", _file("index.html", "text/html", {"model": hub.model})),
        Route("/style.css", _file("style.css", "text/css")),
        Route("/page.js", _file("page.js", "text/javascript")),
        Route("/icon.svg", _file("icon.svg", "image/svg+xml")),
        Route("/cameras/{camera}/picture.jpg", picture),
        Route("/events", events),
        Route("/clips", clip_list),
        Route("/clips/{name}", clip),
        Route("/healthz", health),
        Route("/metrics", prometheus),
    ]
    return Guard(Starlette(routes=routes), token, (_PAGE / "login.html").read_bytes())


def _file(name: str, kind: str, words: Mapping[str, str] | None = None) -> Endpoint:
    """Returns what gives one file of the page. It is read once: no request leads to a path.

    Args:
        name: the file's.
        kind: its media type.
        words: what is to stand in its HTML for each ``{key}``.
    """
    content = (_PAGE / name).read_text("utf-8")
    for key, word in (words or {}).items():
        content = content.replace(f"{{{key}}}", html.escape(word))

    async def give(_: Request) -> Response:
        return Response(content, media_type=kind, headers={"Cache-Control": "no-cache"})

    return give
