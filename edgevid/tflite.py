"""Reads what edgevid must know of a ``.tflite`` file, checking every offset on the way.

The native runtimes trust the file they are given and crash on a damaged one, so a file goes
through here first. Only offsets inside the file are followed, every index must point at
something, and nothing is allocated from a length that the file merely claims. It is also much
quicker to import than the schema classes that rewriting needs.

Field numbers are those of TensorFlow's ``tensorflow/compiler/mlir/lite/schema/schema.fbs``.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgevid.errors import ModelError

MAX_BYTES = 512 << 20  # the largest MoViNet, A5 in float, has 130 MB
_IDENTIFIER = b"TFL3"
_MAX_TABLES = 100_000  # a MoViNet has under 2,000 tensors
# How many times over the lists in a file may cover it. In an honest one each has its own place; a
# hostile one lets thousands of tensors share a list of a million sizes.
_MAX_COVER = 8

# schema.fbs, enum TensorType: the ones that a streaming network can have at its interface or
# in its weights. Others (string, resource, ...) are known by number only.
_DTYPES = {0: "float32", 1: "float16", 2: "int32", 3: "uint8", 4: "int64", 6: "bool",
           7: "int16", 9: "int8", 10: "float64", 15: "uint32", 16: "uint16"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Tensor:
    """One tensor of the graph.

    Attributes:
        index: its place in the subgraph, by which the runtimes know it too.
        name: as the converter wrote it.
        shape: sizes; -1 where the size is only known when the network runs.
        dtype: numpy's name for its type, or ``type N`` for one that numpy lacks.
        scale: quantisation step, one for each channel or just one; empty when not quantised.
        zero_point: the quantised value that stands for 0.0; as many as ``scale``.
        is_constant: whether the file holds its values.
    """

    index: int
    name: str
    shape: tuple[int, ...]
    dtype: str
    scale: tuple[float, ...]
    zero_point: tuple[int, ...]
    is_constant: bool


@dataclass(frozen=True, slots=True)
class Signature:
    """A named way to call the graph: argument names to tensor indices."""

    key: str
    inputs: dict[str, int]
    outputs: dict[str, int]


@dataclass(frozen=True, slots=True)
class Graph:
    """What a ``.tflite`` file holds, as far as running it is concerned."""

    tensors: tuple[Tensor, ...]
    signatures: tuple[Signature, ...]


def load(path: Path) -> bytes:
    """Reads a file that should be a model.

    Raises:
        ModelError: it cannot be read, or is far too large to be one.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ModelError(f"{path}: {path.stat().st_size >> 20} MB are too many for a MoViNet")
        return path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror}") from error


def read(data: bytes) -> Graph:
    """Checks a ``.tflite`` file from end to end and returns its graph.

    Raises:
        ModelError: the file is empty, truncated, damaged or no ``.tflite`` file at all.
    """
    if not data:
        raise ModelError("the model file is empty")
    if len(data) > MAX_BYTES:
        raise ModelError(f"the model file has {len(data) >> 20} MB: this is no MoViNet")
    if len(data) < 8 or data[4:8] != _IDENTIFIER:
        raise ModelError("this is not a .tflite file (it does not carry the mark TFL3)")
    try:
        return _read_model(_Table(data, _u32(data, 0), [_MAX_COVER * len(data)]))
    except (struct.error, IndexError, UnicodeDecodeError, OverflowError) as error:
        raise ModelError(f"the .tflite file is truncated or damaged ({error})") from error


def _read_model(model: _Table) -> Graph:
    version = model.u32(0)
    if version != 3:
        raise ModelError(f"the .tflite file has schema version {version}: only 3 is known")
    buffers = [_buffer_size(buffer) for buffer in model.tables(4)]
    for metadata in model.tables(6):
        metadata.string(0)
        _check_index(metadata.u32(1), len(buffers), "buffer")
    opcodes = 0
    for opcode in model.tables(1):
        opcode.string(1)
        opcodes += 1
    subgraphs = list(model.tables(2))
    if len(subgraphs) != 1:
        raise ModelError(f"the .tflite file has {len(subgraphs)} subgraphs: a MoViNet stream has 1")
    tensors = tuple(
        _read_tensor(index, tensor, buffers) for index, tensor in enumerate(subgraphs[0].tables(0))
    )
    _check_subgraph(subgraphs[0], len(tensors), opcodes)
    signatures = tuple(_read_signature(table, len(tensors)) for table in model.tables(7))
    return Graph(tensors, signatures)


def _buffer_size(buffer: _Table) -> int:
    if buffer.u64(1) > 1:  # an offset past the flatbuffer, for files over 2 GB
        raise ModelError("the .tflite file keeps its weights outside the flatbuffer")
    return buffer.vector(0, 1)[1]


