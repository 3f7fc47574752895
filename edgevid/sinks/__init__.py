"""Sinks: one file a kind, and one function that opens what a run needs."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from edgevid.errors import OutputError
from edgevid.records import Box, Frame, Prediction
from edgevid.sinks.base import Sink
from edgevid.support import command

if TYPE_CHECKING:
    from edgevid.sinks.video import VideoOutput

__all__ = ["Sink", "draw", "open_sinks", "open_video"]


def draw(
    frame: Frame,
    prediction: Prediction | None,
    *,
    crop: Box | None = None,
    time: str | None = None,
    tracks: Sequence[Prediction] = (),
) -> NDArray[np.uint8]:
    """Returns a copy of a frame with the best labels, their probabilities and the time.

    Args:
        frame: the picture.
        prediction: what to write on it; before the first prediction, None.
        crop: the part that the model looks at, which is then outlined.
        time: how to write the time, such as a clock's; the frame's seconds when None.
        tracks: predictions that have a box, which is drawn with the best label of each.

    Returns:
        BGR, uint8, ``[height, width, 3]``: what OpenCV shows and writes. Larger than the frame
        by a whole factor where that has few pixels.

    Example:
        >>> frame = edgevid.Frame(np.zeros((240, 320, 3), np.uint8), 0.0, 0)
        >>> edgevid.draw(frame, prediction=None).shape
        (480, 640, 3)
    """
    from edgevid.sinks import overlay

    return overlay.draw(frame, prediction, crop=crop, time=time, tracks=tracks)


def open_video(path: Path) -> VideoOutput:
    """Returns what makes an MP4 of BGR pictures and their times; see ``VideoOutput``.

    Raises:
        OutputError: the file cannot be written.

    Example:
        >>> video = edgevid.open_video(Path("labelled.mp4"))
        >>> video.start(fps=10)
        >>> for number in range(10):
        ...     video.show(np.zeros((240, 320, 3), np.uint8), timestamp=number / 10)
        >>> video.finish()
        >>> edgevid.open_source("labelled.mp4").fps
        10.0
    """
    from edgevid.sinks.video import VideoOutput

    return VideoOutput(path)


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
        headless: no window; there is none either where none can be opened.
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
        try:
            outputs.append(WindowOutput(on_close))
        except OutputError as error:
            command.complain(f"{error}: going on without one")
    if save is not None:
        outputs.append(VideoOutput(save))
    return PictureSink(outputs, crop=crop) if outputs else None
