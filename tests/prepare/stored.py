"""A float32 network as other converters, or this one when it is told to, write it."""

from __future__ import annotations

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

from edgevid.prepare.graph import Graph
from edgevid.prepare.serialize import write

_WEIGHTED = {"CONV_2D": (0, 5), "DEPTHWISE_CONV_2D": (3, 6)}  # output axis, hybrid's version


def as_float16(data: bytes) -> bytes:
    """All its float32 constants as float16, each widened by a DEQUANTIZE."""
    graph = Graph(data)
    for op in list(graph.ops):
        for place, tensor in enumerate(op.inputs):
            values = graph.constant(tensor)
            if values is None or values.dtype != np.float32:
                continue
            half = graph.add_tensor(
                "half", values.shape, np.float16, values=values.astype(np.float16)
            )
            op.inputs[place] = graph.add("DEQUANTIZE", [half], values.shape, name="widened")
            graph.set_version(graph.ops[-1], 3)
    return write(graph, "float16")


def as_dynamic_range(data: bytes) -> bytes:
    """Its convolutions' weights as int8, with a scale for each channel."""
    graph = Graph(data)
    for op in graph.find(*_WEIGHTED):
        axis, version = _WEIGHTED[graph.kind(op)]
        values = graph.constant(op.inputs[1])
        assert values is not None
        others = tuple(place for place in range(4) if place != axis)
        scale = np.abs(values).max(others, keepdims=True) / 127
        steps: NDArray[np.int8] = np.round(values / scale).astype(np.int8)
        op.inputs[1] = graph.add_tensor("weights", steps.shape, np.int8, values=steps)
        q = graph.tensors[op.inputs[1]].quantization = schema.QuantizationParametersT()
        q.scale, q.quantizedDimension = scale.reshape(-1).astype(np.float32), axis
        q.zeroPoint = np.zeros(scale.size, np.int64)
        graph.set_version(op, version)
    return write(graph, "dynamic range")


def with_broadcast(data: bytes) -> bytes:
    """The gate of squeeze-and-excitation written out over the picture before it multiplies."""
    graph = Graph(data)
    for op in graph.find("MUL"):
        gate, picture = op.inputs[:2]
        shape = graph.shape(picture)
        if len(shape) == 5 and graph.shape(gate) == [1, 1, 1, 1, shape[4]] and shape[2] > 1:
            sizes = graph.add_tensor("sizes", [5], np.int32, values=np.array(shape, np.int32))
            wide = graph.copy_tensor(gate)
            graph.tensors[wide].shape = shape
            broadcast = schema.OperatorT()
            broadcast.opcodeIndex = len(graph.model.operatorCodes)
            code = schema.OperatorCodeT()
            code.builtinCode, code.version = schema.BuiltinOperator.BROADCAST_TO, 3
            code.deprecatedBuiltinCode = 127
            graph.model.operatorCodes.append(code)
            broadcast.inputs, broadcast.outputs = [gate, sizes], [wide]
            graph.ops.append(broadcast)
            op.inputs[0] = wide
    return write(graph, "broadcast")


def with_channels_first(data: bytes) -> bytes:
    """The pool of the head with its channels before the picture, as PyTorch has them."""
    graph = Graph(data)
    state = graph.inputs["state_head_pool_buffer"]
    (addition,) = graph.consumers(state)
    (division,) = [op for op in graph.find("DIV") if op.inputs[0] == addition.outputs[0]]
    channels = graph.shape(state)[-1]
    shape = [1, channels, 1, 1]
    (frame,) = [tensor for tensor in addition.inputs if tensor != state]
    addition.inputs = [_reshaped(graph, frame, shape), state]
    for tensor in (state, addition.outputs[0], division.outputs[0]):
        graph.tensors[tensor].shape = shape
    return write(graph, "channels first")


