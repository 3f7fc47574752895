"""Makes a detector of the TensorFlow 1 era fit today's kernels: uint8 becomes int8.

Such files have uint8 tensors throughout, and one scale with a zero point for all of a
convolution's weights. XNNPACK has its quick kernels for int8 with symmetric weights. Every
activation keeps its scale, so it holds the same values; weights get a scale a channel, which is at
least as fine as the one that they had. What decodes the boxes gets float, which it also takes.
Where one class is asked for, nothing is computed of the others.
"""

from __future__ import annotations

import hashlib
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from flatbuffers import flexbuffers
from numpy.typing import NDArray

from edgevid.errors import ModelError
from edgevid.modelfile import flatbuffer
from edgevid.prepare.graph import Graph
from edgevid.prepare.serialize import write
from edgevid.version import REWRITE

_DECODING = "TFLite_Detection_PostProcess"
# What such a network is made of, and the version of each that takes int8.
_KNOWN = {"CONV_2D": 3, "DEPTHWISE_CONV_2D": 3, "RESHAPE": 1, "CONCATENATION": 2, "LOGISTIC": 2}
_DEPTHWISE = "DEPTHWISE_CONV_2D"
_SHIFT = 128  # from uint8 to int8


def quicken_detector(data: bytes, *, only: int | None = None) -> bytes:
    """Returns a detector's file with int8 in place of uint8; the same file where it has no uint8.

    Args:
        data: the content of a ``.tflite`` file.
        only: the one class to find, which is then class 0; all when None.

    Raises:
        ModelError: it is damaged, or holds what this does not know.
    """
    read = flatbuffer.read(data)
    if len(read.inputs) != 1 or read.tensors[read.inputs[0]].dtype != "uint8":
        return data
    graph = Graph(_with_signature(data))
    try:
        decoding = _rewrite(graph)
        if only is not None:
            _keep_class(graph, decoding, only)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise ModelError(f"the detector contradicts itself ({error})") from error
    name = f"prepared by edgevid, rewrite {REWRITE}, of {hashlib.sha256(data).hexdigest()}"
    rewritten = write(graph, name)
    flatbuffer.read(rewritten)  # the rewriter's own mistakes stop here
    return rewritten


def _with_signature(data: bytes) -> bytes:
    """Returns the file with a signature, which older converters did not write."""
    model = schema.ModelT.InitFromPackedBuf(data, 0)
    subgraph = model.subgraphs[0]
    signature = schema.SignatureDefT()
    signature.signatureKey = b"serving_default"
    signature.inputs = [_argument("image", subgraph.inputs[0])]
    signature.outputs = [
        _argument(f"output_{number}", tensor) for number, tensor in enumerate(subgraph.outputs)
    ]
    model.signatureDefs = [signature]
    builder = flatbuffers.Builder(len(data))
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _argument(name: str, tensor: int) -> Any:
    argument = schema.TensorMapT()
    argument.name, argument.tensorIndex = name.encode(), int(tensor)
    return argument


def _rewrite(graph: Graph) -> Any:
    """Turns all that is computed into int8, up to the decoding, which it returns."""
    done: set[int] = set()
    ends = []
    for op in list(graph.ops):
        kind = graph.kind(op)
        if kind == "CUSTOM":
            ends.append(op)
            continue
        if kind not in _KNOWN:
            raise ModelError(f"the detector has a {kind}, which is not known")
        for tensor in (*op.inputs[: 1 if kind != "CONCATENATION" else None], *op.outputs):
            if tensor not in done:
                _shift(graph, tensor)
                done.add(tensor)
        if kind in ("CONV_2D", _DEPTHWISE):
            _symmetric(graph, op, 3 if kind == _DEPTHWISE else 0)
        if kind == "CONCATENATION":  # which for int8 wants one scale throughout
            output = op.outputs[0]
            op.inputs = [
                tensor
                if graph.quantization(tensor) == graph.quantization(output)
                else graph.quantize(tensor, output)
                for tensor in op.inputs
            ]
        graph.set_version(op, _KNOWN[kind])
    if len(ends) != 1:
        raise ModelError(f"the detector has {len(ends)} operators of its own: 1 is expected")
    decoding = ends[0]
    decoding.inputs = [_as_float(graph, tensor) for tensor in decoding.inputs]
    return decoding


def _shift(graph: Graph, tensor: int) -> None:
    """Makes an activation int8, with the same scale."""
    known = graph.quantization(tensor)
    if graph.dtype(tensor) != np.uint8 or known is None or graph.is_constant(tensor):
        raise ModelError(f"the detector's {graph.name(tensor)!r} is no uint8 activation")
    graph.tensors[tensor].type = schema.TensorType.INT8
    graph.tensors[tensor].quantization.zeroPoint = np.array([known[1] - _SHIFT], np.int64)


