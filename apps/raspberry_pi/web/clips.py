"""Plays the kept clips as pictures."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncGenerator, Callable, Generator
from concurrent.futures import Executor
from contextlib import suppress
from pathlib import Path

from apps.raspberry_pi.pictures import bgr, jpeg
from edgevid import EdgevidError, open_source

BOUNDARY = "picture"


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
