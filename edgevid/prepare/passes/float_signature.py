"""The passes for what has to be float32 at the interface: the logits, and in a browser all."""

from __future__ import annotations

import numpy as np

from edgevid.modelfile.signature import LOGITS
from edgevid.prepare.graph import Graph


def float_logits(graph: Graph) -> str:
    """Gives logits as float32 that were exported as int8 or uint8."""
    logits = graph.outputs.get(LOGITS)
    if logits is None or graph.dtype(logits) not in (np.int8, np.uint8):
        return ""
    changed = graph.producer(logits, "QUANTIZE")  # for uint8, from the int8 that is inside
    graph.outputs[LOGITS] = graph.dequantize(changed.inputs[0] if changed else logits)
    return f"logits from {graph.dtype(logits)} to float32"


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