def _symmetric(graph: Graph, op: Any, channel: int) -> None:
    """Gives a convolution weights around 0, with a scale for each output channel."""
    image, weights, bias = op.inputs[:3]
    values, offsets = graph.real(weights), graph.real(bias)
    known, coarse = graph.quantization(image), graph.quantization(weights)
    if values is None or offsets is None or known is None or coarse is None:
        raise ModelError(f"the detector's {graph.name(weights)!r} has no values")
    axes = tuple(axis for axis in range(values.ndim) if axis != channel)
    # A channel of zeros gets a scale that its bias can be told in.
    scale = np.maximum(np.abs(values).max(axis=axes), coarse[0]) / 127
    spread = scale.reshape([-1 if axis == channel else 1 for axis in range(values.ndim)])
    new = graph.add_tensor(
        graph.name(weights) + "/int8",
        values.shape,
        np.int8,
        values=np.clip(np.rint(values / spread), -127, 127).astype(np.int8),
    )
    _set_scales(graph, new, scale, channel)
    step = scale * known[0]
    limits = np.iinfo(np.int32)
    new_bias = graph.add_tensor(
        graph.name(bias) + "/int32",
        offsets.shape,
        np.int32,
        values=np.clip(np.rint(offsets / step), limits.min, limits.max).astype(np.int32),
    )
    _set_scales(graph, new_bias, step, 0)
    op.inputs = [image, new, new_bias]


def _set_scales(graph: Graph, tensor: int, scales: Any, dimension: int) -> None:
    quantization = schema.QuantizationParametersT()
    quantization.scale = np.asarray(scales, np.float32)
    quantization.zeroPoint = np.zeros(len(scales), np.int64)
    quantization.quantizedDimension = dimension
    graph.tensors[tensor].quantization = quantization


def _keep_class(graph: Graph, decoding: Any, kept: int) -> None:
    """Computes the scores of one class only, where they come from convolutions side by side."""
    options = flexbuffers.Loads(bytes(decoding.customOptions))
    columns = graph.shape(decoding.inputs[1])[-1]
    background = columns - options["num_classes"]  # 1 where it has a score of its own, else 0
    if background not in (0, 1) or not 0 <= kept < options["num_classes"]:
        raise ModelError(f"the detector has no class {kept}")
    chosen = np.array([0, kept + 1] if background else [kept])
    between = [decoding.inputs[1]]
    for kind in ("DEQUANTIZE", "LOGISTIC"):
        op = graph.producer(between[-1], kind)
        if op is None or graph.only_consumer(between[-1]) is None:
            return
        between.append(op.inputs[0])
    joined = graph.producer(between[-1], "CONCATENATION")
    if joined is None or graph.only_consumer(between[-1]) is None:
        return
    parts = [_scores_before(graph, tensor) for tensor in joined.inputs]
    if any(part is None for part in parts):
        return
    for part in parts:
        assert part is not None
        conv, reshape, tensors = part
        anchors = graph.shape(conv.inputs[1])[0] // columns
        rows = (np.arange(anchors)[:, None] * columns + chosen).ravel()
        for tensor in conv.inputs[1:3]:
            _take(graph, tensor, rows)
        reshape.inputs = reshape.inputs[:1]
        shape = [*graph.shape(reshape.outputs[0])[:-1], len(chosen)]
        reshape.builtinOptionsType = schema.BuiltinOptions.ReshapeOptions
        reshape.builtinOptions = schema.ReshapeOptionsT()
        reshape.builtinOptions.newShape = np.array(shape, np.int32)
        _set_last(graph, [conv.outputs[0]], len(rows))
        _set_last(graph, tensors, len(chosen))
    _set_last(graph, between, len(chosen))
    options["num_classes"] = 1
    decoding.customOptions = np.frombuffer(flexbuffers.Dumps(options), np.uint8)


def _scores_before(graph: Graph, tensor: int) -> tuple[Any, Any, list[int]] | None:
    """Returns the convolution that scores come from, its reshaping, and all tensors after it."""
    tensors = [tensor]
    quantize = graph.producer(tensor, "QUANTIZE")
    if quantize is not None:
        tensors.append(quantize.inputs[0])
    reshape = graph.producer(tensors[-1], "RESHAPE")
    conv = graph.producer(reshape.inputs[0], "CONV_2D") if reshape is not None else None
    if conv is None or any(
        graph.only_consumer(each) is None for each in (*tensors, *conv.inputs[1:3], *conv.outputs)
    ):
        return None
    return conv, reshape, tensors


def _take(graph: Graph, tensor: int, rows: NDArray[np.intp]) -> None:
    """Leaves only some of a convolution's output channels, in weights or offsets."""
    values = graph.constant(tensor)
    assert values is not None
    scales = np.asarray(graph.tensors[tensor].quantization.scale)
    graph.set_constant(tensor, values[rows])
    _set_scales(graph, tensor, scales[rows], 0)


def _set_last(graph: Graph, tensors: list[int], size: int) -> None:
    """Sets the last size of tensors."""
    for tensor in tensors:
        graph.tensors[tensor].shape = [*graph.shape(tensor)[:-1], size]
        graph.tensors[tensor].shapeSignature = None


def _as_float(graph: Graph, tensor: int) -> int:
    """Returns a tensor's real values: of a constant as one, of what is computed at run time."""
    values = graph.real(tensor)
    if values is not None:
        return graph.add_tensor(
            graph.name(tensor) + "/float", values.shape, values=values.astype(np.float32)
        )
    return graph.dequantize(tensor)
