"""The clips that are kept, to be listed, played and fetched."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

from apps.raspberry_pi.pictures import bgr, jpeg
from edgevid import SourceError, open_source

_NEWEST = 100  # clips that are listed
BOUNDARY = "picture"


def listed(folder: Path) -> list[dict[str, Any]]:
    """Returns what the JSON files beside the clips say, newest first."""
    found = []
    for path in sorted(folder.glob("*.json"), key=_age)[:_NEWEST]:
        with suppress(OSError, ValueError):  # one that has just been deleted, or is not ours
            clip = json.loads(path.read_text("utf-8"))
            if path.with_suffix(".mp4").name == clip["video"]:
                found.append(clip)
    return found


def find(folder: Path, name: str) -> Path | None:
    """Returns a clip of the folder by its name; None when there is none.

    The name is looked for among those that are there, never made into a path: there is no way
    out of the folder.
    """
    return next((path for path in folder.glob("*.mp4") if path.name == name), None)


async def play(path: Path, is_over: Callable[[], bool]) -> AsyncGenerator[bytes, None]:
    """Yields a clip as pictures for ``multipart/x-mixed-replace``, each at its time.

    MPEG-4 Part 2, which a Pi can write beside everything else, is nothing that browsers play.
    """
    loop, worker, pictures = asyncio.get_running_loop(), ThreadPoolExecutor(1), _pictures(path)
    began = loop.time()
    try:
        while not is_over():
            found = await loop.run_in_executor(worker, next, pictures, None)
            if found is None:
                return
            second, picture = found
            await asyncio.sleep(max(0.0, began + second - loop.time()))
            head = f"--{BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(picture)}\r\n"
            yield head.encode() + b"\r\n" + picture + b"\r\n"
    finally:
        worker.submit(pictures.close)  # after the picture that is being read
        worker.shutdown(wait=False)


def _pictures(path: Path) -> Generator[tuple[float, bytes], None, None]:
    """Yields each picture's second in the clip, and the picture as JPEG."""
    with suppress(SourceError), open_source(str(path)) as source:
        for frame in source:
            yield frame.timestamp, jpeg(bgr(frame.image))


def _age(path: Path) -> float:
    try:
        return -path.stat().st_mtime
    except OSError:
        return 0.0
