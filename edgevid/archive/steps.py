"""Reads the steps of an archive back, recording by recording."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgevid.archive import libraries
from edgevid.archive.store import Archive, Part
from edgevid.errors import SourceError

_PIECE = 512  # steps


@dataclass(frozen=True, eq=False)
class Steps:
    """The steps of one recording, or of one track in it, from an archive.

    Attributes:
        content: what tells the recording's content from any other's.
        source: its path or address.
        track: number of the track; None for the whole picture.
        time: int64 ``[steps]``, microseconds since 1970.
        seconds: float64 ``[steps]``, from the recording's beginning.
        fresh: bool ``[steps]``: nothing before belongs to it.
        box: int32 ``[steps, 4]``, pixels; of the whole picture nothing that counts.
        values: float32 ``[steps, values]``: what was made of the features.
    """

    content: str
    source: str
    track: int | None
    time: NDArray[np.int64]
    seconds: NDArray[np.float64]
    fresh: NDArray[np.bool_]
    box: NDArray[np.int32]
    values: NDArray[np.float32]

    def joined(self, more: Steps) -> Steps:
        """Returns these and what follows on them."""
        pairs = (
            (getattr(self, name), getattr(more, name))
            for name in ("time", "seconds", "fresh", "box", "values")
        )
        return Steps(
            self.content, self.source, self.track, *(np.concatenate(pair) for pair in pairs)
        )


def read(
    archive: Archive,
    part: Part,
    make: Callable[[NDArray[np.float32]], NDArray[np.float32]] = lambda features: features,
) -> Iterator[Steps]:
    """Yields the steps of a part by recording and track, one after the other.

    Args:
        archive: it is in.
        part: one of its files.
        make: makes of features ``[steps, features]`` what is wanted of them, many steps at a time.

    Raises:
        SourceError: the file cannot be read.
    """
    pa = libraries.pyarrow()
    columns = ["content", "source", "time", "seconds", "fresh", "track", "box", "features"]
    content = ""
    waiting: dict[int | None, Steps] = {}  # of one recording, by track
    try:
        with pa.parquet.ParquetFile(archive.steps(part)) as file:
            for batch in file.iter_batches(batch_size=8192, columns=columns):
                for steps in _of_batch(batch, make):
                    if steps.content != content:
                        yield from waiting.values()
                        content, waiting = steps.content, {}
                    known = waiting.get(steps.track)
                    waiting[steps.track] = known.joined(steps) if known else steps
    except OSError as error:
        raise SourceError(f"{archive.steps(part)}: cannot be read: {error}") from error
    yield from waiting.values()


def _of_batch(
    batch: Any, make: Callable[[NDArray[np.float32]], NDArray[np.float32]]
) -> Iterator[Steps]:
    """Yields the stretches of some steps that are of one recording, and of one track."""
    content, source = batch.column("content"), batch.column("source")
    contents, sources = content.dictionary.to_pylist(), source.dictionary.to_pylist()
    codes, source_codes = content.indices.to_numpy(), source.indices.to_numpy()
    time = batch.column("time").cast("int64").to_numpy()
    seconds = batch.column("seconds").to_numpy()
    fresh = batch.column("fresh").to_numpy(zero_copy_only=False)
    tracks = batch.column("track").fill_null(0).to_numpy()  # which count from 1
    box = np.zeros((len(tracks), 4), np.int32)
    box[tracks > 0] = batch.column("box").flatten().to_numpy().reshape(-1, 4)
    features = bytes_of(batch.column("features"), np.dtype("<f2"))
    # Little at a time, so that it stays in the processor's cache.
    starts = range(0, len(features), _PIECE)
    pieces = (features[start : start + _PIECE].astype(np.float32) for start in starts)
    values = np.concatenate([make(piece) for piece in pieces])
    other = (np.diff(codes) != 0) | (np.diff(tracks) != 0)
    changes = [0, *(np.flatnonzero(other) + 1).tolist(), len(codes)]
    for start, end in itertools.pairwise(changes):
        yield Steps(
            contents[codes[start]],
            sources[source_codes[start]],
            int(tracks[start]) or None,
            time[start:end],
            seconds[start:end],
            fresh[start:end],
            box[start:end],
            values[start:end],
        )


def bytes_of(column: Any, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Returns a column of rows of equal length as ``[rows, values]``, without a copy."""
    array = column.combine_chunks() if hasattr(column, "combine_chunks") else column
    array = array.chunk(0) if hasattr(array, "chunk") else array
    width = array.type.byte_width
    start = array.offset * width
    data = np.frombuffer(array.buffers()[1], np.uint8)[start : start + len(array) * width]
    return data.view(dtype).reshape(len(array), -1)
