"""A MoViNet stream in miniature, spelled as the Model Garden's exporter and converter spell it.

One convolution, one over time with a stream buffer, a pooled skip path, a ``rezero`` scale, a
causal pool inside (squeeze-and-excitation) and one in the head; float32 or int8. It stands in for
the published file where that is missing, and for files that are not published at all.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

from edgevid.prepare.graph import Graph, Quantization
from edgevid.prepare.serialize import write

SIZE = 16
CHANNELS = 8
CLASSES = 4
LABELS = ("one", "two", "three", "four")
_SAME, _VALID = 0, 1
_RELU6 = 3
_ACTIVATIONS: Quantization = (6 / 255, -128)
_SIGNED: Quantization = (12 / 255, 0)


def mini_movinet(*, int8: bool, se: bool = True) -> bytes:
    """Returns the network as a ``.tflite`` file.

    Args:
        int8: with int8 inside, float32 at the interface, as published files are.
        se: with a causal pool in the block, not only in the head.
    """
    return _Builder(int8).build(se)


class _Builder:
    def __init__(self, int8: bool) -> None:
        self.int8 = int8
        self.rng = np.random.default_rng(7)
        self.graph = Graph(_empty())

    def build(self, se: bool) -> bytes:
        half = SIZE // 2
        image = self.input("image", [1, 1, SIZE, SIZE, 3], (1 / 255, -128))
        x = self.reshape(image, [1, SIZE, SIZE, 3])
        x = self.conv(x, CHANNELS, 3, stride=2)
        pooled = self.op(
            "AVERAGE_POOL_2D", [x], [1, half, half, CHANNELS], like=x, padding=_SAME,
            strideW=1, strideH=1, filterWidth=3, filterHeight=3,
        )  # fmt: skip
        x = self.op("HARD_SWISH", [x], [1, half, half, CHANNELS], _SIGNED)
        x = self.reshape(x, [1, 1, half, half, CHANNELS])
        past = self.input("state_block_stream_buffer", [1, 2, half, half, CHANNELS], _SIGNED)
        joined = self.op("CONCATENATION", [past, x], [1, 3, half, half, CHANNELS], _SIGNED, axis=1)
        kept = self.op(
            "STRIDED_SLICE", [joined, *self.ints([0, -2, 0, 0, 0], [0] * 5, [1] * 5)],
            [1, 2, half, half, CHANNELS], _SIGNED, beginMask=29, endMask=31,
            ellipsisMask=0, newAxisMask=0, shrinkAxisMask=0,
        )  # fmt: skip
        self.output("state_block_stream_buffer", kept)
        x = self.reshape(joined, [1, 3, half * half, CHANNELS])
        x = self.conv(x, CHANNELS, 3, over_time=True)
        x = self.reshape(x, [1, 1, half, half, CHANNELS])
        if se:
            frame = self.mean(x)
            mean = self.pool(frame, "state_block_pool")
            gate = self.conv(self.reshape(mean, [1, 1, 1, CHANNELS]), CHANNELS, 1)
            gate = self.reshape(gate, [1, 1, 1, 1, CHANNELS])
            x = self.op("MUL", [gate, x], [1, 1, half, half, CHANNELS], _SIGNED)
        x = self.reshape(x, [1, half, half, CHANNELS])
        x = self.reshape(self.conv(x, CHANNELS, 1, relu=False), [1, 1, half, half, CHANNELS])
        rezero = self.constant(np.array(-0.7, np.float32), (0.7 / 127, 0))
        x = self.op("MUL", [x, rezero], [1, 1, half, half, CHANNELS], _SIGNED)
        skip = self.reshape(pooled, [1, 1, half, half, CHANNELS])
        x = self.op("ADD", [x, skip], [1, 1, half, half, CHANNELS], _SIGNED)
        total = self.op(
            "SUM", [x, *self.ints([1, 2, 3])], [1, 1, 1, 1, CHANNELS], (2.0, 0), keepDims=True
        )
        share = self.constant(np.array(1 / half**2, np.float32), (1 / half**2 / 255, -128))
        frame = self.op("MUL", [total, share], [1, 1, 1, 1, CHANNELS], (6 / 255, 0))
        mean = self.pool(frame, "state_head_pool")
        x = self.conv(self.reshape(mean, [1, 1, 1, CHANNELS]), CLASSES, 1, relu=False)
        logits = self.reshape(x, [1, CLASSES])
        self.output("logits", logits)
        idle = self.graph.add_tensor("state_idle_pool_buffer", [1, 1, 1, 1, 5])
        self.graph.inputs["state_idle_pool_buffer"] = idle
        self.graph.outputs["state_idle_pool_buffer"] = idle
        return write(self.graph, "mini")

    def pool(self, frame: int, name: str) -> int:
        """The Model Garden's GlobalAveragePool3D: a sum and a count, carried as states."""
        shape = self.graph.shape(frame)
        buffer = self.input(name + "_buffer", shape, (0.5, 0))
        total = self.op("ADD", [frame, buffer], shape, (0.5, 0))
        self.output(name + "_buffer", total)
        before = self.graph.add_tensor(name, [1], np.int32)
        self.graph.inputs[name + "_frame_count"] = before
        one = self.graph.add_tensor("one", [], np.int32, values=np.array(1, np.int32))
        count = self.graph.add("ADD", [before, one], [1], np.int32, name="count")
        self.graph.outputs[name + "_frame_count"] = count
        divisor = self.graph.add("CAST", [count], [1], name="divisor")
        sums = self.graph.dequantize(total) if self.int8 else total
        mean = self.graph.add("DIV", [sums, divisor], shape, name="mean")
        if not self.int8:
            return mean
        like = self.graph.add_tensor("like", shape, np.int8, quantization=(6 / 255, 0))
        return self.graph.quantize(mean, like)

    def mean(self, x: int) -> int:
        shape = [1, 1, 1, 1, CHANNELS]
        return self.op("MEAN", [x, *self.ints([2, 3])], shape, _ACTIVATIONS, keepDims=True)

    def conv(
        self, x: int, channels: int, size: int, *, stride: int = 1, relu: bool = True,
        over_time: bool = False,
    ) -> int:  # fmt: skip
        _, height, width, inputs = self.graph.shape(x)
        depth = 1 if over_time else inputs
        weights = self.rng.normal(
            0, 1 / np.sqrt(size * size * depth), (channels, size, size, depth)
        )
        options: dict[str, Any] = {
            "strideW": stride, "strideH": stride, "padding": _SAME,
            "dilationWFactor": 1, "dilationHFactor": 1,
            "fusedActivationFunction": _RELU6 if relu else 0,
        }  # fmt: skip
        shape = [1, -(-height // stride), -(-width // stride), channels]
        kind, axis = "CONV_2D", 0
        if over_time:
            weights = weights[:, :, :1].transpose(3, 1, 2, 0)
            options |= {"padding": _VALID, "depthMultiplier": 1}
            shape = [1, height - size + 1, width, channels]
            kind, axis = "DEPTHWISE_CONV_2D", 3
        bias = self.rng.normal(0, 0.3, channels)
        constants = self.weights(weights, bias, axis, x)
        return self.op(kind, [x, *constants], shape, _ACTIVATIONS if relu else _SIGNED, **options)

    def weights(self, weights: NDArray[Any], bias: NDArray[Any], axis: int, x: int) -> list[int]:
        add = self.graph.add_tensor
        if not self.int8:
            weights, bias = weights.astype(np.float32), bias.astype(np.float32)
            return [
                add("weights", weights.shape, values=weights),
                add("bias", bias.shape, values=bias),
            ]
        spread = [-1 if place == axis else 1 for place in range(4)]
        others = tuple(place for place in range(4) if place != axis)
        scale = np.abs(weights).max(others) / 127
        image = self.graph.quantization(x)
        assert image is not None
        quantised = np.round(weights / scale.reshape(spread)).astype(np.int8)
        integers = np.round(bias / (scale * image[0])).astype(np.int32)
        made = [
            add("weights", quantised.shape, np.int8, values=quantised),
            add("bias", integers.shape, np.int32, values=integers),
        ]
        for tensor, steps, dimension in ((made[0], scale, axis), (made[1], scale * image[0], 0)):
            q = schema.QuantizationParametersT()
            q.scale, q.quantizedDimension = steps.astype(np.float32), dimension
            q.zeroPoint = np.zeros(len(steps), np.int64)
            self.graph.tensors[tensor].quantization = q
        return made

    def input(self, name: str, shape: list[int], quantization: Quantization) -> int:
        tensor = self.graph.add_tensor(name, shape)
        self.graph.inputs[name] = tensor
        if not self.int8:
            return tensor
        like = self.graph.add_tensor("like", shape, np.int8, quantization=quantization)
        return self.graph.quantize(tensor, like)

    def output(self, name: str, tensor: int) -> None:
        self.graph.outputs[name] = self.graph.dequantize(tensor) if self.int8 else tensor

    def op(
        self, kind: str, inputs: list[int], shape: list[int],
        quantization: Quantization | None = None, *, like: int | None = None, **options: Any,
    ) -> int:  # fmt: skip
        if like is not None:
            quantization = self.graph.quantization(like)
        dtype = np.int8 if self.int8 else np.float32
        q = quantization if self.int8 else None
        return self.graph.add(kind, inputs, shape, dtype, name=kind, quantization=q, **options)

    def reshape(self, x: int, shape: list[int]) -> int:
        return self.op("RESHAPE", [x, *self.ints(shape)], shape, like=x, newShape=shape)

    def ints(self, *rows: list[int]) -> list[int]:
        arrays = [np.array(row, np.int32) for row in rows]
        return [self.graph.add_tensor("ints", [len(a)], np.int32, values=a) for a in arrays]

    def constant(self, value: NDArray[np.float32], quantization: Quantization) -> int:
        if not self.int8:
            return self.graph.add_tensor("constant", value.shape, values=value)
        scale, zero_point = quantization
        quantised = np.round(value / scale + zero_point).astype(np.int8)
        return self.graph.add_tensor(
            "constant", value.shape, np.int8, values=quantised, quantization=quantization
        )


def _empty() -> bytes:
    import flatbuffers

    model = schema.ModelT()
    model.version = 3
    model.buffers = [schema.BufferT()]
    model.operatorCodes = []
    graph = schema.SubGraphT()
    graph.name, graph.tensors, graph.operators, graph.inputs, graph.outputs = (
        b"main",
        [],
        [],
        [],
        [],
    )
    signature = schema.SignatureDefT()
    signature.signatureKey, signature.inputs, signature.outputs = b"serving_default", [], []
    model.subgraphs, model.signatureDefs = [graph], [signature]
    builder = flatbuffers.Builder()
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())
