"""What is kept of some seconds, so that a search need not read every step."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgevid.records import Box

SECONDS = 5.0  # of a window
_LABELS = 10  # of a window, the most probable ones
_LEAST_SHARE = 0.5  # a shorter rest belongs to the window before


def bounds(fresh: NDArray[np.bool_], steps: int) -> list[tuple[int, int]]:
    """Returns where windows begin and end in a recording's steps.

    Args:
        fresh: bool ``[steps]``: where something begins that has nothing to do with what was
            before; no window reaches across.
        steps: of a whole window.

    Example:
        >>> bounds(np.array([True, False, False, False, False, False]), 4)
        [(0, 4), (4, 6)]
    """
    starts = [int(place) for place in np.flatnonzero(fresh)]
    if not starts or starts[0] != 0:
        starts.insert(0, 0)
    found = []
    for start, end in zip(starts, [*starts[1:], len(fresh)], strict=True):
        places = list(range(start, end, steps))
        if len(places) > 1 and end - places[-1] < _LEAST_SHARE * steps:
            places.pop()
        found += list(zip(places, [*places[1:], end], strict=True))
    return found


def packed(mean: NDArray[np.float32]) -> tuple[NDArray[np.uint8], float]:
    """Returns features on a square-root scale in a byte each, and the largest of them.

    Half of a network's pooled features are near zero and a few are large: on this scale a byte
    tells the small ones apart.

    Args:
        mean: float32 ``[features]``.
    """
    scale = float(np.max(np.abs(mean), initial=1e-12))
    # Pooled features lie behind an activation that gives next to nothing below zero.
    share = np.clip(mean / np.float32(scale), 0, 1)
    return np.rint(255 * np.sqrt(share)).astype(np.uint8), scale


def unpacked(values: NDArray[np.uint8], scales: NDArray[np.float32]) -> NDArray[np.float32]:
    """Returns the features ``[windows, features]`` that ``packed`` was given, nearly."""
    share = values.astype(np.float32) / np.float32(255)
    return np.asarray(share * share * scales[:, None], np.float32)


def labels_of(rows: list[dict[str, Any]]) -> tuple[list[str], list[float]]:
    """Returns the labels of some steps and the highest probability that each reached."""
    highest: dict[str, float] = {}
    for row in rows:
        for label, probability in zip(row["labels"], row["probabilities"], strict=True):
            highest[label] = max(highest.get(label, 0.0), probability)
    best = sorted(highest.items(), key=lambda pair: (-pair[1], pair[0]))[:_LABELS]
    return [label for label, _ in best], [probability for _, probability in best]


def around(boxes: Iterable[Box]) -> Box | None:
    """Returns the smallest box that holds all of some; None of none.

    Example:
        >>> around([(0, 0, 10, 10), (5, 2, 10, 10)])
        (0, 0, 15, 12)
    """
    sides = [(x, y, x + width, y + height) for x, y, width, height in boxes]
    if not sides:
        return None
    lefts, tops, rights, bottoms = zip(*sides, strict=True)
    left, top = min(lefts), min(tops)
    return left, top, max(rights) - left, max(bottoms) - top
