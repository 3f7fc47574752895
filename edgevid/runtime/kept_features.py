"""Keeps features in a file of bounded size, for teaching; pictures are not kept.

The file is a ring. Behind a first block, which says what network the features are of, come
records of up to a minute each, at multiples of 512 bytes; when the file has its full size, the
next record goes where the oldest is. Each says in its head how long it is and carries checksums
of head and content, so whatever a crash or a full disk has left half-written is passed over.

A feature is kept as one byte on a square-root scale between the record's least and greatest,
which costs under 1 % of a feature's spread, and the bytes are compressed: 1.1 to 1.5 KB a second
for MoViNet-A0 at five frames a second.
"""

from __future__ import annotations

import json
import os
import struct
import time
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from edgevid.errors import OutputError, SourceError, UsageError
from edgevid.plain_text import one_line
from edgevid.runtime.model import Model
from edgevid.support.atomic_file import atomic_file
from edgevid.support.file_lock import lock

FORMAT = 1
BUDGET = 500_000_000  # bytes; about four days of a camera

_MAGIC = b"edgevid features\n"
_FIRST = 4096  # bytes before the records
_ALIGNED = 512  # where a record may begin
_FRAMES = 300  # of a record
_LONGEST_GAP_S = 1.0  # what is seen after a longer one does not follow on what was before
_MARK = b"EVfeat\r\n"
# The mark; checksum of the rest of the head; of the content; its bytes; frames; whether it follows
# on the record before; sequence number; when its first frame was seen; least and greatest feature.
_HEAD = struct.Struct("<8sIIIHHQdff")
_CHECKED = 12  # bytes of the head before those that its checksum is of
_MOST_FEATURES = 1 << 16


@dataclass(frozen=True, slots=True)
class Network:
    """What features are of. Those of two networks must not be mixed.

    Attributes:
        sha256: of the published file.
        model: its name, for people.
        features: how many a frame has.
        fps: frames a second.
    """

    sha256: str
    model: str
    features: int
    fps: float

    @classmethod
    def of(cls, model: Model) -> Network:
        """Returns what a model's features are of; a taught model has its network's.

        Raises:
            UsageError: the model gives none.
        """
        given, manifest = model.signature.features, model.manifest
        if given is None:
            raise UsageError(
                f"{manifest.name or 'the model'} gives no features: only a published model that "
                "was prepared by this edgevid does, or one that was taught"
            )
        sha256 = str(manifest.provenance.get("source_sha256", ""))
        return cls(sha256, manifest.name, given.shape[-1], manifest.fps)

    def is_that_of(self, other: Network) -> bool:
        """Returns whether features of both can be used together."""
        mine, theirs = ((n.sha256, n.features, n.fps) for n in (self, other))
        return mine == theirs


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
        >>> from edgevid.runtime.kept_features import FeatureWriter, Network
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
                self.network = _read_first(file)
        except OSError as error:
            raise SourceError(f"{path}: cannot be read: {error.strerror}") from error
        except ValueError as error:
            raise SourceError(f"{path}: {error}") from error

    @property
    def lengths(self) -> list[int]:
        """How many frames each segment has; of one that is damaged, too."""
        try:
            with self._path.open("rb") as file:
                return [record.frames for record in _records(file, self.network.features)]
        except OSError as error:
            raise SourceError(f"{self._path}: cannot be read: {error.strerror}") from error

    @property
    def spans(self) -> list[tuple[float, float]]:
        """When each segment began and ended, seconds since 1970; of one that is damaged, too."""
        try:
            with self._path.open("rb") as file:
                found = _records(file, self.network.features)
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
                    for record in _records(file, self.network.features)
                    if start <= record.started and record.started + record.frames / fps <= end
                ]
                if found:
                    _write_anew(Path(to), self.network, (_raw(file, one) for one in found))
        except OSError as error:
            raise SourceError(f"{self._path}: cannot be read: {error.strerror}") from error
        return sum(record.frames for record in found)

    def __iter__(self) -> Iterator[Segment]:
        """Yields what is whole."""
        before = -1
        try:
            with self._path.open("rb") as file:
                for record in _records(file, self.network.features):
                    features = _content(file, record, self.network.features)
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
            return file.read(len(_MAGIC)) == _MAGIC
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
        self._rows = np.empty((_FRAMES, network.features), np.float32)
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
        if self._frames == _FRAMES:
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
            _write_anew(path, self._network, [])
        file = path.open("r+b", buffering=0)
        try:
            lock(file, f"{path}: another process keeps features in it")
            self._check(file)
            found = _records(file, self._network.features)
            if max((record.end for record in found), default=_FIRST) > self._budget:
                newest = _newest(found, self._budget)
                _write_anew(path, self._network, (_raw(file, record) for record in newest))
                file.close()
                return self._open()
            last = found[-1] if found else None
            self._place = last.end if last else _FIRST
            self._sequence = last.sequence + 1 if last else 0
        except BaseException:
            file.close()
            raise
        return file

    def _check(self, file: BinaryIO) -> None:
        try:
            found = _read_first(file)
        except ValueError as error:
            raise UsageError(f"{self._path}: {error}; keep features in another file") from error
        if not found.is_that_of(self._network):
            raise UsageError(
                f"{self._path}: holds features of {found.model or 'another model'}, which those "
                f"of {self._network.model} cannot join: keep them in another file"
            )

    def _write(self) -> None:
        record = _packed(
            self._rows[: self._frames], self._sequence, self._started, follows=self._follows
        )
        self._frames = 0
        self._follows = False  # until it is written
        place = self._place if self._place + len(record) <= self._budget else _FIRST
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


