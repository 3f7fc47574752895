"""Reads the tables of a flatbuffer, which is untrusted input.

Only offsets inside the file are followed, and nothing is allocated from a length that the file
merely claims.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator

_MAX_TABLES = 100_000  # in one list; a MoViNet has under 2,000 tensors

# A file has thousands of numbers, and every start reads them all.
_U32 = struct.Struct("<I").unpack_from
_I32 = struct.Struct("<i").unpack_from
_U64 = struct.Struct("<Q").unpack_from
_I8 = struct.Struct("<b").unpack_from
_U8 = struct.Struct("<B").unpack_from
_TWO_U16 = struct.Struct("<HH").unpack_from


def u32_at(data: bytes, position: int) -> int:
    """Returns the number at a position, which is refused when it is not in the file."""
    if position < 0:
        raise IndexError("an offset points before the file's start")
    number: int = _U32(data, position)[0]
    return number


class Table:
    """A flatbuffer table whose own extent and field table have been checked."""

    __slots__ = ("_budget", "_data", "_fields", "_position")

    def __init__(self, data: bytes, position: int, budget: list[int]) -> None:
        """Takes the file, where in it the table is, and the bytes that lists may yet cover."""
        vtable = position - _I32(data, position)[0]
        if vtable < 0:
            raise IndexError("a field table lies before the file's start")
        vtable_bytes, table_bytes = _TWO_U16(data, vtable)
        if vtable_bytes < 4 or vtable_bytes % 2 or position + table_bytes > len(data):
            raise IndexError("a table reaches past the file's end")
        self._data = data
        self._budget = budget
        self._position = position
        self._fields: tuple[int, ...] = struct.unpack_from(
            f"<{vtable_bytes // 2 - 2}H", data, vtable + 4
        )
        if max(self._fields, default=0) >= max(table_bytes, 1):
            raise IndexError("a field lies outside its table")

    def _at(self, field: int) -> int:
        """Returns where a field's value is, 0 when the file leaves it out."""
        offset = self._fields[field] if field < len(self._fields) else 0
        return self._position + offset if offset else 0

    def _scalar(
        self, field: int, unpack: Callable[[bytes, int], tuple[int, ...]], default: int = 0
    ) -> int:
        at = self._at(field)
        return unpack(self._data, at)[0] if at else default

    def i8(self, field: int) -> int:
        """Returns a number of one byte, 0 where it is left out."""
        return self._scalar(field, _I8)

    def u8(self, field: int) -> int:
        """Returns a number of one byte, 0 where it is left out."""
        return self._scalar(field, _U8)

    def i32(self, field: int, default: int = 0) -> int:
        """Returns a number, the default where it is left out."""
        return self._scalar(field, _I32, default)

    def u32(self, field: int) -> int:
        """Returns a number, 0 where it is left out."""
        return self._scalar(field, _U32)

    def u64(self, field: int) -> int:
        """Returns a number, 0 where it is left out."""
        return self._scalar(field, _U64)

    def table(self, field: int) -> Table | None:
        """Returns the table that a field points to, None where it is left out."""
        at = self._at(field)
        return Table(self._data, at + u32_at(self._data, at), self._budget) if at else None

    def vector(self, field: int, item_bytes: int) -> tuple[int, int]:
        """Returns a vector's first position and its length."""
        at = self._at(field)
        if not at:
            return 0, 0
        at += u32_at(self._data, at)
        length = u32_at(self._data, at)
        if at + 4 + length * item_bytes > len(self._data):
            raise IndexError(f"a list of {length} reaches past the file's end")
        self._budget[0] -= length * item_bytes
        if self._budget[0] < 0:
            raise IndexError("its lists overlap")
        return at + 4, length

    def numbers(self, field: int, form: str, item_bytes: int) -> tuple:  # type: ignore[type-arg]
        """Returns a vector's numbers, none where it is left out."""
        start, length = self.vector(field, item_bytes)
        return struct.unpack_from(f"<{length}{form}", self._data, start) if length else ()

    def string(self, field: int) -> str:
        """Returns a text, an empty one where it is left out."""
        start, length = self.vector(field, 1)
        return self._data[start : start + length].decode()

    def tables(self, field: int) -> Iterator[Table]:
        """Yields the tables of a vector."""
        start, length = self.vector(field, 4)
        if length > _MAX_TABLES:
            raise IndexError(f"a list claims {length} entries")
        for at in range(start, start + 4 * length, 4):
            yield Table(self._data, at + u32_at(self._data, at), self._budget)
