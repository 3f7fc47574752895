"""The passes for float32 networks whose weights are stored, or computed with, as something else.

Converted for float16, a file holds float16 weights and widens each with a DEQUANTIZE. Converted
for dynamic range, it holds int8 weights beside float32 activations: a convolution quantises its
input anew at every step, on the range that it has there and then, and needs no calibration.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

from edgevid.modelfile.signature import LOGITS
from edgevid.prepare.graph import Graph

# What a convolution by int8 does first, in multiply-adds of float32 that take as long: it looks for
# the range of each pixel's channels, and rounds each value on that (XNNPACK, with AVX-512 VNNI:
# 28 ns and 0.26 ns, where a multiply-add takes 0.0185 ns in float32 and 0.0048 ns in int8).
_A_PIXEL, _A_VALUE = 2000, 20
_FEW = 1 << 18  # weights of a classifier, 1 MB of float32: 128 classes
_HYBRID_VERSION = 5  # of CONV_2D: the first that takes weights with a scale for each channel


def widen_weights(graph: Graph) -> str:
    """Stores as float32 what is widened to float32 anyway, or cannot stay int8.

    The runtime widens float16 weights when it loads the file; done here, multiplications can be
    folded into them. A depthwise convolution of float32 by int8 is unknown to XNNPACK and would
    split the graph, and an ordinary one of few channels, in or out, takes longer: their weights
    keep their values, and their inputs are no longer rounded.
    """
    widened = 0
    for op in graph.find("DEQUANTIZE"):
        values = _stored(graph, op.inputs[0])
        if values is not None:
            graph.replace(op.outputs[0], _float(graph, op.inputs[0], values))
            graph.ops.remove(op)
            widened += 1
    hybrid = 0
    for op in graph.find("CONV_2D", "DEPTHWISE_CONV_2D"):
        values = _stored(graph, op.inputs[1])
        if values is None or graph.dtype(op.inputs[0]) != np.float32:
            continue
        if graph.kind(op) == "DEPTHWISE_CONV_2D" or not _pays(values):
            op.inputs[1] = _float(graph, op.inputs[1], values)
            hybrid += 1
    parts = [
        f"{count} {what}"
        for count, what in ((widened, "stored weights"), (hybrid, "convolutions by int8"))
        if count
    ]
    return f"{' and '.join(parts)} to float32" if parts else ""


def narrow_weights(graph: Graph) -> str:
    """Stores the weights of a float32 network's wide convolutions as int8, one scale a channel.

    As the converter's dynamic range does. With dot-product instructions such a convolution takes
    down to a third of the float32 one's time, and the file is a quarter of the size. All else stays
    float32, the states too, and a classifier of few classes: half of what the logits lose by
    rounding is lost there, where there is little to gain.
    """
    changed = 0
    classifier = _classifier(graph)
    for op in graph.find("CONV_2D"):
        values = graph.constant(op.inputs[1])
        if values is None or values.dtype != np.float32 or len(values.shape) != 4:
            continue
        if graph.dtype(op.inputs[0]) != np.float32 or not _pays(values):
            continue
        if op is classifier and values.size < _FEW:
            continue
        largest = np.abs(values).max(axis=(1, 2, 3))
        scale = np.where(largest > 0, largest, 1).astype(np.float32) / np.float32(127)
        if not np.all(np.isfinite(scale) & (scale > 0)):
            continue
        steps = np.round(values / scale.reshape(-1, 1, 1, 1)).astype(np.int8)
        op.inputs[1] = _int8(graph, op.inputs[1], steps, scale)
        graph.set_version(op, _HYBRID_VERSION)
        changed += 1
    return f"the weights of {changed} float32 convolutions to int8" if changed else ""


def _pays(weights: NDArray[Any]) -> bool:
    """Whether a convolution is quicker by int8 weights ``[outputs, height, width, inputs]``."""
    return bool(weights.size >= _A_PIXEL + _A_VALUE * weights.shape[-1])


def _classifier(graph: Graph) -> Any | None:
    """Returns the convolution that makes the logits, if it is one."""
    tensor = graph.outputs.get(LOGITS, -1)
    while (op := graph.producer(tensor, "RESHAPE")) is not None:
        tensor = op.inputs[0]
    return graph.producer(tensor, "CONV_2D")


def _stored(graph: Graph, tensor: int) -> NDArray[np.float32] | None:
    """Returns the values of a constant that is stored as float16 or int8; None for others."""
    values = graph.constant(tensor)
    if values is None or values.dtype not in (np.float16, np.int8):
        return None
    real: NDArray[Any] | None = values if values.dtype == np.float16 else graph.real(tensor)
    return None if real is None else real.astype(np.float32)


def _float(graph: Graph, like: int, values: NDArray[np.float32]) -> int:
    return graph.add_tensor(graph.name(like) + "/float", values.shape, values=values)


def _int8(graph: Graph, like: int, values: NDArray[np.int8], scale: NDArray[np.float32]) -> int:
    name = graph.name(like) + "/int8"
    tensor = graph.add_tensor(name, values.shape, np.int8, values=values)
    q = graph.tensors[tensor].quantization = schema.QuantizationParametersT()
    q.scale, q.quantizedDimension = scale, 0
    q.zeroPoint = np.zeros(len(scale), np.int64)
    return tensor
