"""What every source of frames must do, written once. See ``edgevid/sources/base.py``."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from edgevid.sources import Source

RED = (210, 40, 30)  # as RGB: were a channel order wrong anywhere, this would come out blue
_TOLERANCE = 16  # of a codec that keeps colours coarsely


def red_pictures(count: int) -> list[NDArray[np.uint8]]:
    return [np.full((48, 64, 3), RED, np.uint8) for _ in range(count)]


def increases(values: Sequence[float]) -> bool:
    """Whether each is more than the one before."""
    return all(later > earlier for earlier, later in pairwise(values))


def check(
    source: Source, *, take: int | None = None, colour: tuple[int, int, int] | None = RED
) -> None:
    """Watches a newly opened source.

    Args:
        source: what to watch.
        take: leave after so many frames; None watches to the end, which the source must have.
        colour: RGB of the even picture that it shows; None where that is not known.
    """
    assert source.name
    assert source.unreadable == 0
    assert source.fps is None or source.fps > 0
    indices: list[int] = []
    timestamps: list[float] = []
    with source as entered:
        assert entered is source
        for frame in source:
            indices.append(frame.index)
            timestamps.append(frame.timestamp)
            assert frame.image.dtype == np.uint8
            assert frame.image.shape[2:] == (3,)
            assert frame.image.flags.c_contiguous
            if colour is not None:
                assert np.abs(frame.image.mean(axis=(0, 1)) - colour).max() < _TOLERANCE
            if len(indices) == take:
                break
        else:
            assert take is None, f"ended after {len(indices)} frames"
    assert indices
    assert increases(timestamps)
    if source.is_live and take is None:  # frames that nobody took are gone, numbers and all
        assert increases(indices)
    else:
        assert indices == list(range(len(indices)))
    if not source.is_live:
        assert source.length is None or len(indices) <= source.length
        assert timestamps[0] >= 0
    source.close()  # the second time: leaving the block was the first
