"""The smallest files that have all the marks of a MoViNet stream, for tests without a model."""

from __future__ import annotations

import flatbuffers
from ai_edge_litert import schema_py_generated as schema


def tiny_stream(*, pixels: int = 172, classes: int = 600, note: str = "") -> bytes:
    """Makes a ``.tflite`` file with an image, a state, logits, and no operators.

    Args:
        pixels: height and width of the image.
        classes: number of logits.
        note: anything; two files differ where their notes do.
    """
    model = schema.ModelT()
    model.version = 3
    model.description = note
    model.operatorCodes = []
    model.buffers = [schema.BufferT()]
    graph = schema.SubGraphT()
    graph.tensors = [
        _float_tensor("image", [1, 1, pixels, pixels, 3]),
        _float_tensor("state", [1, 1, 4, 4, 8]),
        _float_tensor("logits", [1, classes]),
    ]
    graph.operators = []
    graph.inputs, graph.outputs = [0, 1], [2, 1]
    model.subgraphs = [graph]
    signature = schema.SignatureDefT()
    signature.signatureKey = "serving_default"
    signature.inputs = [_argument("image", 0), _argument("state", 1)]
    signature.outputs = [_argument("logits", 2), _argument("state", 1)]
    model.signatureDefs = [signature]
    builder = flatbuffers.Builder()
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def _float_tensor(name: str, shape: list[int]) -> schema.TensorT:
    tensor = schema.TensorT()
    tensor.name, tensor.shape, tensor.type = name, shape, schema.TensorType.FLOAT32
    return tensor


def _argument(name: str, index: int) -> schema.TensorMapT:
    argument = schema.TensorMapT()
    argument.name, argument.tensorIndex = name, index
    return argument
