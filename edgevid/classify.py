"""Classifies a source from its start to its end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edgevid.records import Prediction
    from edgevid.runtime.model import Model
    from edgevid.sources import Source


def classify(
    source: str | Path | int | Source, model: Model, *, top_k: int = 5
) -> Iterator[Prediction]:
    """Says what happens in a video, one prediction for each of the model's ticks.

    Of a live source a prediction stands, with an ``inference_ms`` of 0, where nothing changes.

    Args:
        source: what ``open_source`` takes, or an open source, which is closed at the end too,
            as nothing can be read from it twice; of a folder of videos each in turn, starting
            afresh.
        model: made by ``load_model``.
        top_k: how many labels a prediction gives.

    Raises:
        SourceError: the source cannot be read, or broke off.

    Example:
        >>> model = edgevid.load_model("camera-motion")
        >>> labels = [prediction.top.label for prediction in edgevid.classify("clip.mp4", model)]
        >>> labels[0], labels[10]
        ('still', 'pan left')
    """
    # Here, because importing edgevid imports this module.
    from edgevid.runtime.watch import Watch
    from edgevid.sources import clips, freshest, open_source

    watch = Watch(model.stream(top_k=top_k))
    if isinstance(source, (str, Path)):
        opened: Iterator[Source] = (open_source(clip) for clip in clips(source))
    else:
        opened = iter([open_source(source) if isinstance(source, int) else source])
    for one in opened:
        watch.end()
        watch.gated = one.is_live
        with freshest(one) as frames:
            for frame in frames:
                prediction, _ = watch.take(frame)
                if prediction is not None:
                    yield prediction
