"""Model files that are wrong in one to three places, made of sound ones.

Most are changed by the schema: a shape, an index, a type, an offset, a length, an operator's
code or options, a scale. The places are found by following the flatbuffer, so that a mutant costs
a copy of the file and not a conversion.
"""

from __future__ import annotations

import io
import json
import random
import struct
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from edgevid.modelfile import manifest

_INTEGERS = (
    0,
    1,
    -1,
    2,
    3,
    5,
    7,
    100,
    127,
    128,
    255,
    256,
    4096,
    65535,
    1 << 24,
    2**31 - 1,
    -(2**31),
)
_FLOATS = (0.0, -1.0, 1e-38, 1e-8, 1.0, 1e8, 3e38, float("inf"), float("-inf"), float("nan"))
_BOMBS = ((zipfile.ZIP_DEFLATED, 5), (zipfile.ZIP_DEFLATED, 60), (zipfile.ZIP_BZIP2, 4),
          (zipfile.ZIP_LZMA, 1))  # fmt: skip
_ODD_VALUES: tuple[Any, ...] = (
    *(None, True, -1, 0, 1e308, 10**400, float("nan"), float("inf"), [], {}, [[[[]]]]),
    *("", "\ud800", "\x1b[2J", "a" * 100_000),
)
_FEW = 64  # values of a constant that decides on shapes rather than on sums


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value is, and how it is written there."""

    position: int
    form: str


@dataclass(slots=True)
class Places:
    """The values in a flatbuffer, by what they mean."""

    data: bytes
    by_kind: dict[str, list[Place]] = field(default_factory=dict)

    def add(self, kind: str, position: int, form: str) -> None:
        """Notes a place."""
        self.by_kind.setdefault(kind, []).append(Place(position, form))

    def unpack(self, form: str, position: int) -> int:
        """Returns a number of the data."""
        return int(struct.unpack_from(form, self.data, position)[0])

    def fields(self, position: int) -> list[int]:
        """Returns where the fields of a table are, 0 for one that is left out."""
        vtable = position - self.unpack("<i", position)
        size = self.unpack("<H", vtable)
        self.add("table", position, "<i")
        places = []
        for at in range(vtable + 4, vtable + size, 2):
            offset = self.unpack("<H", at)
            self.add("table", at, "<H")
            places.append(position + offset if offset else 0)
        return places

    def field(self, fields: list[int], number: int) -> int:
        """Returns where a field is, 0 for one that is left out."""
        return fields[number] if number < len(fields) else 0

    def scalar(self, kind: str, fields: list[int], number: int, form: str) -> None:
        """Notes a field that is a number."""
        if at := self.field(fields, number):
            self.add(kind, at, form)

    def follow(self, fields: list[int], number: int) -> int:
        """Returns what a field points to, 0 for one that is left out."""
        at = self.field(fields, number)
        if not at:
            return 0
        self.add("offset", at, "<I")
        return at + self.unpack("<I", at)

    def vector(self, fields: list[int], number: int) -> tuple[int, int]:
        """Returns where the items of a vector begin, and how many there are."""
        at = self.follow(fields, number)
        if not at:
            return 0, 0
        self.add("length", at, "<I")
        return at + 4, self.unpack("<I", at)

    def numbers(self, kind: str, fields: list[int], number: int, form: str) -> None:
        """Notes the numbers of a vector."""
        start, length = self.vector(fields, number)
        for index in range(length):
            self.add(kind, start + index * struct.calcsize(form), form)

    def tables(self, fields: list[int], number: int) -> Iterator[list[int]]:
        """Yields the fields of each table of a vector."""
        start, length = self.vector(fields, number)
        for at in range(start, start + 4 * length, 4):
            self.add("offset", at, "<I")
            yield self.fields(at + self.unpack("<I", at))


def places(data: bytes) -> dict[str, list[Place]]:
    """Returns the values in a sound flatbuffer, by what they mean."""
    found = Places(data)
    model = found.fields(found.unpack("<I", 0))
    for code in found.tables(model, 1):
        found.scalar("operator code", code, 0, "<b")
        found.scalar("operator code", code, 3, "<i")
        found.scalar("operator version", code, 2, "<i")
    for graph in found.tables(model, 2):
        for tensor in found.tables(graph, 0):
            _tensor(found, tensor)
        found.numbers("index", graph, 1, "<i")
        found.numbers("index", graph, 2, "<i")
        for operator in found.tables(graph, 3):
            found.scalar("operator", operator, 0, "<I")
            found.numbers("index", operator, 1, "<i")
            found.numbers("index", operator, 2, "<i")
            found.scalar("options", operator, 3, "<B")
            if options := found.follow(operator, 4):
                for at in found.fields(options):
                    if at:
                        found.add("options", at, "<i" if at % 4 == 0 else "<b")
    for buffer in found.tables(model, 4):
        start, length = found.vector(buffer, 0)
        for at in range(start, start + min(length, 4 * _FEW) - 3, 4):
            found.add("small constant" if length <= 4 * _FEW else "weight", at, "<i")
    for signature in found.tables(model, 7):
        for number in (0, 1):
            for argument in found.tables(signature, number):
                found.scalar("signature", argument, 1, "<I")
    return found.by_kind


def _tensor(found: Places, tensor: list[int]) -> None:
    found.numbers("shape", tensor, 0, "<i")
    found.numbers("shape", tensor, 7, "<i")
    found.scalar("type", tensor, 1, "<b")
    found.scalar("buffer", tensor, 2, "<I")
    found.scalar("variable", tensor, 5, "<B")
    if quantization := found.follow(tensor, 4):
        fields = found.fields(quantization)
        found.numbers("scale", fields, 2, "<f")
        found.numbers("zero point", fields, 3, "<q")
        found.scalar("quantised axis", fields, 6, "<i")


@dataclass(frozen=True, slots=True)
class Sound:
    """A sound model file and where its values are.

    Attributes:
        name: what it is.
        data: the file.
        flatbuffer: the part of it before the manifest.
        places: where its values are, by what they mean.
    """

    name: str
    data: bytes
    flatbuffer: bytes
    places: dict[str, list[Place]]

    @classmethod
    def of(cls, name: str, data: bytes) -> Sound:
        """Returns a file with its places."""
        flatbuffer, _ = manifest.split(data)
        return cls(name, data, flatbuffer, places(flatbuffer))


def mutant(sound: Sound, seed: int) -> tuple[str, bytes]:
    """Returns what is wrong with a file, and the file."""
    chance = random.Random(f"{sound.name} {seed}")
    if chance.random() < 0.7:
        return _by_the_schema(sound, chance)
    kind = chance.choice(tuple(_OTHERS))
    return kind, _OTHERS[kind](sound, chance)


def _by_the_schema(sound: Sound, chance: random.Random) -> tuple[str, bytes]:
    data = bytearray(sound.data)
    kind = chance.choice(sorted(sound.places))
    for number in range(chance.choice((1, 1, 2, 3))):
        chosen = kind if number == 0 else chance.choice(sorted(sound.places))
        place = chance.choice(sound.places[chosen])
        _set(data, place, chance)
    return kind, bytes(data)


def _set(data: bytearray, place: Place, chance: random.Random) -> None:
    form = place.form
    (old,) = struct.unpack_from(form, data, place.position)
    if form == "<f":
        new = chance.choice((*_FLOATS, old * 2, -old, old * 1e6))
        struct.pack_into(form, data, place.position, min(max(new, -3e38), 3e38))
        if new != new or new in (float("inf"), float("-inf")):
            struct.pack_into("<f", data, place.position, new)
        return
    bits = 8 * struct.calcsize(form)
    new = chance.choice(
        (
            *_INTEGERS,
            old + 1,
            old - 1,
            old * 2,
            old // 2,
            old ^ 1 << chance.randrange(bits),
            chance.randrange(300),
        )
    )
    new &= (1 << bits) - 1
    struct.pack_into(form.upper(), data, place.position, new)


def _flipped(sound: Sound, chance: random.Random) -> bytes:
    data = bytearray(sound.data)
    for _ in range(chance.randint(1, 8)):
        data[chance.randrange(len(data))] = chance.choice(
            (0, 1, 127, 128, 255, chance.randrange(256))
        )
    return bytes(data)


def _cut(sound: Sound, chance: random.Random) -> bytes:
    return sound.data[: chance.randrange(len(sound.data))]


def _appended(sound: Sound, chance: random.Random) -> bytes:
    return sound.data + chance.randbytes(chance.randrange(1, 100_000))


def _tail_flipped(sound: Sound, chance: random.Random) -> bytes:
    data = bytearray(_packed(sound, _members(sound, chance), zipfile.ZIP_DEFLATED))
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(len(sound.flatbuffer), len(data))
        data[at] = chance.choice((0, 1, 127, 255, chance.randrange(256)))
    return bytes(data)


def _tail_lies(sound: Sound, chance: random.Random) -> bytes:
    """Sizes, counts, offsets and methods in the archive's records that are not so."""
    data = bytearray(_packed(sound, _members(sound, chance), zipfile.ZIP_DEFLATED))
    for _ in range(chance.randint(1, 3)):
        mark, spread = chance.choice(
            ((b"PK\x01\x02", 46), (b"PK\x05\x06", 22), (b"PK\x03\x04", 30))
        )
        at = data.rfind(mark) + 4 + chance.randrange(spread - 7)
        value = chance.choice(_INTEGERS) & 0xFFFFFFFF
        struct.pack_into("<I", data, min(at, len(data) - 4), value)
    return bytes(data)


