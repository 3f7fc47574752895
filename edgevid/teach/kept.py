"""Features that a camera kept become examples of background."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

import numpy as np

from edgevid.errors import SourceError, UsageError
from edgevid.runtime.feature_file import Network
from edgevid.runtime.kept_features import KeptFeatures, Segment
from edgevid.runtime.model import Model
from edgevid.teach.data import Recording
from edgevid.teach.examples import Example

_LOG = logging.getLogger(__name__)
_MOST_FRAMES = 18_000  # an hour at five a second: 35 MB; a camera keeps days
_PIECES = 10  # that can be held out by themselves
_NO_PLACE = (12, 12)


def kept_examples(recording: Recording, model: Model) -> list[Example]:
    """Returns what a camera kept, in pieces; spread evenly over all of it if it is over an hour.

    Nothing is known of its pictures.

    Args:
        recording: a file of kept features.
        model: which is taught.

    Raises:
        SourceError: the file cannot be read, or holds nothing.
        UsageError: its features are of another network than the model's.
    """
    kept = KeptFeatures(recording.source)
    if not kept.network.is_that_of(Network.of(model)):
        raise UsageError(
            f"{recording.source}: holds features of {kept.network.model or 'another model'}, "
            "and this is another network: teach that one, or leave the file out"
        )
    segments = list(_spread(kept))
    if not segments:
        raise SourceError(f"{recording.source}: holds no features")
    cuts = np.linspace(0, len(segments), min(_PIECES, len(segments)) + 1).astype(int).tolist()
    return [
        _example(
            replace(recording, source=f"{recording.source}#{number}"),
            segments[first:end],
            kept.network.fps,
        )
        for number, (first, end) in enumerate(pairwise(cuts), 1)
    ]


def _spread(kept: KeptFeatures) -> Iterator[Segment]:
    """Yields every n-th segment, so that there are not too many frames."""
    every = max(1, -(-sum(kept.lengths) // _MOST_FRAMES))
    if every > 1:
        _LOG.info("one minute of %d is used of what was kept", every)
    for number, segment in enumerate(kept):
        if number % every == 0:
            yield segment._replace(follows=segment.follows and every == 1)


def _example(recording: Recording, segments: list[Segment], fps: float) -> Example:
    breaks = [np.zeros(len(segment.features), np.bool_) for segment in segments]
    for number, segment in enumerate(segments):
        breaks[number][0] = number == 0 or not segment.follows
    count = sum(map(len, breaks))
    return Example(
        recording,
        np.arange(count) / fps,
        np.concatenate([segment.features for segment in segments]),
        np.concatenate(breaks),
        pictures=(),
        place=np.zeros(_NO_PLACE, np.uint8),
    )
