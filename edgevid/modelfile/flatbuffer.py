"""Reads a ``.tflite`` file's network, and checks every offset.

The native runtimes trust the file they are given and crash on a damaged one, so a file goes
through here first. Only offsets inside the file are followed, every index must point at
something, and nothing is allocated from a length that the file merely claims. It is also much
quicker to import than the schema classes that rewriting needs.

Field numbers are those of TensorFlow's ``tensorflow/compiler/mlir/lite/schema/schema.fbs``.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from edgevid.errors import ModelError
from edgevid.modelfile.flatbuffer_table import Table, u32_at
from edgevid.modelfile.operator_checks import Operator, check_operator, check_order

MAX_BYTES = 512 << 20  # the largest MoViNet, A5 in float, has 130 MB
_IDENTIFIER = b"TFL3"
# How many times over the lists in a file may cover it. In an honest one each has its own place; a
# hostile one lets thousands of tensors share a list of a million sizes.
_MAX_COVER = 8

_MAX_RANK = 8
# Of what the network computes; the largest picture inside MoViNet-A5 has 10 MB in float.
_MAX_COMPUTED_BYTES = 64 << 20

# schema.fbs, enum TensorType: the ones that a streaming network can have at its interface or
# in its weights. Others (string, resource, ...) are known by number only.
_DTYPES = {0: "float32", 1: "float16", 2: "int32", 3: "uint8", 4: "int64", 6: "bool",
           7: "int16", 9: "int8", 10: "float64", 15: "uint32", 16: "uint16"}  # fmt: skip
_ITEM_BYTES = {name: np.dtype(name).itemsize for name in _DTYPES.values()}
_RANGES = {
    name: (np.iinfo(name).min, np.iinfo(name).max) for name in _DTYPES.values() if "int" in name
}


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
        is_variable: whether the runtime keeps its values from step to step.
    """

    index: int
    name: str
    shape: tuple[int, ...]
    dtype: str
    scale: tuple[float, ...]
    zero_point: tuple[int, ...]
    is_constant: bool
    is_variable: bool = False


@dataclass(frozen=True, slots=True)
class SignatureDef:
    """A named way to call the graph: argument names to tensor indices."""

    key: str
    inputs: dict[str, int]
    outputs: dict[str, int]


@dataclass(frozen=True, slots=True)
class Graph:
    """What a ``.tflite`` file holds, as far as running it is concerned.

    Attributes:
        tensors: all, in the order of their indices.
        signatures: the ways to call it.
        inputs: tensors that go in, whatever the signatures call them.
        custom: outputs of the operators that are not TFLite's own, by the operators' names.
    """

    tensors: tuple[Tensor, ...]
    signatures: tuple[SignatureDef, ...]
    inputs: tuple[int, ...] = ()
    custom: Mapping[str, tuple[int, ...]] = field(default_factory=dict)


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
        return _read_model(Table(data, u32_at(data, 0), [_MAX_COVER * len(data)]))
    except (struct.error, IndexError, UnicodeDecodeError, OverflowError) as error:
        raise ModelError(
            f"the .tflite file is truncated or damaged, get it again ({error})"
        ) from error


def _read_model(model: Table) -> Graph:
    version = model.u32(0)
    if version != 3:
        raise ModelError(f"the .tflite file has schema version {version}: only 3 is known")
    buffers = [_buffer_size(buffer) for buffer in model.tables(4)]
    for metadata in model.tables(6):
        metadata.string(0)
        _check_index(metadata.u32(1), len(buffers), "buffer")
    opcodes = [_read_opcode(opcode) for opcode in model.tables(1)]
    subgraphs = list(model.tables(2))
    if len(subgraphs) != 1:
        raise ModelError(
            f"the .tflite file has {len(subgraphs)} subgraphs: a MoViNet stream has 1 (PyTorch's "
            "converter makes more of a pool that pads without counting the padding)"
        )
    tensors = tuple(
        _read_tensor(index, tensor, buffers) for index, tensor in enumerate(subgraphs[0].tables(0))
    )
    inputs, outputs, custom = _read_subgraph(subgraphs[0], tensors, opcodes)
    signatures = tuple(
        _read_signature(table, set(inputs), set(outputs)) for table in model.tables(7)
    )
    return Graph(tensors, signatures, inputs, custom)


def _read_opcode(table: Table) -> tuple[int, str]:
    """Returns an operator's number, and its name where it is not TFLite's own."""
    name = table.string(1)
    return max(table.i8(0), table.i32(3)), name  # the first is of older files


def _buffer_size(buffer: Table) -> int:
    if buffer.u64(1) > 1:  # an offset past the flatbuffer, for files over 2 GB
        raise ModelError("the .tflite file keeps its weights outside the flatbuffer")
    return buffer.vector(0, 1)[1]


