"""Events and scores as server-sent events.

The format is that of https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Callable
from typing import Any

from apps.raspberry_pi.bus import CameraEvent
from apps.raspberry_pi.hub import Hub
from apps.raspberry_pi.messages import event_message, utc
from apps.raspberry_pi.status import CameraStatus

_TURN_S = 0.2  # how often the page hears what the cameras show: the model's own pace
_QUIET_S = 15.0  # after which a comment shows that the line is there
_WAITING = 100  # events that a slow client may be behind


async def stream(
    hub: Hub, *, after: str | None, recent: bool, cameras: bool, is_over: Callable[[], bool]
) -> AsyncGenerator[str, None]:
    """Yields messages until the service ends, or the client falls too far behind.

    It may then connect again, as browsers do, and goes on where it was.

    Args:
        hub: what there is to tell.
        after: the id of the last event that the client has; it gets those that came since.
        recent: whether a client without one gets those that are remembered.
        cameras: whether to tell what the cameras show as well.
        is_over: whether the service ends.
    """
    loop, waiting = asyncio.get_running_loop(), asyncio.Queue[CameraEvent](_WAITING)
    fell_behind = False

    def put(found: CameraEvent) -> None:
        nonlocal fell_behind
        try:
            waiting.put_nowait(found)
        except asyncio.QueueFull:
            fell_behind = True

    leave = hub.bus.listen(lambda found: _call(loop, put, found))
    try:
        remembered = hub.bus.recent()
        known = {found.id for found in remembered}  # they may be in the queue as well
        yield "retry: 2000\n\n"
        for found in _missed(remembered, after, recent):
            yield _message("action", event_message(found), found.id)
        told, spoke = "", time.monotonic()
        while not (is_over() or fell_behind):
            now = (
                _message("cameras", [describe(camera) for camera in hub.status.cameras()])
                if cameras
                else ""
            )
            if now != told:
                yield now
                told, spoke = now, time.monotonic()
            elif time.monotonic() - spoke > _QUIET_S:
                yield ":\n\n"
                spoke = time.monotonic()
            try:
                found = await asyncio.wait_for(waiting.get(), _TURN_S)
            except TimeoutError:
                continue
            if found.id not in known:
                yield _message("action", event_message(found), found.id)
                spoke = time.monotonic()
    finally:
        leave()


def describe(camera: CameraStatus) -> dict[str, Any]:
    """Returns what the page shows of a camera."""
    return {
        "name": camera.name,
        "state": camera.state,
        "since": utc(camera.since),
        "problem": camera.problem,
        "steps": camera.steps,
        "skipped": camera.skipped,
        "losses": camera.losses,
        "latency_ms": camera.latency_ms,
        "inference_ms": camera.inference_ms,
        "scores": [
            {"label": score.label, "probability": round(score.probability, 3)}
            for score in camera.scores
        ],
        "active": list(camera.active),
    }


def _call(
    loop: asyncio.AbstractEventLoop, put: Callable[[CameraEvent], None], found: CameraEvent
) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(put, found)


def _missed(remembered: list[CameraEvent], after: str | None, recent: bool) -> list[CameraEvent]:
    ids = [found.id for found in remembered]
    if after in ids:
        return remembered[ids.index(after) + 1 :]
    # An id of long ago, or of before a restart: all that is remembered came since.
    return remembered if after or recent else []


def _message(kind: str, content: object, number: str = "") -> str:
    number = f"id: {number}\n" if number else ""
    # In ASCII: the name of a file in a problem may be no text that can be sent otherwise.
    return f"{number}event: {kind}\ndata: {json.dumps(content)}\n\n"
