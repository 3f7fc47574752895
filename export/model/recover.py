"""Recovers a trainable network from a published streaming ``.tflite`` file.

The converter folds batch norm into the kernels and names every tensor after the layer it came
from; so each kernel and bias can be found, turned back from integers, and put into the Keras
layer of the same name, whose batch norm then only adds the bias.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgevid.errors import ModelError
from edgevid.modelfile import flatbuffer
from export.model.checkpoint import CLASSIFIER, assign, named_weights
from export.model.network import INPUT_SIZE, Architecture, Network, Size

_ROOT = "movinet_classifier/"
_BATCH_NORM_EPSILON = 1e-3  # the Model Garden's, and so Network's


def load(path: Path) -> Network:
    """Reads a published streaming file, int8 or float, into a float network.

    Raises:
        ModelError: it cannot be read, or is not a MoViNet stream as the Model Garden exports it.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ModelError(f"cannot read {path}: {error.strerror}") from error
    values = _weights(data)
    if not values:
        raise ModelError(f"{path} holds no MoViNet layers by the Model Garden's names")
    network = Network(_architecture(values, path))
    variables = named_weights(network)
    for name in variables:
        layer, leaf = name.rsplit("/", 1)
        if leaf == "gamma":
            shape = variables[name].shape
            values[f"{layer}/beta"] = values.pop(f"{layer}/bias", np.zeros(shape, np.float32))
            values[name] = np.ones(shape, np.float32)
            values[f"{layer}/moving_mean"] = np.zeros(shape, np.float32)
            values[f"{layer}/moving_variance"] = np.full(shape, 1 - _BATCH_NORM_EPSILON, np.float32)
    recovered = assign(network, values, source=str(path))
    if recovered != len(variables):
        missing = sorted(variables.keys() - values.keys())
        raise ModelError(f"{path} lacks {len(missing)} weights, {missing[0]} for one")
    return network


def _architecture(values: dict[str, NDArray[np.float32]], path: Path) -> Architecture:
    style = "hard_swish" if any("/se/" in name for name in values) else "relu6"
    classifier = values.get(f"{CLASSIFIER}conv2d/kernel")
    stem = values.get("stem/stem/conv2d/kernel")
    layers = sum(name.endswith("/expansion/conv2d/kernel") for name in values)
    if classifier is None or stem is None:
        raise ModelError(f"{path} has no MoViNet stem or classifier")
    size = _size(layers, path)
    return Architecture(size, style, classifier.shape[-1])  # type: ignore[arg-type]


def _size(layers: int, path: Path) -> Size:
    from official.projects.movinet.modeling import movinet

    for size in INPUT_SIZE:
        blocks = movinet.BLOCK_SPECS[size][1:-1]
        if layers == sum(len(block.expand_filters) for block in blocks):
            return size  # type: ignore[return-value]
    raise ModelError(f"{path} has {layers} layers: that is no MoViNet A0, A1 or A2")


def _weights(data: bytes) -> dict[str, NDArray[np.float32]]:
    """Kernels, biases and residual scales by the stable names of ``checkpoint``."""
    flatbuffer.read(data)  # checks the file: the schema classes below trust it
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromPackedBuf(data, 0)
    graph = model.subgraphs[0]
    convolutions = (schema.BuiltinOperator.CONV_2D, schema.BuiltinOperator.DEPTHWISE_CONV_2D)
    values: dict[str, NDArray[np.float32]] = {}

    def constant(index: int) -> NDArray[np.float32] | None:
        tensor = graph.tensors[index]
        raw = model.buffers[tensor.buffer].data if index >= 0 else None
        return None if raw is None else _dequantize(tensor, raw)

    for operator in graph.operators:
        code = model.operatorCodes[operator.opcodeIndex]
        kind = max(code.builtinCode, code.deprecatedBuiltinCode)
        # A tensor made of several layers carries all their names; its own comes first.
        name = graph.tensors[operator.outputs[0]].name.decode().split(";")[0]
        if not name.startswith(_ROOT):
            continue
        path = name.removeprefix(_ROOT).removeprefix("movinet/")
        if kind in convolutions:
            layer = _layer(path)
            kernel = constant(operator.inputs[1])
            if layer is None or kernel is None:
                continue
            # TFLite: [out, height, width, in], or [1, height, width, channels] when depthwise.
            values[f"{layer}/kernel"] = kernel.transpose(1, 2, 3, 0)
            bias = constant(operator.inputs[2]) if len(operator.inputs) > 2 else None
            if bias is not None:
                values[f"{layer}/bias"] = bias
        elif kind == schema.BuiltinOperator.MUL and "/rezero/" in path:
            scale = next(c for c in map(constant, operator.inputs) if c is not None)
            values[path.split("/rezero/")[0] + "/rezero/scale"] = scale.reshape(-1)[0]
    return values


def _layer(path: str) -> str | None:
    parts = path.split("/")
    for index, part in enumerate(parts):
        if part in ("conv2d", "conv2d_temporal"):
            return "/".join(parts[: index + 1])
    return None


def _dequantize(tensor: Any, raw: NDArray[np.uint8]) -> NDArray[np.float32]:
    dtype = {0: np.float32, 1: np.float16, 2: np.int32, 9: np.int8}[tensor.type]
    values = np.frombuffer(raw.tobytes(), dtype).reshape(tensor.shape).astype(np.float32)
    quantization = tensor.quantization
    if quantization is None or quantization.scale is None or dtype in (np.float32, np.float16):
        return values
    shape = [1] * values.ndim
    shape[quantization.quantizedDimension] = len(quantization.scale)
    zero_point = quantization.zeroPoint.reshape(shape).astype(np.float32)
    return (values - zero_point) * quantization.scale.reshape(shape).astype(np.float32)
