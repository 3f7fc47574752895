"""Runs a streaming network step by step, without the rest of edgevid."""

from __future__ import annotations

import math

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from edgevid.modelfile import flatbuffer, manifest, signature


def logits_of(
    data: bytes, pictures: NDArray[np.uint8], *, memory: float = math.inf
) -> NDArray[np.float32]:
    """Returns the logits after each picture: ``[pictures, classes]``."""
    return _run(data, pictures, memory, None)


def states_of(
    data: bytes, pictures: NDArray[np.uint8], name: str, *, memory: float
) -> NDArray[np.float32]:
    """Returns a state after each picture: ``[pictures, values]``."""
    return _run(data, pictures, memory, name)


def _run(
    data: bytes, pictures: NDArray[np.uint8], memory: float, name: str | None
) -> NDArray[np.float32]:
    content, _ = manifest.split(data)
    network = signature.of(flatbuffer.read(content))
    interpreter = Interpreter(model_content=content, num_threads=1)
    interpreter.allocate_tensors()
    tensor = interpreter.tensor
    for state in (*network.states, *network.idle):
        tensor(state.input.index)().fill(state.initial)
    outputs = {state.name: state.output.index for state in network.states}
    watched = network.result.index if name is None else outputs[name]
    rows = []
    for number, picture in enumerate(pictures, start=1):
        image = picture[np.newaxis]
        if network.image.dtype == "float32":
            values = image.astype(np.float32) / 255
        else:
            values = (image ^ 0x80).view(np.int8)
        tensor(network.image.index)()[:] = values.reshape(network.image.shape)
        if network.alpha is not None:
            tensor(network.alpha.index)()[0] = 1 / min(number, max(memory, 1))
        interpreter.invoke()
        rows.append(tensor(watched)().reshape(-1).copy())
        for state in network.states:
            np.copyto(tensor(state.input.index)(), tensor(state.output.index)())
    return np.array(rows)