def with_integer_interface(data: bytes, dtype: type[np.int8] | type[np.uint8]) -> bytes:
    """An int8 network with integers at its interface, as ``inference_input_type`` asks for them."""
    graph = Graph(data)
    shift = 128 if dtype == np.uint8 else 0
    for name, tensor in list(graph.inputs.items()):
        entries = [op for op in graph.consumers(tensor) if graph.kind(op) == "QUANTIZE"]
        if not entries:
            continue
        inside = entries[0].outputs[0]
        graph.inputs[name] = inside
        graph.ops = [op for op in graph.ops if inside not in op.outputs]
        if shift:
            scale, zero_point = graph.quantization(inside) or (0.0, 0)
            quantization = (scale, zero_point + shift)
            shape = graph.shape(inside)
            graph.inputs[name] = graph.add_tensor(name, shape, dtype, quantization=quantization)
            made = graph.add(
                "QUANTIZE", [graph.inputs[name]], shape, np.int8, name=name,
                quantization=(scale, zero_point),
            )  # fmt: skip
            graph.replace(inside, made)
    for name, tensor in list(graph.outputs.items()):
        leave = graph.producer(tensor, "DEQUANTIZE")
        if leave is None:
            continue
        graph.outputs[name] = inside = leave.inputs[0]
        if shift:
            scale, zero_point = graph.quantization(inside) or (0.0, 0)
            graph.outputs[name] = graph.add(
                "QUANTIZE", [inside], graph.shape(inside), dtype, name=name,
                quantization=(scale, zero_point + shift),
            )  # fmt: skip
    return write(graph, "integers outside")


def with_frames_channels_first(data: bytes) -> bytes:
    """The past frames and the newest with channels before the picture, as PyTorch has them."""
    graph = Graph(data)
    name = "state_block_stream_buffer"
    (joined,) = graph.consumers(graph.inputs[name])
    _, past, height, width, channels = graph.shape(graph.inputs[name])
    shaped = graph.producer(joined.inputs[1], "RESHAPE")
    assert shaped is not None
    (row,) = [op for op in graph.consumers(joined.outputs[0]) if graph.kind(op) == "RESHAPE"]
    frame = _reshaped(
        graph,
        _turned(graph, shaped.inputs[0], [0, 3, 1, 2]),
        [1, channels, 1, height, width],
    )
    before = graph.add_tensor(name, [1, channels, past, height, width])
    frames = graph.add(
        "CONCATENATION", [before, frame], [1, channels, past + 1, height, width], name="joined",
        axis=2,
    )  # fmt: skip
    begin, size = (
        graph.add_tensor("ints", [5], np.int32, values=np.array(values, np.int32))
        for values in ([0, 0, 1, 0, 0], [1, channels, past, height, width])
    )
    kept = graph.add("SLICE", [frames, begin, size], graph.shape(before), name="kept")
    pixels = _reshaped(graph, frames, [1, channels, past + 1, height * width])
    graph.replace(row.outputs[0], _turned(graph, pixels, [0, 2, 3, 1]))
    graph.inputs[name], graph.outputs[name] = before, kept
    return write(graph, "frames with channels first")


def with_picture_turned(data: bytes) -> bytes:
    """A picture that is turned there and back, and turned again for its mean."""
    graph = Graph(data)
    (mean,) = graph.find("MEAN")
    picture = mean.inputs[0]
    shaped = graph.producer(picture, "RESHAPE")
    assert shaped is not None
    row = shaped.inputs[0]  # [1, 1, height * width, channels]
    _, _, height, width, channels = graph.shape(picture)
    first = _reshaped(graph, _turned(graph, row, [0, 3, 1, 2]), [1, channels, height, width])
    back = _turned(graph, first, [0, 2, 3, 1])
    axes = graph.add_tensor("axes", [2], np.int32, values=np.array([2, 3], np.int32))
    taken = graph.add(
        "MEAN", [_turned(graph, back, [0, 3, 1, 2]), axes], [1, channels, 1, 1], name="mean",
        keepDims=True,
    )  # fmt: skip
    graph.replace(mean.outputs[0], _reshaped(graph, taken, graph.shape(mean.outputs[0])))
    return write(graph, "picture turned")


def _turned(graph: Graph, tensor: int, order: list[int]) -> int:
    axes = graph.add_tensor("axes", [len(order)], np.int32, values=np.array(order, np.int32))
    shape = [graph.shape(tensor)[axis] for axis in order]
    return graph.add("TRANSPOSE", [tensor, axes], shape, name="turned")


def _reshaped(graph: Graph, tensor: int, shape: list[int]) -> int:
    sizes = graph.add_tensor("sizes", [len(shape)], np.int32, values=np.array(shape, np.int32))
    return graph.add("RESHAPE", [tensor, sizes], shape, name="shaped", newShape=shape)
