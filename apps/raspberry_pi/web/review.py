"""The addresses of the review: what is said of clips, teaching, zones."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from apps.raspberry_pi.review.desk import Review, as_bytes
from apps.raspberry_pi.web.answers import Places
from apps.raspberry_pi.web.writes import RefusedError, asked
from edgevid import EdgevidError, OutputError, UsageError

Endpoint = Callable[[Request], Awaitable[ASGIApp]]


def routes(review: Review, downloads: Places) -> list[Route]:
    """Returns the addresses.

    Args:
        review: does what is asked.
        downloads: places for those who load a video.
    """
    # One thing after the other; loading a model takes a second, in which nothing else is written.
    desk = ThreadPoolExecutor(1, "clips")

    async def do(call: Callable[..., Any], *given: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(desk, call, *given)

    def gives(look: Callable[[], Mapping[str, Any]]) -> Endpoint:
        async def give(_: Request) -> ASGIApp:
            try:
                return Response(as_bytes(await do(look)), media_type="application/json")
            except EdgevidError as error:
                return _problem(error)

        return give

    def takes(change: Callable[[Mapping[str, Any]], object]) -> Endpoint:
        async def take(request: Request) -> ASGIApp:
            try:
                given = await asked(request)
                await do(change, given)
            except RefusedError as error:
                close = {"Connection": "close"} if error.status == 413 else None
                return JSONResponse({"problem": str(error)}, error.status, close)
            except EdgevidError as error:
                return _problem(error)
            return JSONResponse({"done": True})

        return take

    async def video(request: Request) -> ASGIApp:
        path = await do(review.find, request.path_params["name"])
        if path is None:
            return PlainTextResponse("There is no such clip.\n", 404)
        return downloads.file(FileResponse(path, media_type="video/mp4"))

    changes: dict[str, Callable[[Mapping[str, Any]], object]] = {
        "judge": review.judge,
        "mark": review.mark,
        "unmark": review.unmark,
        "nothing": review.nothing,
        "offer": review.offer,
        "withdraw": review.withdraw,
        "record": lambda _: review.record(),
        "teach": lambda _: review.teach(),
        "stop": lambda _: review.stop_teaching(),
        "use": review.use,
        "undo": lambda _: review.undo(),
        "draw": review.draw,
    }
    looks: dict[str, Callable[[], Mapping[str, Any]]] = {
        "clips": review.listing,
        "teaching": review.teaching,
        "progress": review.progress,
        "quiet": review.quiet,
        "zones": review.zones,
    }
    return [
        *(Route(f"/review/{name}", gives(look)) for name, look in looks.items()),
        *(Route(f"/review/{name}", takes(one), methods=["POST"]) for name, one in changes.items()),
        Route("/review/clips/{name}", video),
    ]


def _problem(error: EdgevidError) -> Response:
    status = 507 if isinstance(error, OutputError) else 409
    if isinstance(error, UsageError):
        status = 422
    return JSONResponse({"problem": str(error)}, status)
