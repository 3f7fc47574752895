"""The passes that compute in float32 what int8 cannot do or does more slowly.

XNNPACK takes over the operators that it knows, in unbroken stretches. Each operator that it
does not know splits the graph, and data is rearranged at both edges; a conversion to float32 and
back inside the stretch costs less.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from edgevid.prepare.graph import Graph

# TensorFlow Lite's XNNPACK delegate has these for float32 only.
_FLOAT_ONLY = ("AVERAGE_POOL_2D", "HARD_SWISH")
# Input channels below which an int8 convolution wastes most of a wide vector unit's lanes.
_NARROW = 32


def float_islands(graph: Graph) -> str:
    """Computes int8 average pools and int8 hard-swish in float32, between conversions.

    The result is that of the int8 operator or, where that one rounds halves another way or
    several times, a nearer one: at most one step off.
    """
    changed = dict.fromkeys(_FLOAT_ONLY, 0)
    for op in graph.find(*_FLOAT_ONLY):
        source, result = op.inputs[0], op.outputs[0]
        if graph.dtype(source) != np.int8 or graph.dtype(result) != np.int8:
            continue
        if graph.quantization(source) is None or graph.quantization(result) is None:
            continue
        op.inputs = [graph.dequantize(source)]
        _float_result(graph, op)
        changed[graph.kind(op)] += 1
    return ", ".join(f"{count} int8 {kind}" for kind, count in changed.items() if count)


def narrow_convolutions(graph: Graph) -> str:
    """Computes an int8 graph's narrow convolutions in float32, and what lies between them.

    The first layers of a MoViNet have many pixels and few channels. With x86's matrix
    instructions the int8 kernels work on 64 channels at once, whether there are that many or not,
    and the float32 ones take half the time or less. On ARM without dot-product instructions they
    take half the instructions. Elsewhere int8 is the better one throughout.
    """
    graph.prune()  # so that the operators are in order
    changed = 0
    for op in list(graph.ops):
        if graph.kind(op) == "CONV_2D":
            chosen = graph.shape(op.inputs[1])[-1] < _NARROW
        elif graph.kind(op) in ("ADD", "DEPTHWISE_CONV_2D"):
            sources = op.inputs if graph.kind(op) == "ADD" else op.inputs[:1]
            chosen = all(_is_float_at_heart(graph, tensor) for tensor in sources)
        else:
            if graph.kind(op) in _FLOAT_ONLY and _is_float_at_heart(graph, op.inputs[0]):
                op.inputs = [graph.dequantize(op.inputs[0])]
                _float_result(graph, op)
            continue
        changed += chosen and _in_float(graph, op)
    graph.prune()
    return f"{changed} int8 operators on few channels to float32" if changed else ""


def _is_float_at_heart(graph: Graph, tensor: int) -> bool:
    made = graph.producer(tensor, "QUANTIZE")
    return made is not None and graph.dtype(made.inputs[0]) == np.float32


def _in_float(graph: Graph, op: Any) -> bool:
    """Turns an int8 operator into its float32 form; False where it has none."""
    if graph.dtype(op.outputs[0]) != np.int8 or graph.quantization(op.outputs[0]) is None:
        return False
    inputs = []
    for tensor in op.inputs:
        values = graph.real(tensor)
        if values is not None:
            name = graph.name(tensor) + "/float"
            constant = values.astype(np.float32)
            inputs.append(graph.add_tensor(name, values.shape, values=constant))
        elif tensor >= 0 and graph.dtype(tensor) == np.int8 and graph.quantization(tensor):
            inputs.append(graph.dequantize(tensor))
        else:
            return False
    op.inputs = inputs
    _float_result(graph, op)
    return True


def _float_result(graph: Graph, op: Any) -> None:
    """Lets an operator write float32, and quantises that for those who read its result."""
    result = op.outputs[0]
    op.outputs = [graph.add_tensor(graph.name(result) + "/float", graph.shape(result))]
    graph.replace(result, graph.quantize(op.outputs[0], like=result))
