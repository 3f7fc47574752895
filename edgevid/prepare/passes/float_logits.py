"""The pass for logits that were exported as integers."""

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
