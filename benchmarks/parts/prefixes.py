"""A network cut off after each of its operators, and what each operator has to do."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from edgevid.modelfile import manifest
from edgevid.prepare.checks import check
from edgevid.prepare.graph import Graph
from edgevid.prepare.serialize import write

MULTIPLYING = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")
_LAYER = re.compile(r"block(\d+)_layer(\d+)|\b(stem|head)\b|(classifier_head)")
_SIDE, _CHANNELS = 16, 256  # of the tensors on which a processor shows what it can do
# What an output of theirs reads, little and much: the difference tells what a multiply-add takes,
# and the rest what an output does, which has to be turned into int8, limited and stored.
_READ = {"CONV_2D": ([1, 1, 16], [1, 1, _CHANNELS]), "DEPTHWISE_CONV_2D": ([3, 3], [5, 5])}


@dataclass(frozen=True, slots=True)
class Piece:
    """One operator.

    Attributes:
        layer: the layer that it is of, after its name: ``stem``, ``block1 layer0``.
        kind: as the schema spells it, with ``1x1`` for a convolution that sees one pixel.
        dtype: of what it computes.
        macs: its multiply-adds; with those by zero that a rewritten file may have.
        outputs: numbers that it computes.
        moved: bytes that it reads and writes, without its weights.
    """

    layer: str
    kind: str
    dtype: str
    macs: int
    outputs: int
    moved: int


@dataclass(frozen=True, slots=True)
class BestCase:
    """A network of one operator that suits any processor.

    Attributes:
        network: the file.
        outputs: numbers that it computes; of a copy the bytes that it reads and writes.
        macs: its multiply-adds.
    """

    network: bytes
    outputs: int
    macs: int


def pieces(data: bytes) -> list[Piece]:
    """Returns a model file's operators, in the order in which they run.

    Raises:
        ModelError: it is damaged, or has operators that ``edgevid.prepare`` does not know.
    """
    graph = _graph(data)
    layers: dict[int, str] = {}
    found = []
    for op in graph.ops:
        before = next((layers[t] for t in op.inputs if t in layers), "stem")
        layer = _layer(graph.name(op.outputs[0])) or before
        layers.update(dict.fromkeys(op.outputs, layer))
        found.append(_piece(graph, op, layer))
    return found


def prefixes(data: bytes) -> Iterator[bytes]:
    """Yields a model file cut off after its first operator, after its second, and so on.

    What operators that were cut off would have read is given as an output, so that everything
    before is computed.
    """
    for count in range(1, len(_graph(data).ops) + 1):
        graph = _graph(data)
        kept, rest = graph.ops[:count], graph.ops[count:]
        wanted = {t for op in rest for t in op.inputs} | set(graph.outputs.values())
        made = [t for op in kept for t in op.outputs if t in wanted]
        graph.ops = kept
        graph.outputs = {f"output{number}": tensor for number, tensor in enumerate(made)}
        read = {t for op in kept for t in op.inputs}
        graph.inputs = {name: tensor for name, tensor in graph.inputs.items() if tensor in read}
        yield write(graph, f"its first {count} operators")


def nothing(data: bytes) -> bytes:
    """Returns a network with next to nothing to do: what ``invoke`` takes by itself."""
    graph = _empty(data)
    one = _input(graph, "a", [1, 1, 1, 8], np.float32)
    graph.outputs = {"sum": graph.add("ADD", [one, one], [1, 1, 1, 8], name="sum")}
    return write(graph, "next to nothing")


def best_cases(data: bytes, kind: str, dtype: str) -> list[BestCase]:
    """Returns what tells the least that operators of a kind can take.

    Args:
        data: any model file.
        kind: ``CONV_2D``, ``DEPTHWISE_CONV_2D``; any other for a copy.
        dtype: ``int8`` or ``float32``.

    Returns:
        Two convolutions, of which the second has more multiply-adds an output; or one copy.
    """
    number: Any = np.dtype(dtype)
    if kind not in _READ:
        return [_copy(data, number)]
    return [_convolution(data, kind, number, read) for read in _READ[kind]]


def _copy(data: bytes, number: Any) -> BestCase:
    graph = _empty(data)
    shape = [1, _SIDE, _SIDE, _CHANNELS]
    inputs = [_input(graph, name, shape, number) for name in "ab"]
    shape = [1, 2 * _SIDE, _SIDE, _CHANNELS]
    out = graph.add(
        "CONCATENATION", inputs, shape, number,
        name="out", quantization=_quantization(number), axis=1,
    )  # fmt: skip
    graph.outputs = {"out": out}
    return BestCase(write(graph, "a copy"), 2 * math.prod(shape) * number.itemsize, 0)


def _convolution(data: bytes, kind: str, number: Any, read: list[int]) -> BestCase:
    graph = _empty(data)
    shape = [1, _SIDE, _SIDE, _CHANNELS]
    is_depthwise = kind == "DEPTHWISE_CONV_2D"
    kernel = [1, *read, _CHANNELS] if is_depthwise else [_CHANNELS, *read]
    q = _quantization(number)
    weights = np.random.default_rng(0).integers(-9, 9, kernel).astype(number)
    bias = np.zeros(_CHANNELS, np.int32 if q else np.float32)
    inputs = [
        _input(graph, "a", shape if is_depthwise else [*shape[:3], read[-1]], number),
        graph.add_tensor("weights", kernel, number, quantization=q, values=weights),
        graph.add_tensor("bias", [_CHANNELS], bias.dtype, quantization=q and (q[0] ** 2, 0),
                         values=bias),
    ]  # fmt: skip
    options = {"strideH": 1, "strideW": 1, "dilationHFactor": 1, "dilationWFactor": 1}
    if is_depthwise:
        options["depthMultiplier"] = 1
    out = graph.add(kind, inputs, shape, number, name="out", quantization=q, **options)
    graph.outputs = {"out": out}
    outputs = math.prod(shape)
    return BestCase(write(graph, kind), outputs, outputs * math.prod(read))


def _graph(data: bytes) -> Graph:
    graph = Graph(manifest.split(data)[0])
    check(graph)
    return graph


def _empty(data: bytes) -> Graph:
    graph = _graph(data)
    graph.ops, graph.inputs, graph.outputs = [], {}, {}
    return graph


def _input(graph: Graph, name: str, shape: list[int], dtype: Any) -> int:
    graph.inputs[name] = graph.add_tensor(
        name, shape, dtype, quantization=_quantization(np.dtype(dtype))
    )
    return graph.inputs[name]


def _quantization(dtype: np.dtype[Any]) -> tuple[float, int] | None:
    return (0.05, 0) if dtype == np.int8 else None


def _layer(name: str) -> str:
    found = _LAYER.search(name.partition(";")[0])
    if found is None:
        return ""
    block, layer, named, classifier = found.groups()
    return f"block{block} layer{layer}" if block else named or (classifier and "classifier") or ""


def _piece(graph: Graph, op: Any, layer: str) -> Piece:
    kind, out = graph.kind(op), op.outputs[0]
    macs = 0
    if kind in MULTIPLYING:
        kernel = graph.shape(op.inputs[1])
        each = math.prod(kernel[1:3] if kind == "DEPTHWISE_CONV_2D" else kernel[1:])
        macs = math.prod(graph.shape(out)) * each
        if kind == "CONV_2D" and kernel[1:3] == [1, 1]:
            kind += " 1x1"
    computed = [t for t in (*op.inputs, *op.outputs) if t >= 0 and not graph.is_constant(t)]
    moved = sum(
        math.prod(graph.shape(t)) * (graph.dtype(t) or np.dtype(np.int8)).itemsize for t in computed
    )
    outputs = math.prod(graph.shape(out))
    return Piece(layer, kind, str(graph.dtype(out)), macs, outputs, moved)