def _read_tensor(index: int, table: Table, buffers: list[int]) -> Tensor:
    shape = table.numbers(0, "i", 4)
    signature = table.numbers(7, "i", 4)
    name = table.string(3)
    if signature and len(signature) != len(shape):
        raise ModelError(f"tensor {name!a:.80} has two shapes of different rank")
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
    if min((*shape, *signature), default=0) < -1:
        raise ModelError(f"tensor {name!a:.80} has a negative size: {list(shape)!s:.80}")
    if len(shape) > _MAX_RANK:
        raise ModelError(f"tensor {name!a:.80} has {len(shape)} dimensions")
    item_bytes = _ITEM_BYTES.get(dtype, 8)
    if not size and math.prod(map(abs, shape)) * item_bytes > _MAX_COMPUTED_BYTES:
        raise ModelError(f"tensor {name!a:.80} has a size beyond any MoViNet: {list(shape)}")
    if sparsity is None and dtype in _ITEM_BYTES and size:
        expected = math.prod(shape) * item_bytes
        if expected != size:
            raise ModelError(f"tensor {name!a:.80} should hold {expected} bytes but holds {size}")
    scale: tuple[float, ...] = ()
    zero_point: tuple[int, ...] = ()
    quantization = table.table(4)
    if quantization is not None:
        for field in (0, 1):
            quantization.vector(field, 4)
        scale = quantization.numbers(2, "f", 4)
        zero_point = quantization.numbers(3, "q", 8) if scale else ()
        dimension = quantization.i32(6)
        if len(scale) > 1 and not (
            0 <= dimension < len(shape) and shape[dimension] == len(scale) == len(zero_point)
        ):
            raise ModelError(f"tensor {name!a:.80} has {len(scale)} scales for shape {list(shape)}")
        if len(scale) == 1 and len(zero_point) != 1:
            raise ModelError(f"tensor {name!a:.80} has a scale but {len(zero_point)} zero points")
        # A sum is finite where all are; one that is no number makes it none.
        if scale and not (math.isfinite(sum(scale)) and min(scale) > 0):
            raise ModelError(f"tensor {name!a:.80} has a scale that is not a positive number")
        least, most = _RANGES.get(dtype, (-math.inf, math.inf))
        if zero_point and not least <= min(zero_point) <= max(zero_point) <= most:
            raise ModelError(f"tensor {name!a:.80} has a zero point that no {dtype} can hold")
    is_variable = table.i8(5) != 0
    return Tensor(index, name, signature or shape, dtype, scale, zero_point, size > 0, is_variable)


def _read_subgraph(
    subgraph: Table, tensors: tuple[Tensor, ...], opcodes: list[tuple[int, str]]
) -> tuple[tuple[int, ...], tuple[int, ...], dict[str, tuple[int, ...]]]:
    """Checks the graph; returns its inputs, its outputs, and ``Graph.custom``."""

    def indices(table: Table, field: int, *, optional: bool = False) -> tuple[int, ...]:
        found: tuple[int, ...] = table.numbers(field, "i", 4)
        for index in found:
            if not (optional and index == -1):
                _check_index(index, len(tensors), "tensor")
        return found

    inputs, outputs = (indices(subgraph, field) for field in (1, 2))
    for index in inputs:
        if tensors[index].is_constant:
            raise ModelError(f"the graph's input {tensors[index].name!a:.80} is a constant")
    subgraph.string(4)
    shapes = [tensor.shape for tensor in tensors]
    operators = []
    custom: dict[str, tuple[int, ...]] = {}
    for table in subgraph.tables(3):
        _check_index(table.u32(0), len(opcodes), "operator code")
        code, name = opcodes[table.u32(0)]
        operator = Operator(
            code=code,
            inputs=indices(table, 1, optional=True),
            outputs=indices(table, 2),
            options_type=table.u8(3),
            options=table.table(4),
        )
        indices(table, 8)
        table.vector(5, 1)
        table.table(12)
        check_operator(operator, shapes)
        operators.append(operator)
        if name:
            custom[name] = operator.outputs
    held = {tensor.index for tensor in tensors if tensor.is_constant or tensor.is_variable}
    constants = {tensor.index for tensor in tensors if tensor.is_constant}
    check_order(operators, {*inputs} | held, {*outputs}, constants)
    return inputs, outputs, custom


def _read_signature(table: Table, inputs: set[int], outputs: set[int]) -> SignatureDef:
    def arguments(field: int, tensors: set[int], what: str) -> dict[str, int]:
        names: dict[str, int] = {}
        for argument in table.tables(field):
            name = argument.string(0)
            if name in names:
                raise ModelError(f"the model's signature names {name!a:.80} twice")
            names[name] = argument.u32(1)
            if names[name] not in tensors:
                raise ModelError(
                    f"the model's signature has tensor {names[name]} as {what}, which it is not"
                )
        return names

    if table.u32(4) != 0:
        raise ModelError("the model's signature is of a subgraph that the file lacks")
    return SignatureDef(
        table.string(2), arguments(0, inputs, "input"), arguments(1, outputs, "output")
    )


def _check_index(index: int, count: int, what: str) -> None:
    if not 0 <= index < count:
        raise ModelError(f"the .tflite file is damaged: it refers to {what} {index} of {count}")
