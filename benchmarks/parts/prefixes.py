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


@dataclass(frozen=True, slots=True)
class Piece:
    """One operator.

    Attributes:
        layer: the layer that it is of, after its name: ``stem``, ``block1 layer0``.
        kind: as the schema spells it, with ``1x1`` for a convolution that sees one pixel.
        dtype: of what it computes.
        macs: its multiply-adds; with those by zero that a rewritten file may have.
        moved: bytes that it reads and writes, without its weights.
    """

    layer: str
    kind: str
    dtype: str
    macs: int
    moved: int


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


def best_case(data: bytes, kind: str, dtype: str) -> tuple[bytes, int]:
    """Returns a network of one operator that suits any processor.

    Args:
        data: any model file.
        kind: ``CONV_2D``, ``DEPTHWISE_CONV_2D``; any other for a copy.
        dtype: ``int8`` or ``float32``.

    Returns:
        The network, and how many multiply-adds (of a copy: bytes read and written) it takes.
    """
    graph = _empty(data)
    shape = [1, _SIDE, _SIDE, _CHANNELS]
    number: Any = np.dtype(dtype)
    source = _input(graph, "a", shape, number)
    q = _quantization(number)
    if kind not in ("CONV_2D", "DEPTHWISE_CONV_2D"):
        shape[1] *= 2
        inputs = [source, _input(graph, "b", [1, _SIDE, _SIDE, _CHANNELS], number)]
        out = graph.add("CONCATENATION", inputs, shape, number, name="out", quantization=q, axis=1)
        graph.outputs = {"out": out}
        return write(graph, "a copy"), 2 * math.prod(shape) * number.itemsize
    kernel = [_CHANNELS, 1, 1, _CHANNELS] if kind == "CONV_2D" else [1, 3, 3, _CHANNELS]
    weights = np.random.default_rng(0).integers(-9, 9, kernel).astype(number)
    bias = np.zeros(_CHANNELS, np.int32 if dtype == "int8" else np.float32)
    inputs = [
        source,
        graph.add_tensor("weights", kernel, number, quantization=q, values=weights),
        graph.add_tensor("bias", [_CHANNELS], bias.dtype, quantization=q and (q[0] ** 2, 0),
                         values=bias),
    ]  # fmt: skip
    options = {"strideH": 1, "strideW": 1, "dilationHFactor": 1, "dilationWFactor": 1}
    if kind == "DEPTHWISE_CONV_2D":
        options["depthMultiplier"] = 1
    out = graph.add(kind, inputs, shape, number, name="out", quantization=q, **options)
    graph.outputs = {"out": out}
    taken = math.prod(kernel[1:]) if kind == "CONV_2D" else 9
    return write(graph, kind), math.prod(shape) * taken


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
    return Piece(layer, kind, str(graph.dtype(out)), macs, moved)