def _bomb(sound: Sound, chance: random.Random) -> bytes:
    method, mb = chance.choice(_BOMBS)
    members = _members(sound, chance)
    text = chance.choice((b"a\n", b"\0", b"label\n"))
    members[chance.choice(tuple(members))] = text * (mb << 20)
    return _packed(sound, members, method)


def _many(sound: Sound, chance: random.Random) -> bytes:
    members = _members(sound, chance)
    extra = {f"{n}.txt": b"" for n in range(chance.choice((50, 90, 110, 3000, 20_000)))}
    return _packed(sound, {**extra, **members}, zipfile.ZIP_STORED)


def _odd_manifest(sound: Sound, chance: random.Random) -> bytes:
    members = _members(sound, chance)
    values = json.loads(members["manifest.json"])
    odd = (*_ODD_VALUES, _nested(chance.choice((10, 900))))
    for _ in range(chance.randint(1, 3)):
        holder = chance.choice((values, values, values["events"], values["provenance"]))
        if not isinstance(holder, dict) or not holder:
            break
        holder[chance.choice((*holder, "more"))] = chance.choice(odd)
        if not all(isinstance(values.get(key), dict) for key in ("events", "provenance")):
            break
    members["manifest.json"] = json.dumps(values).encode()
    return _packed(sound, members, zipfile.ZIP_DEFLATED)


