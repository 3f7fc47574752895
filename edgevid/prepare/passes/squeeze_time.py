"""The pass that removes the time axis from the shapes.

A network that sees one frame a step needs no axis for time, but the converter writes 5-D tensors
``[1, T, H, W, C]`` between 4-D convolutions, with a RESHAPE at every edge. The same memory seen
as ``[1, T*H, W, C]`` needs none: frames are joined on height, and a convolution over time is one
over height that steps over a whole frame (dilation = H). Not a bit of the result changes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from edgevid.prepare.graph import Graph

_POINTWISE = {"ADD", "CAST", "DEQUANTIZE", "DIV", "HARD_SWISH", "LOGISTIC", "MUL", "QUANTIZE",
              "RELU", "RELU6", "SUB"}  # fmt: skip
_VALID = 1  # schema.Padding.VALID


class _NotUnderstoodError(Exception):
    """An operator on a 5-D tensor whose 4-D form is not known here."""


@dataclass(frozen=True, slots=True)
class _Frames:
    """How a tensor ``[1, T, H, W, C]`` is seen from now on.

    Attributes:
        times: T, how many frames it holds.
        height: H, of one frame.
        width: W.
        channels: C.
    """

    times: int
    height: int
    width: int
    channels: int

    @property
    def shape(self) -> list[int]:
        return [1, self.times * self.height, self.width, self.channels]


def drop_time_axis(graph: Graph) -> str:
    """Turns all 5-D tensors into 4-D ones; or none, where one is used in an unknown way."""
    before = len(graph.find("RESHAPE"))
    graph.prune()  # so that the operators are in order
    try:
        frames = _find_frames(graph)
        rewrites = [
            _rewrite(graph, op, frames)
            for op in graph.ops
            if any(tensor in frames for tensor in (*op.inputs, *op.outputs))
        ]
    except _NotUnderstoodError as error:
        return f"nothing: {error}"
    if not frames:
        return ""
    for tensor, seen in frames.items():
        values = graph.constant(tensor)
        graph.tensors[tensor].shapeSignature = None
        graph.tensors[tensor].shape = seen.shape
        if values is not None:
            graph.set_constant(tensor, values.reshape(seen.shape))
    for rewrite in rewrites:
        rewrite()
    for op in graph.find("RESHAPE", "STRIDED_SLICE"):
        if graph.shape(op.inputs[0]) == graph.shape(op.outputs[0]):
            graph.replace(op.outputs[0], op.inputs[0])
    graph.prune()
    return f"5-D tensors, and with them {before - len(graph.find('RESHAPE'))} of {before} reshapes"


def _find_frames(graph: Graph) -> dict[int, _Frames]:
    """Returns the tensors to see anew: all 5-D ones, and those whose pixels are in one row.

    A convolution over time works on ``[1, T, H*W, C]``, made from a 5-D tensor by a RESHAPE.
    """
    frames: dict[int, _Frames] = {}
    for tensor, schema_tensor in enumerate(graph.tensors):
        shape = schema_tensor.shape
        if len(shape) == 5:
            if shape[0] != 1:
                raise _NotUnderstoodError(f"a 5-D tensor {shape} that is no single clip")
            frames[tensor] = _Frames(*shape[1:])
    flat: set[int] = set()
    for op in graph.ops:
        source, result = (op.inputs or [-1])[0], op.outputs[0]
        kind, shape = graph.kind(op), graph.shape(result)
        row = next((t for t in op.inputs if t in flat), None)
        if kind == "RESHAPE" and source in frames and source not in flat:
            f = frames[source]
            if f.height > 1 and shape == [1, f.times, f.height * f.width, f.channels]:
                frames[result] = f
                flat.add(result)
        elif row is not None and (kind in _POINTWISE or kind == "DEPTHWISE_CONV_2D"):
            f = frames[row]
            if len(shape) != 4 or shape[2] != f.height * f.width:
                raise _NotUnderstoodError(f"{kind} on pixels in a row makes {shape}")
            frames[result] = _Frames(shape[1], f.height, f.width, shape[3])
            flat.add(result)
    return frames


def _rewrite(graph: Graph, op: Any, frames: dict[int, _Frames]) -> Callable[[], None]:
    """Returns what makes an operator right for the new shapes, which come first.

    Raises:
        _NotUnderstoodError: nothing is known to.
    """
    kind = graph.kind(op)
    shapes = [frames[t].shape if t in frames else graph.shape(t) for t in op.inputs if t >= 0]
    result = frames.get(op.outputs[0])
    out = result.shape if result else graph.shape(op.outputs[0])
    source = frames.get(op.inputs[0])
    if kind == "RESHAPE":
        sizes = graph.add_tensor("shape", [len(out)], np.int32, values=np.array(out, np.int32))
        return lambda: _reshape(op, sizes, out)
    if kind in _POINTWISE:
        if _broadcast(shapes) == out and all(len(shape) in (0, 1, 4) for shape in shapes):
            return lambda: None
    elif kind == "CONCATENATION" and result is not None:
        axis = op.builtinOptions.axis % 5
        if axis == 1 and all(t in frames for t in op.inputs):
            return lambda: None
        if axis == 4:
            return lambda: setattr(op.builtinOptions, "axis", 3)
    elif kind in ("MEAN", "SUM") and source is not None and op.builtinOptions.keepDims:
        axes = graph.constant(op.inputs[1])
        chosen = set() if axes is None else {int(axis) % 5 for axis in axes.ravel()}
        if chosen == {1, 2, 3} or (chosen == {2, 3} and source.times == 1):
            values = np.array([1, 2], np.int32)
            plane = graph.add_tensor("height_and_width", [2], np.int32, values=values)
            return lambda: op.inputs.__setitem__(1, plane)
    elif kind == "STRIDED_SLICE" and source is not None and result is not None:
        bounds = _time_slice(graph, op, source, result)
        if bounds is not None:
            return lambda: _slice(graph, op, *bounds)
    elif kind == "DEPTHWISE_CONV_2D" and source is not None and result is not None:
        options, kernel = op.builtinOptions, graph.shape(op.inputs[1])
        if (
            options.padding == _VALID
            and options.strideH == options.strideW == options.dilationHFactor == 1
            and kernel[2] == 1
            and result.times == source.times - kernel[1] + 1
        ):
            return lambda: _convolve_over_frames(graph, op, source.height)
    raise _NotUnderstoodError(f"{kind} from {shapes} to {out} is not known in 4-D")


def _broadcast(shapes: list[list[int]]) -> list[int] | None:
    try:
        return list(np.broadcast_shapes(*shapes))
    except ValueError:
        return None


def _reshape(op: Any, sizes: int, shape: list[int]) -> None:
    op.inputs = [op.inputs[0], sizes]
    if op.builtinOptions is not None:
        op.builtinOptions.newShape = shape


def _time_slice(
    graph: Graph, op: Any, source: _Frames, result: _Frames
) -> tuple[list[int], list[int]] | None:
    """Returns where a slice of whole frames begins and ends in 4-D; None for other slices."""
    begin, end, strides = (graph.constant(tensor) for tensor in op.inputs[1:4])
    options = op.builtinOptions
    if begin is None or end is None or strides is None or np.any(strides != 1):
        return None
    if options.ellipsisMask or options.newAxisMask or options.shrinkAxisMask:
        return None
    sizes = (1, source.times, source.height, source.width, source.channels)
    spans = [
        slice(
            None if options.beginMask >> axis & 1 else int(begin[axis]),
            None if options.endMask >> axis & 1 else int(end[axis]),
        ).indices(size)[:2]
        for axis, size in enumerate(sizes)
    ]
    whole = all(spans[axis] == (0, size) for axis, size in enumerate(sizes) if axis != 1)
    first, last = spans[1]
    if not whole or last - first != result.times:
        return None
    rows = source.height
    return [0, first * rows, 0, 0], [1, last * rows, source.width, source.channels]


def _slice(graph: Graph, op: Any, begin: list[int], end: list[int]) -> None:
    for place, values in enumerate((begin, end, [1] * 4), start=1):
        constant = np.array(values, np.int32)
        op.inputs[place] = graph.add_tensor("slice", [4], np.int32, values=constant)
    op.builtinOptions.beginMask = op.builtinOptions.endMask = 0


def _convolve_over_frames(graph: Graph, op: Any, height: int) -> None:
    op.builtinOptions.dilationHFactor = height
    graph.set_version(op, 2)  # the first that knows dilation
