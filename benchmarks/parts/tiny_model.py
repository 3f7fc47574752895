"""A streaming network small enough to build here, for tests that need no real actions.

Its state is the sum of the mean colours of all frames so far; its logits are red, green, blue
and nothing. So ``logits(after n frames) = weights @ sum of mean colours``, which tests can
compute by themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

LABELS = ("red", "green", "blue", "nothing")
SIZE = 8
WEIGHTS = np.array([[4, -2, -2], [-2, 4, -2], [-2, -2, 4], [0, 0, 0]], np.float32)


def tiny_model(edit: Callable[[Any], None] | None = None) -> bytes:
    """Returns the network as a ``.tflite`` file.

    Args:
        edit: changes the schema's object tree before it is written, to make a file that is wrong
            in one way.
    """
    model = _model()
    if edit is not None:
        edit(model)
    builder = flatbuffers.Builder()
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _model() -> Any:
    model = schema.ModelT()
    model.version = 3
    model.description = b"tiny"
    model.buffers = [_buffer(None)]
    graph = schema.SubGraphT()
    graph.name = b"main"
    graph.tensors = []

    def tensor(name: str, shape: list[int], values: np.ndarray | None = None) -> int:
        made = schema.TensorT()
        made.name, made.shape = name.encode(), shape
        made.type = schema.TensorType.FLOAT32
        if values is not None:
            made.type = {"float32": 0, "int32": 2}[values.dtype.name]
            model.buffers.append(_buffer(values))
            made.buffer = len(model.buffers) - 1
        graph.tensors.append(made)
        return len(graph.tensors) - 1

    image = tensor("image:0", [1, 1, SIZE, SIZE, 3])
    state_in = tensor("state:0", [1, 3])
    axes = tensor("axes", [3], np.array([1, 2, 3], np.int32))
    mean = tensor("mean", [1, 3])
    state_out = tensor("state:1", [1, 3])
    weights = tensor("weights", list(WEIGHTS.shape), WEIGHTS)
    logits = tensor("logits:0", [1, len(LABELS)])
    graph.inputs, graph.outputs = [image, state_in], [state_out, logits]
    operators = [
        ("MEAN", [image, axes], [mean], schema.ReducerOptionsT(), "ReducerOptions"),
        ("ADD", [mean, state_in], [state_out], schema.AddOptionsT(), "AddOptions"),
        (
            *("FULLY_CONNECTED", [state_out, weights, -1], [logits]),
            *(schema.FullyConnectedOptionsT(), "FullyConnectedOptions"),
        ),
    ]
    model.operatorCodes, graph.operators = [], []
    for number, (code, inputs, outputs, options, kind) in enumerate(operators):
        opcode = schema.OperatorCodeT()
        opcode.builtinCode = getattr(schema.BuiltinOperator, code)
        opcode.deprecatedBuiltinCode = opcode.builtinCode
        opcode.version = 1
        model.operatorCodes.append(opcode)
        operator = schema.OperatorT()
        operator.opcodeIndex, operator.inputs, operator.outputs = number, inputs, outputs
        operator.builtinOptions = options
        operator.builtinOptionsType = getattr(schema.BuiltinOptions, kind)
        graph.operators.append(operator)
    signature = schema.SignatureDefT()
    signature.signatureKey = b"serving_default"
    signature.subgraphIndex = 0
    signature.inputs = [_argument("image", image), _argument("state", state_in)]
    signature.outputs = [_argument("state", state_out), _argument("logits", logits)]
    model.subgraphs, model.signatureDefs = [graph], [signature]
    return model


def _buffer(values: np.ndarray | None) -> Any:
    buffer = schema.BufferT()
    buffer.data = None if values is None else np.frombuffer(values.tobytes(), np.uint8)
    return buffer


def _argument(name: str, tensor: int) -> Any:
    argument = schema.TensorMapT()
    argument.name, argument.tensorIndex = name.encode(), tensor
    return argument
