"""The pass that removes what is repeated only to be multiplied or added."""

from __future__ import annotations

import numpy as np

from edgevid.prepare.graph import Graph

_BROADCASTING = ("ADD", "DIV", "MUL", "SUB")


def drop_broadcasts(graph: Graph) -> str:
    """Removes each BROADCAST_TO whose readers repeat a smaller operand themselves.

    Some converters write the gate of squeeze-and-excitation out over the whole picture before
    they multiply, in 5-D. XNNPACK has no BROADCAST_TO, and its MUL does not need one.
    """
    dropped = 0
    for op in graph.find("BROADCAST_TO"):
        small, wide = op.inputs[0], op.outputs[0]
        readers = graph.consumers(wide)
        if wide in graph.outputs.values() or not readers:
            continue
        if all(
            graph.kind(reader) in _BROADCASTING
            and _repeats(graph, reader.inputs, small, wide, reader.outputs[0])
            for reader in readers
        ):
            graph.replace(wide, small)
            graph.ops.remove(op)
            dropped += 1
    return f"{dropped} BROADCAST_TO that their readers do anyway" if dropped else ""


def _repeats(graph: Graph, inputs: list[int], small: int, wide: int, result: int) -> bool:
    """Whether operands give a result's shape with one of them as small as it was."""
    shapes = [graph.shape(small if tensor == wide else tensor) for tensor in inputs]
    try:
        return list(np.broadcast_shapes(*shapes)) == graph.shape(result)
    except ValueError:
        return False