def _read_tensor(index: int, table: _Table, buffers: list[int]) -> Tensor:
    shape = table.numbers(0, "i", 4)
    signature = table.numbers(7, "i", 4)
    name = table.string(3)
    if signature and len(signature) != len(shape):
        raise ModelError(f"tensor {name!r} has two shapes of different rank")
    dtype = _DTYPES.get(table.i8(1), f"type {table.i8(1)}")
    sparsity = table.table(6)
    if sparsity is not None:
        for _ in sparsity.tables(2):
            pass
    for _ in table.tables(10):
        pass
    buffer = table.u32(2)
    _check_index(buffer, len(buffers), "buffer")
    size = buffers[buffer]
    if any(n < -1 for n in shape):
        raise ModelError(f"tensor {name!r} has a negative size: {list(shape)}")
    if sparsity is None and dtype in _DTYPES.values() and size:
        expected = math.prod(shape) * np.dtype(dtype).itemsize
        if expected != size:
            raise ModelError(f"tensor {name!r} should hold {expected} bytes but holds {size}")
    scale: tuple[float, ...] = ()
    zero_point: tuple[int, ...] = ()
    quantization = table.table(4)
    if quantization is not None:
        for field in (0, 1):
            quantization.vector(field, 4)
        scale = quantization.numbers(2, "f", 4)
        zero_point = quantization.numbers(3, "q", 8)
        dimension = quantization.i32(6)
        if len(scale) > 1 and not (
            0 <= dimension < len(shape) and shape[dimension] == len(scale) == len(zero_point)
        ):
            raise ModelError(f"tensor {name!r} has {len(scale)} scales for shape {list(shape)}")
        if len(scale) == 1 and len(zero_point) != 1:
            raise ModelError(f"tensor {name!r} has a scale but {len(zero_point)} zero points")
        if not all(0 < value < math.inf for value in scale):
            raise ModelError(f"tensor {name!r} has a scale that is not a positive number")
    return Tensor(index, name, signature or shape, dtype, scale, zero_point, size > 0)


def _check_subgraph(subgraph: _Table, tensors: int, opcodes: int) -> None:
    for field in (1, 2):
        for index in subgraph.numbers(field, "i", 4):
            _check_index(index, tensors, "tensor")
    subgraph.string(4)
    for operator in subgraph.tables(3):
        _check_index(operator.u32(0), opcodes, "operator code")
        for index in operator.numbers(1, "i", 4):
            if index != -1:  # -1 is an optional input left out
                _check_index(index, tensors, "tensor")
        for field in (2, 8):
            for index in operator.numbers(field, "i", 4):
                _check_index(index, tensors, "tensor")
        operator.vector(5, 1)
        operator.table(4)
        operator.table(12)


def _read_signature(table: _Table, tensors: int) -> Signature:
    def arguments(field: int) -> dict[str, int]:
        names: dict[str, int] = {}
        for argument in table.tables(field):
            name = argument.string(0)
            if name in names:
                raise ModelError(f"the model's signature names {name!r} twice")
            names[name] = argument.u32(1)
            _check_index(names[name], tensors, "tensor")
        return names

    if table.u32(4) != 0:
        raise ModelError("the model's signature is of a subgraph that the file lacks")
    return Signature(table.string(2), arguments(0), arguments(1))


def _check_index(index: int, count: int, what: str) -> None:
    if not 0 <= index < count:
        raise ModelError(f"the .tflite file is damaged: it refers to {what} {index} of {count}")


def _u32(data: bytes, position: int) -> int:
    if position < 0:
        raise IndexError("an offset points before the file's start")
    return int(struct.unpack_from("<I", data, position)[0])


class _Table:
    """A flatbuffer table whose own extent and field table have been checked."""

    __slots__ = ("_budget", "_data", "_fields", "_position")

    def __init__(self, data: bytes, position: int, budget: list[int]) -> None:
        """Takes the file, where in it the table is, and the bytes that lists may yet cover."""
        vtable = position - struct.unpack_from("<i", data, position)[0]
        if vtable < 0:
            raise IndexError("a field table lies before the file's start")
        vtable_bytes, table_bytes = struct.unpack_from("<HH", data, vtable)
        if vtable_bytes < 4 or vtable_bytes % 2 or position + table_bytes > len(data):
            raise IndexError("a table reaches past the file's end")
        self._data = data
        self._budget = budget
        self._position = position
        self._fields: tuple[int, ...] = struct.unpack_from(
            f"<{vtable_bytes // 2 - 2}H", data, vtable + 4
        )
        if any(offset >= table_bytes for offset in self._fields if offset):
            raise IndexError("a field lies outside its table")

    def _at(self, field: int) -> int:
        """Returns where a field's value is, 0 when the file leaves it out."""
        offset = self._fields[field] if field < len(self._fields) else 0
        return self._position + offset if offset else 0

    def _scalar(self, field: int, form: str) -> int:
        at = self._at(field)
        return int(struct.unpack_from(form, self._data, at)[0]) if at else 0

    def i8(self, field: int) -> int:
        return self._scalar(field, "<b")

    def i32(self, field: int) -> int:
        return self._scalar(field, "<i")

    def u32(self, field: int) -> int:
        return self._scalar(field, "<I")

    def u64(self, field: int) -> int:
        return self._scalar(field, "<Q")

    def table(self, field: int) -> _Table | None:
        at = self._at(field)
        return _Table(self._data, at + _u32(self._data, at), self._budget) if at else None

    def vector(self, field: int, item_bytes: int) -> tuple[int, int]:
        """Returns a vector's first position and its length."""
        at = self._at(field)
        if not at:
            return 0, 0
        at += _u32(self._data, at)
        length = _u32(self._data, at)
        if at + 4 + length * item_bytes > len(self._data):
            raise IndexError(f"a list of {length} reaches past the file's end")
        self._budget[0] -= length * item_bytes
        if self._budget[0] < 0:
            raise IndexError("its lists overlap")
        return at + 4, length

    def numbers(self, field: int, form: str, item_bytes: int) -> tuple:  # type: ignore[type-arg]
        start, length = self.vector(field, item_bytes)
        return struct.unpack_from(f"<{length}{form}", self._data, start) if length else ()

    def string(self, field: int) -> str:
        start, length = self.vector(field, 1)
        return self._data[start : start + length].decode()

    def tables(self, field: int) -> Iterator[_Table]:
        start, length = self.vector(field, 4)
        if length > _MAX_TABLES:
            raise IndexError(f"a list claims {length} entries")
        for at in range(start, start + 4 * length, 4):
            yield _Table(self._data, at + _u32(self._data, at), self._budget)
