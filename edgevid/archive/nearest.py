"""Compares the windows of an archive with an example: the cosine between square roots of features.

What is ordinary in the archive is taken off both. Every window is compared.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from edgevid.archive import libraries
from edgevid.archive.steps import bytes_of
from edgevid.archive.store import Archive, Part
from edgevid.errors import SourceError

_BATCH = 2048  # windows that are read at once
_PRODUCTS = 1 << 18  # multiplications at once, for which BLAS starts no threads
_SAMPLED = 16  # parts that tell what is ordinary in an archive


def directions(examples: NDArray[np.float32], ordinary: NDArray[np.float32]) -> NDArray[np.float32]:
    """Returns examples as windows are compared with them: of length 1, ``[windows, features]``.

    Args:
        examples: float32 ``[windows, features]``, means over windows.
        ordinary: what ``ordinary`` gives.
    """
    wanted = np.sqrt(np.maximum(examples, 0))
    wanted *= 255 / np.sqrt(np.maximum(examples.max(axis=1, keepdims=True), 1e-12))
    wanted -= ordinary
    norms = np.linalg.norm(wanted, axis=1, keepdims=True)
    return np.asarray(wanted / np.maximum(norms, 1e-6), np.float32)


def scan(
    archive: Archive,
    part: Part,
    *,
    wanted: NDArray[np.float32],
    ordinary: NDArray[np.float32],
    holds: Callable[[NDArray[np.int64]], NDArray[np.bool_]] | None = None,
) -> NDArray[np.float32]:
    """Returns how near each window of a part is to the nearest example: float32 ``[windows]``.

    Args:
        archive: it is in.
        part: one of its files.
        wanted: of each example what ``directions`` gives.
        ordinary: what ``ordinary`` gives.
        holds: which times, in microseconds since 1970, are asked of; the others get -inf.

    Raises:
        SourceError: the file cannot be read.
    """
    pa = libraries.pyarrow()
    found = []
    columns = ["features", *([] if holds is None else ["time"])]
    examples = np.ascontiguousarray(wanted.T)
    rows = max(16, min(512, _PRODUCTS // examples.size))  # and what the processor's cache holds
    values = np.empty((rows, len(ordinary)), np.float32)
    path = archive.windows(part)
    try:
        with pa.parquet.ParquetFile(path, pre_buffer=False) as file:
            for batch in file.iter_batches(batch_size=_BATCH, columns=columns, use_threads=False):
                packed = bytes_of(batch.column("features"), np.dtype(np.uint8))
                scores = np.empty(len(packed), np.float32)
                for start in range(0, len(packed), rows):
                    piece = values[: len(packed) - start]
                    np.copyto(piece, packed[start : start + rows])
                    piece -= ordinary
                    norms = np.sqrt(np.einsum("ij,ij->i", piece, piece))
                    nearest = (piece @ examples).max(axis=1)
                    scores[start : start + rows] = nearest / np.maximum(norms, 1e-6)
                if holds is not None:
                    scores[~holds(batch.column("time").cast("int64").to_numpy())] = -np.inf
                found.append(scores)
    except OSError as error:
        raise SourceError(f"{path}: cannot be read: {error}") from error
    return np.concatenate(found) if found else np.empty(0, np.float32)


def ordinary(archive: Archive, parts: Sequence[Part]) -> NDArray[np.float32]:
    """Returns the mean of packed features over a sample: float32 ``[features]``."""
    pa = libraries.pyarrow()
    total = np.zeros(archive.description.network.features)
    count = 0
    for part in parts[:: max(1, len(parts) // _SAMPLED)]:
        with pa.parquet.ParquetFile(archive.windows(part), pre_buffer=False) as file:
            for batch in file.iter_batches(1024, columns=["features"], use_threads=False):
                values = bytes_of(batch.column(0), np.dtype(np.uint8))
                total += values.astype(np.float32).sum(axis=0)  # whole numbers: exact
                count += len(values)
                break
    return (total / max(1, count)).astype(np.float32)


def best(
    parts: Sequence[Part], scores: Sequence[NDArray[np.float32]], most: int
) -> list[tuple[float, Part, int]]:
    """Returns the best scores, the best first, with the part and the row that each is of."""
    every = np.concatenate([*scores, np.empty(0, np.float32)])
    places = np.flatnonzero(every > -np.inf)
    if len(places) > most:
        places = places[np.argpartition(-every[places], most - 1)[:most]]
    places = places[np.lexsort((places, -every[places]))]
    firsts = np.cumsum([0, *map(len, scores)])
    of = np.searchsorted(firsts, places, side="right") - 1
    return [
        (float(every[place]), parts[number], place - int(firsts[number]))
        for place, number in zip(places.tolist(), of.tolist(), strict=True)
    ]
