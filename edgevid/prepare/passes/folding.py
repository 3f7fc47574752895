"""The pass that folds multiplications by a constant into the convolution before them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgevid.prepare.graph import Graph

_CHANNELS = {"CONV_2D": 0, "DEPTHWISE_CONV_2D": 3}  # the axis of the weights that is the output's
# The runtimes scale an int8 convolution's 32-bit sums by a fixed-point factor; well inside what
# they accept (XNNPACK: 2**-32 to 256).
_MIN_FACTOR, _MAX_FACTOR = 2.0**-30, 128.0


def fold_multiplications(graph: Graph) -> str:
    """Folds ``conv(x) * constant`` into the convolution's weights.

    Such is the ``rezero`` scale at the end of every MoViNet block. In an int8 graph only the
    weights' scales change (and, for a negative constant, their sign), so nothing is rounded
    anew; the result even loses one rounding, that of the convolution's own output.
    """
    folded = sum(_fold(graph, op) for op in graph.find("MUL"))
    return f"{folded} multiplications into the convolutions before them" if folded else ""


def _fold(graph: Graph, mul: Any) -> bool:
    for carried, constant in (mul.inputs, mul.inputs[::-1]):
        factors = graph.real(constant)
        chain = _conv_before(graph, carried)
        if factors is None or chain is None:
            continue
        conv, between = chain
        per_channel = _per_channel(factors, graph.shape(carried)[-1])
        if per_channel is None or mul.builtinOptions.fusedActivationFunction:
            return False
        product = mul.outputs[0]
        if not scale_weights(graph, conv, per_channel, product):
            return False
        for tensor in between:
            graph.tensors[tensor].quantization = graph.tensors[product].quantization
        graph.replace(product, carried)
        graph.ops.remove(mul)
        return True
    return False


def _conv_before(graph: Graph, tensor: int) -> tuple[Any, list[int]] | None:
    """Returns the convolution that computes a tensor, and the tensors on the way from it.

    Only where nothing else reads what lies between, and nothing but the shape changes there.
    """
    between = [tensor]
    while graph.only_consumer(between[-1]) is not None:
        op = graph.producer(between[-1], "RESHAPE", *_CHANNELS)
        if op is None:
            return None
        if graph.kind(op) != "RESHAPE":
            return None if op.builtinOptions.fusedActivationFunction else (op, between)
        if graph.shape(op.inputs[0])[-1:] != graph.shape(tensor)[-1:]:
            return None
        between.append(op.inputs[0])
    return None


def _per_channel(factors: NDArray[np.float64], channels: int) -> NDArray[np.float64] | None:
    """Returns one factor a channel, if they are the same at every place."""
    if factors.size == 1:
        return np.full(channels, factors.item())
    rows = factors.reshape(-1, factors.shape[-1])
    if factors.shape[-1] != channels or np.any(rows != rows[0]):
        return None
    return np.array(rows[0])


def scale_weights(graph: Graph, conv: Any, factors: NDArray[np.float64], product: int) -> bool:
    """Multiplies a convolution's weights and bias by one factor for each output channel.

    Args:
        graph: the graph.
        conv: the convolution; its own output tensor is left as it is.
        factors: one for each output channel.
        product: the tensor on whose scale the result is going to be.

    Returns:
        Whether that was possible; if not, nothing has changed.
    """
    channels = _CHANNELS[graph.kind(conv)]
    weights = graph.constant(conv.inputs[1])
    bias_at = conv.inputs[2] if len(conv.inputs) > 2 else -1
    bias = graph.constant(bias_at)
    if weights is None or (bias is None and bias_at >= 0):
        return False
    spread = [1] * weights.ndim
    spread[channels] = -1
    if weights.dtype == np.float32:
        conv.inputs[1] = _constant(
            graph, conv.inputs[1], (weights * factors.reshape(spread)).astype(np.float32)
        )
        if bias is not None:
            conv.inputs[2] = _constant(graph, bias_at, (bias * factors).astype(np.float32))
        return True
    if weights.dtype != np.int8 or (bias is not None and bias.dtype != np.int32):
        return False
    old = graph.tensors[conv.inputs[1]].quantization
    image = graph.quantization(conv.inputs[0])
    out = graph.quantization(product)
    if old is None or image is None or out is None or np.any(np.asarray(old.zeroPoint)):
        return False
    sign = np.sign(factors).astype(np.int32)
    # A factor of 0 leaves weights of 0, on the scale they had.
    scale = np.asarray(old.scale, np.float64) * np.where(sign, np.abs(factors), 1)
    requantize = scale * image[0] / out[0]
    flipped = weights.astype(np.int32) * sign.reshape(spread)
    if flipped.max() > 127 or not np.all((requantize > _MIN_FACTOR) & (requantize < _MAX_FACTOR)):
        return False
    conv.inputs[1] = _constant(graph, conv.inputs[1], flipped.astype(np.int8))
    _set_scales(graph, conv.inputs[1], scale, channels)
    if bias is not None:
        conv.inputs[2] = _constant(graph, bias_at, (bias * sign).astype(np.int32))
        _set_scales(graph, conv.inputs[2], scale * image[0], 0)
    return True


def _constant(graph: Graph, like: int, values: NDArray[Any]) -> int:
    """Adds a constant beside another, which other operators may share."""
    tensor = graph.copy_tensor(like)
    graph.set_constant(tensor, values)
    return tensor


def _set_scales(graph: Graph, tensor: int, scales: NDArray[np.float64], axis: int) -> None:
    q = graph.tensors[tensor].quantization
    q.scale = scales.astype(np.float32)
    q.zeroPoint = np.zeros(len(scales), np.int64)
    q.quantizedDimension = axis
    q.min = q.max = None
