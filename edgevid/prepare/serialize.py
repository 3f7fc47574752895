"""Writes a rewritten graph as a flatbuffer."""

from __future__ import annotations

import itertools
from collections import Counter
from typing import Any

import flatbuffers
from ai_edge_litert import schema_py_generated as schema

from edgevid.prepare.checks import check_order
from edgevid.prepare.graph import Graph

_ALIGNMENT = 16  # schema.fbs: buffers are force_align: 16


def write(graph: Graph, description: str) -> bytes:
    """Returns a graph as a flatbuffer, without the tensors and buffers that it does not use.

    Args:
        graph: the graph, which is spent afterwards.
        description: what the file says of itself.

    Raises:
        ModelError: an operator reads what nothing computes.
    """
    graph.prune()
    check_order(graph)
    model = graph.model
    used = set(graph.inputs.values()) | set(graph.outputs.values())
    used.update(i for op in graph.ops for i in (*op.inputs, *op.outputs) if i >= 0)
    place = {old: new for new, old in enumerate(sorted(used))}
    place[-1] = -1
    for op in graph.ops:
        op.inputs = [place[i] for i in op.inputs]
        op.outputs = [place[i] for i in op.outputs]
    subgraph, signature = model.subgraphs[0], model.signatureDefs[0]
    subgraph.tensors = [graph.tensors[old] for old in sorted(used)]
    subgraph.operators = graph.ops
    subgraph.inputs = [place[i] for i in graph.inputs.values()]
    subgraph.outputs = [place[i] for i in graph.outputs.values()]
    signature.inputs = [_argument(name, place[i]) for name, i in graph.inputs.items()]
    signature.outputs = [_argument(name, place[i]) for name, i in graph.outputs.items()]
    _drop_unused(model)
    _tell_apart(subgraph.tensors)
    model.description = description.encode()
    model.metadata = model.metadataBuffer = None  # speaks of the graph as it was
    builder = _AlignedBuilder(1 << 20)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _drop_unused(model: Any) -> None:
    """Drops buffers and operator codes that nothing refers to."""
    subgraph = model.subgraphs[0]
    buffers = [model.buffers[0]]  # by convention the empty one
    place = {0: 0}
    for tensor in subgraph.tensors:
        if tensor.buffer not in place:
            place[tensor.buffer] = len(buffers)
            buffers.append(model.buffers[tensor.buffer])
        tensor.buffer = place[tensor.buffer]
    model.buffers = buffers
    codes = sorted({op.opcodeIndex for op in subgraph.operators})
    for op in subgraph.operators:
        op.opcodeIndex = codes.index(op.opcodeIndex)
    model.operatorCodes = [model.operatorCodes[index] for index in codes]


def _tell_apart(tensors: list[Any]) -> None:
    """Gives tensors of the same name a number: other readers of these files go by names."""
    taken = Counter(bytes(tensor.name) for tensor in tensors)
    numbers = {name: itertools.count(1) for name, times in taken.items() if times > 1}
    for tensor in tensors:
        name = bytes(tensor.name)
        if name in numbers:
            free = (b"%s_%d" % (name, number) for number in numbers[name])
            tensor.name = next(new for new in free if new not in taken)


def _argument(name: str, tensor: int) -> Any:
    argument = schema.TensorMapT()
    argument.name, argument.tensorIndex = name.encode(), tensor
    return argument


class _AlignedBuilder(flatbuffers.Builder):  # type: ignore[misc]
    """Starts every byte vector, as weights are, where the runtimes expect it."""

    def StartVector(self, elemSize: int, numElems: int, alignment: int) -> Any:
        return super().StartVector(elemSize, numElems, _ALIGNMENT if elemSize == 1 else alignment)