def _nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


def _odd_labels(sound: Sound, chance: random.Random) -> bytes:
    members = _members(sound, chance)
    lines = members["labels.txt"].split(b"\n")[:-1]
    at = chance.randrange(len(lines))
    lines[at] = chance.choice(
        (
            b"",
            b"\x1b]0;x\x07",
            b"\xed\xa0\x80",
            b"\xff\xfe",
            b"a" * 1000,
            b"a" * 3_000_000,
            b"\r",
            b" ",
        )
    )
    if chance.random() < 0.3 and len(lines[at]) < 2000:  # the file is to stay a moderate one
        lines *= chance.choice((0, 2, 200))
    members["labels.txt"] = b"\n".join(lines) + b"\n"
    return _packed(sound, members, zipfile.ZIP_DEFLATED)


def _members(sound: Sound, chance: random.Random) -> dict[str, bytes]:
    data = sound.data
    if manifest.read(data) is None:
        labels = tuple(f"label {number}" for number in range(600))
        data = manifest.write(data, manifest.Manifest(sound.name, labels, provenance={"a": 1}))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _packed(sound: Sound, members: dict[str, bytes], method: int) -> bytes:
    written = io.BytesIO()
    written.write(sound.flatbuffer)
    with zipfile.ZipFile(written, "a", method) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content, method)
    return written.getvalue()


_OTHERS: dict[str, Callable[[Sound, random.Random], bytes]] = {
    "bytes": _flipped,
    "cut": _cut,
    "appended": _appended,
    "archive bytes": _tail_flipped,
    "archive lies": _tail_lies,
    "archive bomb": _bomb,
    "archive members": _many,
    "manifest": _odd_manifest,
    "labels": _odd_labels,
}
