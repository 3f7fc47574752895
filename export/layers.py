"""Where in the network an int8 file goes astray: layer by layer against the float file."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgevid import interface, manifest, tflite
from edgevid.prepare.graph import Graph
from export.predict import Pictures

_CONVOLUTIONS = ("CONV_2D", "DEPTHWISE_CONV_2D")


def worst(
    reference: bytes, other: bytes, clip: Pictures, *, memory: float, count: int = 5
) -> list[tuple[str, float]]:
    """Finds the layers whose results differ most.

    Args:
        reference: a float file of ``convert.export``.
        other: the int8 file of the same network.
        clip: what to run through both.
        memory: of the running means, in frames.
        count: how many layers to name.

    Returns:
        Layers and their errors, worst first: the root of the mean squared difference over that
        of the reference, over all frames.
    """
    ours, theirs = (_layers(data, clip, memory) for data in (reference, other))
    errors = {}
    for name in ours.keys() & theirs.keys():
        if ours[name].size == theirs[name].size:
            difference = ours[name].ravel() - theirs[name].ravel()
            scale = np.sqrt(np.mean(ours[name] ** 2)) + 1e-12
            errors[name] = float(np.sqrt(np.mean(difference**2)) / scale)
    return sorted(errors.items(), key=lambda item: -item[1])[:count]


def _layers(data: bytes, clip: Pictures, memory: float) -> dict[str, NDArray[np.float32]]:
    """Every convolution's results by layer, float, ``[frames, ...]``."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    flatbuffer, _ = manifest.split(data)
    network = interface.of(tflite.read(flatbuffer))
    graph = Graph(flatbuffer)
    places = {_layer(graph.name(op.outputs[0])): op.outputs[0] for op in graph.find(*_CONVOLUTIONS)}
    runtime = Interpreter(
        model_content=flatbuffer,
        experimental_preserve_all_tensors=True,
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    runtime.allocate_tensors()
    for state in network.states:
        runtime.tensor(state.input.index)().fill(state.initial)
    results: dict[str, list[Any]] = {name: [] for name in places}
    for count, picture in enumerate(clip, start=1):
        image = runtime.tensor(network.image.index)()
        image[...] = _pixels(picture, image)
        del image
        if network.alpha is not None:
            runtime.tensor(network.alpha.index)()[0] = 1 / min(count, memory)
        runtime.invoke()
        for name, place in places.items():
            values = runtime.get_tensor(place).astype(np.float32)
            quantization = graph.quantization(place)
            if quantization is not None:
                values = (values - quantization[1]) * np.float32(quantization[0])
            results[name].append(values)
        for state in network.states:
            runtime.tensor(state.input.index)()[...] = runtime.tensor(state.output.index)()
    return {name: np.stack(values) for name, values in results.items()}


def _pixels(picture: NDArray[np.uint8], image: NDArray[Any]) -> NDArray[Any]:
    picture = picture.reshape(image.shape)
    if image.dtype == np.int8:
        return (picture ^ 0x80).view(np.int8)
    return picture if image.dtype == np.uint8 else picture / np.float32(255)


def _layer(name: str) -> str:
    """``block0_layer0/bneck/expansion`` from a tensor that carries it and what was folded in."""
    parts = name.split(";")[0].removeprefix("movinet/").split("/")
    kept = [part for part in parts if part.startswith("conv2d")]
    return "/".join(parts[: parts.index(kept[0]) + 1]) if kept else name
