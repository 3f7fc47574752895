"""What a file of kept features consists of.

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
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from edgevid.errors import UsageError
from edgevid.plain_text import one_line
from edgevid.runtime.model import Model
from edgevid.support.atomic_file import atomic_file

FORMAT = 1

MAGIC = b"edgevid features\n"
FIRST = 4096  # bytes before the records
_ALIGNED = 512  # where a record may begin
FRAMES = 300  # of a record
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


class Record(NamedTuple):
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
        """Where the next record may begin."""
        return _rounded_up(self.place + _HEAD.size + self.size)


def records_of(file: BinaryIO, features: int) -> list[Record]:
    """Returns the records whose heads are whole, oldest first. Reads little more than the heads."""
    found = []
    size, place = os.fstat(file.fileno()).st_size, FIRST
    while place + _HEAD.size <= size:
        file.seek(place)
        record = _head(file.read(_HEAD.size), place, features)
        if record is not None:
            found.append(record)
        place = record.end if record is not None else place + _ALIGNED
    return sorted(found)


def _head(data: bytes, place: int, features: int) -> Record | None:
    if len(data) < _HEAD.size or data[: len(_MARK)] != _MARK:
        return None
    values = _HEAD.unpack(data)
    _, of_head, of_content, size, frames, follows, sequence, started, least, greatest = values
    if zlib.crc32(data[_CHECKED:]) != of_head or not 0 < frames <= FRAMES:
        return None
    if size > _longest(frames * features) or not -np.inf < least <= greatest < np.inf:
        return None
    return Record(sequence, place, size, frames, follows == 1, started, least, greatest, of_content)


def raw(file: BinaryIO, record: Record) -> bytes:
    """Returns a record's bytes as they are to be written again."""
    file.seek(record.place)
    data = file.read(_HEAD.size + record.size)
    return data.ljust(_rounded_up(len(data)), b"\0")


def content(file: BinaryIO, record: Record, features: int) -> NDArray[np.float32] | None:
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


def packed(rows: NDArray[np.float32], sequence: int, started: float, *, follows: bool) -> bytes:
    """Returns a record of features ``[frames, features]``."""
    least, greatest = (np.float32(value) for value in (rows.min(), rows.max()))
    share = (rows - least) / max(float(greatest - least), 1e-12)
    steps = np.rint(np.sqrt(np.clip(share, 0, 1)) * 255).astype(np.uint8)
    # Each feature by itself: from frame to frame it changes little.
    data = zlib.compress(steps.T.tobytes(), 6)
    values = (
        *(len(data), len(rows), int(follows)),
        *(sequence, started, float(least), float(greatest)),
    )
    head = _HEAD.pack(_MARK, 0, zlib.crc32(data), *values)
    head = _HEAD.pack(_MARK, zlib.crc32(head[_CHECKED:]), zlib.crc32(data), *values)
    return (head + data).ljust(_rounded_up(len(head) + len(data)), b"\0")


def newest(records: list[Record], budget: int) -> list[Record]:
    """Returns the newest records that have room in so many bytes, oldest first."""
    kept: list[Record] = []
    room = budget - FIRST
    for record in reversed(records):
        room -= record.end - record.place
        if room < 0:
            break
        kept.insert(0, record)
    return kept


def write_anew(path: Path, network: Network, records: Iterable[bytes]) -> None:
    """Writes a file, readable by its owner alone, in the place of what is there.

    Args:
        path: the file.
        network: what the features are of.
        records: as ``packed`` or ``raw`` gives them.

    Raises:
        OutputError: it cannot be written.
    """
    told = {
        "format": FORMAT,
        "network": network.sha256,
        "model": network.model,
        "features": network.features,
        "fps": network.fps,
    }
    first = MAGIC + json.dumps(told).encode() + b"\n"
    with atomic_file(path) as file:
        os.fchmod(file.fileno(), 0o600)  # it tells when somebody was there
        file.write(first.ljust(FIRST, b"\0"))
        for record in records:
            file.write(record)


def read_network(file: BinaryIO) -> Network:
    """Reads what a file's features are of.

    Raises:
        ValueError: it is no file of features.
    """
    file.seek(0)
    first = file.read(FIRST)
    if not first.startswith(MAGIC):
        raise ValueError("is no file of kept features")
    try:
        told = json.loads(first[len(MAGIC) :].split(b"\n")[0])
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
