"""The pass that computes in float32 what XNNPACK cannot compute in int8.

XNNPACK takes over the operators that it knows, in unbroken stretches. Each operator that it
does not know splits the graph, and data is rearranged at both edges; a conversion to float32 and
back inside the stretch costs less.
"""

from __future__ import annotations

import numpy as np

from edgevid.prepare.graph import Graph

# TensorFlow Lite's XNNPACK delegate has these for float32 only.
_FLOAT_ONLY = ("AVERAGE_POOL_2D", "HARD_SWISH")


def float_islands(graph: Graph) -> str:
    """Computes int8 average pools and int8 hard-swish in float32, between conversions.

    The result is that of the int8 operator or, where that one rounds halves another way or
    several times, a nearer one: at most one step off.
    """
    changed = {kind: 0 for kind in _FLOAT_ONLY}
    for op in graph.find(*_FLOAT_ONLY):
        source, result = op.inputs[0], op.outputs[0]
        if graph.dtype(source) != np.int8 or graph.dtype(result) != np.int8:
            continue
        if graph.quantization(source) is None or graph.quantization(result) is None:
            continue
        name = graph.name(result) + "/float"
        op.inputs = [graph.dequantize(source)]
        op.outputs = [graph.add_tensor(name, graph.shape(result))]
        graph.replace(result, graph.quantize(op.outputs[0], like=result))
        changed[graph.kind(op)] += 1
    return ", ".join(f"{count} int8 {kind}" for kind, count in changed.items() if count)
