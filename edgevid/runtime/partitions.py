"""The number of pieces in which a runtime runs a network: each border between them costs time."""

from __future__ import annotations

from ai_edge_litert.interpreter import Interpreter

from edgevid.modelfile import flatbuffer, manifest, signature


def partitions(data: bytes) -> int:
    """Returns in how many stretches XNNPACK runs a network; 0 when not at all or not the end.

    Args:
        data: the content of a ``.tflite`` file, with a manifest or without.

    Raises:
        ModelError: it is damaged, or no MoViNet stream.
    """
    network, _ = manifest.split(data)
    interpreter = Interpreter(model_content=network, num_threads=1)
    interpreter.allocate_tensors()
    delegated = [op for op in interpreter._get_ops_details() if op["op_name"] == "DELEGATE"]
    result = signature.of(flatbuffer.read(network)).result.index
    return len(delegated) if any(result in op["outputs"] for op in delegated) else 0
