"""The pass that lets the first int8 convolutions use all lanes of a vector unit.

A stem of 8 output channels leaves half of 16 lanes idle. Seen as groups of neighbouring pixels,
the same image has more channels and fewer columns: ``[1, H, W, 3]`` is ``[1, H, W/4, 12]`` in
memory, and one output column of a stride-2 convolution becomes half of one with 16 channels. The
weights are the old ones, with zeros where a pixel has no say. Not a bit of the result changes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgevid.modelfile.signature import IMAGE
from edgevid.prepare.graph import Graph

_LANES = 16  # output channels that an int8 kernel with dot-product instructions computes at once
_GROUP = 4  # neighbouring pixels of the image that are seen as one
_SAME = 0  # schema.Padding.SAME


def widen_stem(graph: Graph) -> str:
    """Groups the image's columns for a narrow int8 stem, and for narrow convolutions behind it."""
    stem = graph.only_consumer(graph.inputs[IMAGE], "CONV_2D")
    if stem is None or not _can_widen(graph, stem):
        return ""
    options = stem.builtinOptions
    image, out = stem.inputs[0], stem.outputs[0]
    _, height, width, channels = graph.shape(image)
    outputs = _GROUP // options.strideW  # output columns in one group
    stem.inputs = [
        _reshaped(graph, image, [1, height, width // _GROUP, _GROUP * channels]),
        _spread(graph, stem.inputs[1], outputs, _grouped(graph, stem, outputs)),
        _spread(graph, stem.inputs[2], outputs),
    ]
    options.strideW = 1
    changed = 1 + _widen_behind(graph, stem, out, outputs)
    return f"{changed} convolutions to {outputs} columns at once"


def _can_widen(graph: Graph, stem: Any) -> bool:
    options = stem.builtinOptions
    shape, weights = graph.shape(stem.inputs[0]), graph.constant(stem.inputs[1])
    if weights is None or weights.dtype != np.int8 or len(stem.inputs) != 3 or len(shape) != 4:
        return False
    kernel, stride = weights.shape[2], options.strideW
    if stride < 2 or _GROUP % stride or shape[2] % _GROUP or options.padding != _SAME:
        return False
    # Padding may only be needed on the right, where a group of zeros does the same.
    padding = (shape[2] // stride - 1) * stride + kernel - shape[2]
    return (
        padding in (0, 1)
        and options.dilationWFactor == options.dilationHFactor == 1
        and weights.shape[0] * (_GROUP // stride) <= _LANES
        and len(graph.consumers(stem.inputs[1])) == 1
    )


def _grouped(graph: Graph, stem: Any, outputs: int) -> NDArray[np.int8]:
    """Returns the stem's weights for groups: [outputs * channels, height, groups, group pixels]."""
    weights = graph.constant(stem.inputs[1])
    assert weights is not None
    channels, height, width, colours = weights.shape
    stride = stem.builtinOptions.strideW
    reach = ((outputs - 1) * stride + width - 1) // _GROUP + 1  # groups that one output sees
    wide = np.zeros((outputs, channels, height, reach * _GROUP, colours), np.int8)
    for output in range(outputs):
        wide[output, :, :, output * stride : output * stride + width] = weights
    return wide.reshape(outputs * channels, height, reach, _GROUP * colours)


def _widen_behind(graph: Graph, conv: Any, out: int, outputs: int) -> int:
    """Lets a widened convolution write groups; widens what follows where that saves lanes.

    Returns:
        How many more convolutions have been widened.
    """
    _, height, width, channels = graph.shape(out)
    groups = graph.copy_tensor(out)
    graph.tensors[groups].shape = [1, height, width // outputs, outputs * channels]
    conv.outputs = [groups]
    readers = graph.consumers(out)
    widened = 0
    for op in readers:
        if not _is_narrow_pointwise(graph, op, outputs):
            continue
        weights = graph.constant(op.inputs[1])
        assert weights is not None
        rows, columns = weights.shape[0], weights.shape[3]
        diagonal = np.zeros((outputs, rows, 1, 1, outputs, columns), np.int8)
        for output in range(outputs):
            diagonal[output, :, :, :, output] = weights
        wide = diagonal.reshape(outputs * rows, 1, 1, outputs * columns)
        op.inputs = [
            groups,
            _spread(graph, op.inputs[1], outputs, wide),
            _spread(graph, op.inputs[2], outputs),
        ]
        widened += 1 + _widen_behind(graph, op, op.outputs[0], outputs)
    if graph.consumers(out) or out in graph.outputs.values():
        graph.replace(out, _reshaped(graph, groups, [1, height, width, channels]))
    return widened


def _is_narrow_pointwise(graph: Graph, op: Any, outputs: int) -> bool:
    if graph.kind(op) != "CONV_2D" or len(op.inputs) != 3:
        return False
    weights = graph.constant(op.inputs[1])
    if weights is None or weights.dtype != np.int8 or weights.shape[1:3] != (1, 1):
        return False
    options = op.builtinOptions
    tiles, wide_tiles = -(-weights.shape[0] // _LANES), -(-outputs * weights.shape[0] // _LANES)
    if options.strideW != 1 or options.strideH != 1:
        return False
    return bool(weights.shape[3] * outputs <= _LANES and wide_tiles < outputs * tiles)


def _reshaped(graph: Graph, tensor: int, shape: list[int]) -> int:
    sizes = graph.add_tensor("shape", [4], np.int32, values=np.array(shape, np.int32))
    name = graph.name(tensor) + "/grouped"
    q = graph.quantization(tensor)
    return graph.add(
        "RESHAPE", [tensor, sizes], shape, np.int8, name=name, quantization=q, newShape=shape
    )


def _spread(graph: Graph, like: int, times: int, values: NDArray[Any] | None = None) -> int:
    """Adds a constant with a channel's scale for each of its copies; with copies if no values."""
    tensor = graph.copy_tensor(like)
    if values is None:
        old = graph.constant(like)
        assert old is not None
        values = np.tile(old, times)
    graph.set_constant(tensor, values)
    q = graph.tensors[tensor].quantization
    if len(q.scale) > 1:
        q.scale = np.tile(np.asarray(q.scale, np.float32), times)
        q.zeroPoint = np.tile(np.asarray(q.zeroPoint, np.int64), times)
    q.min = q.max = None
    return tensor
