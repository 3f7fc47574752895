"""Keeps features in a file of bounded size, for teaching; pictures are not kept."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from edgevid.errors import OutputError, SourceError, UsageError
from edgevid.runtime import feature_file
from edgevid.runtime.feature_file import FIRST, FRAMES, MAGIC, Network
from edgevid.runtime.model import Model
from edgevid.support.file_lock import lock

BUDGET = 500_000_000  # bytes; about four days of a camera

_LONGEST_GAP_S = 1.0  # what is seen after a longer one does not follow on what was before


class Segment(NamedTuple):
    """Some seconds of kept features.

    Attributes:
        started: when the first frame was seen, seconds since 1970.
        follows: whether it goes on where the segment before it ended.
        features: float32 ``[frames, features]``.
    """

    started: float
    follows: bool
    features: NDArray[np.float32]


class KeptFeatures:
    """The features in a file, oldest first; one segment at a time is in memory.

    Can be read while another process goes on writing.

    Args:
        path: the file.

    Attributes:
        network: what the features are of.

    Raises:
        SourceError: it cannot be read, or is no such file.

    Example:
        >>> from edgevid.runtime.feature_file import Network
        >>> from edgevid.runtime.kept_features import FeatureWriter
        >>> path = Path("front.features")
        >>> with FeatureWriter(path, Network("0f", "movinet-a0", 2, 5.0)) as kept:
        ...     kept.add(np.array([0.0, 1.0], np.float32), timestamp=0.0)
        >>> [segment.features.tolist() for segment in edgevid.KeptFeatures(path)]
        [[[0.0, 1.0]]]
    """

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)
        try:
            with self._path.open("rb") as file:
                self.network = feature_file.read_network(file)
        except OSError as error:
            raise SourceError(f"{path}: cannot be read: {error.strerror}") from error
        except ValueError as error:
            raise SourceError(f"{path}: {error}") from error

    @property
    def lengths(self) -> list[int]:
        """How many frames each segment has; of one that is damaged, too."""
        try:
            with self._path.open("rb") as file:
                return [
                    record.frames for record in feature_file.records_of(file, self.network.features)
                ]
        except OSError as error:
            raise SourceError(f"{self._path}: cannot be read: {error.strerror}") from error

    @property
    def spans(self) -> list[tuple[float, float]]:
        """When each segment began and ended, seconds since 1970; of one that is damaged, too."""
        try:
            with self._path.open("rb") as file:
                found = feature_file.records_of(file, self.network.features)
        except OSError as error:
            raise SourceError(f"{self._path}: cannot be read: {error.strerror}") from error
        return [(r.started, r.started + r.frames / self.network.fps) for r in found]

    def copy(self, to: str | Path, start: float, end: float) -> int:
        """Copies the segments that lie wholly in some time to a file of their own.

        Args:
            to: the file; it appears whole or not at all.
            start: seconds since 1970.
            end: the same.

        Returns:
            How many frames there are; with none, no file is written.

        Raises:
            SourceError: the file cannot be read.
            OutputError: the other cannot be written.
        """
        try:
            with self._path.open("rb") as file:
                fps = self.network.fps
                found = [
                    record
                    for record in feature_file.records_of(file, self.network.features)
                    if start <= record.started and record.started + record.frames / fps <= end
                ]
                if found:
                    kept = (feature_file.raw(file, record) for record in found)
                    feature_file.write_anew(Path(to), self.network, kept)
        except OSError as error:
            raise SourceError(f"{self._path}: cannot be read: {error.strerror}") from error
        return sum(record.frames for record in found)

    def __iter__(self) -> Iterator[Segment]:
        """Yields what is whole."""
        before = -1
        try:
            with self._path.open("rb") as file:
                for record in feature_file.records_of(file, self.network.features):
                    features = feature_file.content(file, record, self.network.features)
                    if features is None:
                        continue
                    follows = record.follows and record.sequence == before + 1
                    before = record.sequence
                    yield Segment(record.started, follows, features)
        except OSError as error:
            raise SourceError(f"{self._path}: cannot be read: {error.strerror}") from error


def are_kept_features(path: str | Path) -> bool:
    """Returns whether a file holds kept features, by its first bytes.

    Example:
        >>> from edgevid.runtime.kept_features import are_kept_features
        >>> are_kept_features("clip.mp4")
        False
    """
    try:
        with Path(path).open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except (OSError, ValueError):
        return False


class FeatureWriter:
    """Keeps features in a file; the oldest make room for the newest.

    Goes on with a file that is there. A crash costs the last minute, a power cut perhaps two. Only
    its owner can read it.

    Args:
        path: the file.
        network: what the features are of.
        budget: bytes that the file may have, a million at least.

    Raises:
        OutputError: it cannot be written, or another process writes it.
        UsageError: it is another file, or holds features of another network.

    Example:
        >>> model = edgevid.load_model("movinet-a0")  # doctest: +SKIP
        >>> with edgevid.keep_features("front.features", model) as kept:  # doctest: +SKIP
        ...     prediction = stream.step(frame)
        ...     kept.add(stream.features, prediction.timestamp)
    """

    def __init__(self, path: Path, network: Network, budget: int = BUDGET) -> None:
        if budget < 1_000_000:
            raise UsageError("kept features need a megabyte at least")
        self._path, self._network, self._budget = path, network, budget
        self._rows = np.empty((FRAMES, network.features), np.float32)
        self._frames = 0
        self._started = 0.0
        self._follows = False
        self._seen = -np.inf
        try:
            self._file = self._open()
        except OutputError:
            raise
        except OSError as error:
            raise self._unwritable(error) from error

    def __enter__(self) -> FeatureWriter:
        """Returns itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Writes what is left, and closes the file."""
        self.close()

    def add(self, features: NDArray[np.float32], timestamp: float) -> None:
        """Takes the next frame's features.

        Args:
            features: float32 ``[features]``.
            timestamp: the frame's, in seconds. Over a gap of more than a second, or where time
                goes back, nothing follows on what was before.

        Raises:
            OutputError: the last minute cannot be written, and is lost. One may go on: later the
                disk may have room again.
        """
        if not 0 <= timestamp - self._seen <= _LONGEST_GAP_S:
            self.end()
        self._seen = timestamp
        if not self._frames:
            self._started = time.time()
        self._rows[self._frames] = features
        self._frames += 1
        if self._frames == FRAMES:
            self._write()

    def end(self) -> None:
        """What comes next has nothing to do with what was before: another clip.

        Raises:
            OutputError: as ``add`` does.
        """
        if self._frames:
            self._write()
        self._follows = False

    def close(self) -> None:
        """Writes what is left, and closes the file.

        Raises:
            OutputError: as ``add`` does; the file is closed all the same.
        """
        if self._file.closed:
            return
        try:
            self.end()
        finally:
            self._file.close()

    def _open(self) -> BinaryIO:
        path = self._path
        if path.exists() and not path.is_file():
            raise UsageError(f"{path}: is no file")
        if not path.exists() or not path.stat().st_size:
            feature_file.write_anew(path, self._network, [])
        file = path.open("r+b", buffering=0)
        try:
            lock(file, f"{path}: another process keeps features in it")
            self._check(file)
            found = feature_file.records_of(file, self._network.features)
            if max((record.end for record in found), default=FIRST) > self._budget:
                newest = feature_file.newest(found, self._budget)
                feature_file.write_anew(
                    path, self._network, (feature_file.raw(file, record) for record in newest)
                )
                file.close()
                return self._open()
            last = found[-1] if found else None
            self._place = last.end if last else FIRST
            self._sequence = last.sequence + 1 if last else 0
        except BaseException:
            file.close()
            raise
        return file

    def _check(self, file: BinaryIO) -> None:
        try:
            found = feature_file.read_network(file)
        except ValueError as error:
            raise UsageError(f"{self._path}: {error}; keep features in another file") from error
        if not found.is_that_of(self._network):
            raise UsageError(
                f"{self._path}: holds features of {found.model or 'another model'}, which those "
                f"of {self._network.model} cannot join: keep them in another file"
            )

    def _write(self) -> None:
        record = feature_file.packed(
            self._rows[: self._frames], self._sequence, self._started, follows=self._follows
        )
        self._frames = 0
        self._follows = False  # until it is written
        place = self._place if self._place + len(record) <= self._budget else FIRST
        try:
            self._file.seek(place)
            rest = memoryview(record)
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            raise self._unwritable(error) from error
        self._place = place + len(record)
        self._sequence += 1
        self._follows = True

    def _unwritable(self, error: OSError) -> OutputError:
        return OutputError(f"{self._path}: features cannot be kept: {error.strerror}")


def keep_features(path: str | Path, model: Model, *, budget: int = BUDGET) -> FeatureWriter:
    """Opens a file for the features of what a model sees; see ``FeatureWriter``.

    Args:
        path: the file; one of a network's features is gone on with.
        model: whose streams' ``features`` are to be kept.
        budget: bytes that the file may have.

    Raises:
        OutputError: it cannot be written, or another process writes it.
        UsageError: the model gives no features, or the file holds something else.

    Example:
        >>> edgevid.keep_features("front.features", edgevid.load_model("camera-motion"))
        Traceback (most recent call last):
        ...
        edgevid.errors.UsageError: camera-motion gives no features: ...
    """
    return FeatureWriter(Path(path), Network.of(model), budget)
