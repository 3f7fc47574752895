"""Where predictions go. One file a kind, one function to open what a run needs."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from edgevid.preprocess import Box
from edgevid.sinks.base import Sink

__all__ = ["Sink", "open_sinks"]


def open_sinks(
    *,
    output: str | None,
    save: Path | None,
    headless: bool,
    crop: Box | None,
    on_close: Callable[[], None],
) -> list[Sink]:
    """Opens the sinks of one run; those that draw are only loaded when there is something to draw.

    Args:
        output: a JSON Lines file, ``-`` for standard output, None for none.
        save: a file for the labelled video, None for none.
        headless: no window; there is none either where there is no display.
        crop: the part of the picture that the model looks at, to be outlined.
        on_close: called when the person closes the window.

    Raises:
        OutputError: a file cannot be written. Those opened before it are taken away again.
    """
    from edgevid.sinks.console import ConsoleSink

    sinks: list[Sink] = [ConsoleSink(results=None if output == "-" else sys.stdout)]
    try:
        if output is not None:
            from edgevid.sinks.jsonl import JsonLinesSink

            sinks.append(JsonLinesSink(output))
        pictures = _open_pictures(save, headless, crop, on_close)
        if pictures is not None:
            sinks.append(pictures)
    except BaseException:
        for sink in sinks:
            sink.abandon()
        raise
    return sinks


def _open_pictures(
    save: Path | None, headless: bool, crop: Box | None, on_close: Callable[[], None]
) -> Sink | None:
    from edgevid.sinks.pictures import PictureOutput, PictureSink
    from edgevid.sinks.video import VideoOutput
    from edgevid.sinks.window import WindowOutput, has_display

    outputs: list[PictureOutput] = []
    if not headless and has_display():
        outputs.append(WindowOutput(on_close))
    if save is not None:
        outputs.append(VideoOutput(save))
    return PictureSink(outputs, crop=crop) if outputs else None
