"""What a taught head makes of the steps of an archive, as a stream of the taught model would."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from edgevid.archive.steps import Steps
from edgevid.modelfile.head import Head
from edgevid.runtime.head import rooted

_FEW = 8  # columns


def weighted(head: Head) -> Callable[[NDArray[np.float32]], NDArray[np.float32]]:
    """Returns what makes weighted sums of features: float32 ``[steps, windows * labels]``.

    A mean over steps of a weighted sum is the weighted sum of the mean: so each step is weighted
    once, and the means go over few numbers.
    """
    weights = head.weights.reshape(head.labels, len(head.windows), head.features)
    columns = np.ascontiguousarray(weights.transpose(2, 1, 0).reshape(head.features, -1))
    return lambda features: _products(rooted(features, head.roots), columns)


def probabilities(head: Head, seen: Steps) -> NDArray[np.float64]:
    """Returns what a stream through the head gives at each step: ``[steps, labels]``.

    Args:
        head: as taught.
        seen: its values are those of ``weighted``.
    """
    steps = len(seen.values)
    found = np.empty((steps, head.labels))
    starts = [*np.flatnonzero(seen.fresh).tolist(), steps]
    all_sums = seen.values.reshape(steps, len(head.windows), head.labels)
    for start, end in itertools.pairwise(starts):
        logits = np.tile(head.bias.astype(np.float64), (end - start, 1))
        for number, window in enumerate(head.windows):
            sums = np.cumsum(all_sums[start:end, number], axis=0, dtype=np.float64)
            sums[window:] -= sums[:-window].copy()
            counts = np.minimum(np.arange(1, end - start + 1), window)
            logits += sums / counts[:, None]
        found[start:end] = 1 / (1 + np.exp(-logits))
    return found


def _products(rows: NDArray[np.float32], columns: NDArray[np.float32]) -> NDArray[np.float32]:
    """Returns ``rows @ columns``; of few without BLAS, whose threads cost more than that."""
    if columns.shape[1] > _FEW:
        return rows @ columns
    found = np.empty((len(rows), columns.shape[1]), np.float32)
    for number, column in enumerate(np.ascontiguousarray(columns.T)):
        np.einsum("ij,j->i", rows, column, out=found[:, number])
    return found
