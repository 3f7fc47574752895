"""The loop: every frame of a source, and a prediction for those on the model's clock."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from edgevid.model import Model, Stream
from edgevid.pace import Pace
from edgevid.records import Frame, Prediction
from edgevid.sources import Source, clips, open_source


def watch(
    frames: Iterable[Frame], stream: Stream, pace: Pace
) -> Iterator[tuple[Frame, Prediction | None]]:
    """Yields each frame, with the prediction where one was made on it.

    A live source should be wrapped so that it gives its newest frame only.
    """
    for frame in frames:
        yield frame, stream.step(frame) if pace.due(frame.timestamp) else None


def freshest(source: Source) -> Source:
    """Wraps a live source so that the newest frame is always the next one."""
    if not source.is_live:
        return source
    from edgevid.sources.newest import NewestSource

    return NewestSource(source)


def classify(
    source: str | Path | int | Source, model: Model, *, top_k: int = 5
) -> Iterator[Prediction]:
    """Says what happens in a video, one prediction for each of the model's ticks.

    Args:
        source: what ``open_source`` takes, or an open source; of a folder of videos each in
            turn, starting afresh.
        model: made by ``load_model``.
        top_k: how many labels a prediction gives.

    Raises:
        SourceError: the source cannot be read, or broke off.
    """
    stream = model.stream(top_k=top_k)
    if isinstance(source, (str, Path)):
        opened: Iterator[Source] = (open_source(clip) for clip in clips(source))
    else:
        opened = iter([open_source(source) if isinstance(source, int) else source])
    for one in opened:
        stream.reset()
        with freshest(one) as frames:
            for _, prediction in watch(frames, stream, Pace(model.manifest.fps)):
                if prediction is not None:
                    yield prediction