class _Record(NamedTuple):
    """Where a record is and what its head says."""

    sequence: int
    place: int
    size: int  # of the content
    frames: int
    follows: bool
    started: float
    least: float
    greatest: float
    checksum: int

    @property
    def end(self) -> int:
        return _rounded_up(self.place + _HEAD.size + self.size)


def _records(file: BinaryIO, features: int) -> list[_Record]:
    """Returns the records whose heads are whole, oldest first. Reads little more than the heads."""
    found = []
    size, place = os.fstat(file.fileno()).st_size, _FIRST
    while place + _HEAD.size <= size:
        file.seek(place)
        record = _head(file.read(_HEAD.size), place, features)
        if record is not None:
            found.append(record)
        place = record.end if record is not None else place + _ALIGNED
    return sorted(found)


def _head(data: bytes, place: int, features: int) -> _Record | None:
    if len(data) < _HEAD.size or data[: len(_MARK)] != _MARK:
        return None
    values = _HEAD.unpack(data)
    _, of_head, of_content, size, frames, follows, sequence, started, least, greatest = values
    if zlib.crc32(data[_CHECKED:]) != of_head or not 0 < frames <= _FRAMES:
        return None
    if size > _longest(frames * features) or not -np.inf < least <= greatest < np.inf:
        return None
    return _Record(
        sequence, place, size, frames, follows == 1, started, least, greatest, of_content
    )


def _raw(file: BinaryIO, record: _Record) -> bytes:
    file.seek(record.place)
    data = file.read(_HEAD.size + record.size)
    return data.ljust(_rounded_up(len(data)), b"\0")


def _content(file: BinaryIO, record: _Record, features: int) -> NDArray[np.float32] | None:
    """Returns a record's features; None when it is damaged."""
    file.seek(record.place + _HEAD.size)
    data = file.read(record.size)
    if zlib.crc32(data) != record.checksum:
        return None
    count = record.frames * features
    try:
        values = zlib.decompressobj().decompress(data, count + 1)
    except zlib.error:
        return None
    if len(values) != count:
        return None
    steps = np.frombuffer(values, np.uint8).reshape(features, record.frames).T
    share = (steps.astype(np.float32) / 255) ** 2
    spread = np.float32(record.greatest - record.least)
    return np.ascontiguousarray(share * spread + np.float32(record.least), np.float32)


def _packed(rows: NDArray[np.float32], sequence: int, started: float, *, follows: bool) -> bytes:
    """Returns a record of features ``[frames, features]``."""
    least, greatest = (np.float32(value) for value in (rows.min(), rows.max()))
    share = (rows - least) / max(float(greatest - least), 1e-12)
    steps = np.rint(np.sqrt(np.clip(share, 0, 1)) * 255).astype(np.uint8)
    # Each feature by itself: from frame to frame it changes little.
    content = zlib.compress(steps.T.tobytes(), 6)
    values = (
        *(len(content), len(rows), int(follows)),
        *(sequence, started, float(least), float(greatest)),
    )
    head = _HEAD.pack(_MARK, 0, zlib.crc32(content), *values)
    head = _HEAD.pack(_MARK, zlib.crc32(head[_CHECKED:]), zlib.crc32(content), *values)
    return (head + content).ljust(_rounded_up(len(head) + len(content)), b"\0")


def _newest(records: list[_Record], budget: int) -> list[_Record]:
    """Returns the newest records that have room in so many bytes, oldest first."""
    kept: list[_Record] = []
    room = budget - _FIRST
    for record in reversed(records):
        room -= record.end - record.place
        if room < 0:
            break
        kept.insert(0, record)
    return kept


def _write_anew(path: Path, network: Network, records: Iterable[bytes]) -> None:
    told = {
        "format": FORMAT,
        "network": network.sha256,
        "model": network.model,
        "features": network.features,
        "fps": network.fps,
    }
    first = _MAGIC + json.dumps(told).encode() + b"\n"
    with atomic_file(path) as file:
        os.fchmod(file.fileno(), 0o600)  # it tells when somebody was there
        file.write(first.ljust(_FIRST, b"\0"))
        for record in records:
            file.write(record)


def _read_first(file: BinaryIO) -> Network:
    """Reads what a file's features are of.

    Raises:
        ValueError: it is no file of features.
    """
    file.seek(0)
    first = file.read(_FIRST)
    if not first.startswith(_MAGIC):
        raise ValueError("is no file of kept features")
    try:
        told = json.loads(first[len(_MAGIC) :].split(b"\n")[0])
        if told["format"] != FORMAT:
            raise ValueError(one_line(f"is of format {told['format']!r}: upgrade edgevid"))
        network = Network(
            str(told["network"]), str(told["model"]), int(told["features"]), float(told["fps"])
        )
    except (KeyError, TypeError, RecursionError, json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError("its beginning is damaged") from error
    if not 0 < network.features <= _MOST_FEATURES or not 0 < network.fps <= 1000:
        raise ValueError("its beginning is damaged")
    return network


def _longest(count: int) -> int:
    """Returns how many bytes so many can have when they are compressed, and more."""
    return count + count // 100 + 1024


def _rounded_up(place: int) -> int:
    return -(-place // _ALIGNED) * _ALIGNED
