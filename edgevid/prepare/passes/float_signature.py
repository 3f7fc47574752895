"""The pass for runtimes whose arguments cannot be int8, as those in browsers."""

from __future__ import annotations

import numpy as np

from edgevid.prepare.graph import Graph


def float_signature(graph: Graph) -> str:
    """Takes and gives as float32 what the network takes and gives as int8.

    Each is converted once, on entry or before it leaves; inside nothing changes. An int8 value
    stands for a float32 that converts back to itself, so states lose nothing on the way.
    """
    changed = 0
    for name, tensor in list(graph.inputs.items()):
        if graph.dtype(tensor) != np.int8 or graph.quantization(tensor) is None:
            continue
        shape = graph.shape(tensor)
        entry = graph.add_tensor(name, shape)
        inside = graph.add(
            "QUANTIZE", [entry], shape, np.int8,
            name=f"{name}/int8", quantization=graph.quantization(tensor),
        )  # fmt: skip
        graph.replace(tensor, inside)
        graph.inputs[name] = entry
        changed += 1
    for name, tensor in list(graph.outputs.items()):
        if graph.dtype(tensor) != np.int8 or graph.quantization(tensor) is None:
            continue
        graph.outputs[name] = graph.add(
            "DEQUANTIZE", [tensor], graph.shape(tensor), name=f"{name}/float"
        )
        changed += 1
    return f"{changed} arguments and results from int8 to float32" if changed else ""
