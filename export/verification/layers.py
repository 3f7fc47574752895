"""Compares an int8 file with the float network layer by layer, over a real stream.

The network is converted once more, in float, and both files step through the same clip, each with
its own states. What a layer gives in one is what it gives in the other but for rounding; the
layers that add most to the error are the ones to look at.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from numpy.typing import NDArray

from edgevid.modelfile import flatbuffer, manifest, signature
from edgevid.prepare import prepare
from edgevid.prepare.graph import Graph
from export.conversion.tflite_converter import convert, step_function
from export.data.frames import Pictures
from export.model.network import Network, alphas

_STAGES = r"stem|block\d+_layer\d+|head|classifier_head"
_QUANTIZED = "/float"  # what preparation adds to the name of a tensor that it turns back to float
_NOISE = 1e-12  # of a channel that is always 0


@dataclass(frozen=True)
class LayerError:
    """What one layer loses.

    Attributes:
        layer: its name in the network: the stem, a block's layer, a head.
        error: of its output as a share of the output (root mean squares), averaged over its
            channels: a few large ones must not hide that all others are lost. Their scale does
            not count, for preparation moves factors from layer to layer.
        added: how much of that the layer before it did not have.
    """

    layer: str
    error: float
    added: float


def worst_layers(
    reference: bytes, other: bytes, clip: Pictures, *, memory: float, count: int = 5
) -> list[LayerError]:
    """Compares what flows between the layers of two files.

    Args:
        reference: the network as a float file.
        other: the same network as an int8 file, prepared for the same target.
        clip: pictures to step through.
        memory: of the running means, in frames.
        count: how many layers to return at most.

    Returns:
        The layers that add most to the error, the worst first.
    """
    runs = [_Run(data) for data in (reference, other)]
    pairs = {name: (place, runs[1].places[name]) for name, place in runs[0].places.items()
             if name in runs[1].places}  # fmt: skip
    products: dict[str, Any] = dict.fromkeys(pairs, np.zeros((3, 1)))
    for picture, alpha in zip(clip, alphas(len(clip), memory), strict=True):
        for run in runs:
            run.step(picture, float(alpha))
        for name, places in pairs.items():
            a, b = (run.values(place) for run, place in zip(runs, places, strict=True))
            if a.shape == b.shape:
                space = tuple(range(a.ndim - 1))
                products[name] = products[name] + np.stack(
                    [(a * a).sum(space), (b * b).sum(space), (a * b).sum(space)]
                )
    errors = {places[1]: _error(products[name]) for name, places in pairs.items()}
    return _by_stage(runs[1].graph, errors)[:count]


def _error(products: NDArray[np.float64]) -> float:
    """Of the sums ``a * a``, ``b * b`` and ``a * b``, each ``[channels]``, of exact and rounded."""
    exact, rounded, both = products
    alive = exact > _NOISE
    shared = both[alive] ** 2 / (exact[alive] * np.maximum(rounded[alive], _NOISE))
    return float(np.sqrt(np.clip(1 - shared, 0, 1)).mean()) if alive.any() else 0.0


def _by_stage(graph: Graph, errors: dict[int, float]) -> list[LayerError]:
    """Errors of tensors, as errors of the stages that end in them, the worst first."""
    ends: dict[str, float] = {}
    for op in graph.ops:
        stage = graph.name(op.outputs[0]).removeprefix("movinet/").split("/")[0]
        if op.outputs[0] in errors and re.fullmatch(_STAGES, stage):
            ends.pop(stage, None)  # in the order in which they end
            ends[stage] = errors[op.outputs[0]]
    before = [0.0, *ends.values()]
    found = [
        LayerError(stage, error, error - old)
        for (stage, error), old in zip(ends.items(), before, strict=False)
    ]
    return sorted(found, key=lambda layer: -layer.added)


class _Run:
    """One file, stepped without XNNPACK, so that every tensor can be read."""

    def __init__(self, data: bytes) -> None:
        content, _ = manifest.split(data)
        self.graph = Graph(content)
        self._signature = signature.of(flatbuffer.read(content))
        self._interpreter = Interpreter(
            model_content=content,
            experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
            experimental_preserve_all_tensors=True,
        )
        self._interpreter.allocate_tensors()
        self._scales: dict[int, Any] = {
            detail["index"]: detail["quantization"]
            for detail in self._interpreter.get_tensor_details()
        }
        states = self._signature.states
        self._states: dict[int, NDArray[Any]] = {
            state.input.index: np.full_like(self._tensor(state.input.index), state.initial)
            for state in states
        }
        self.places = {
            self.graph.name(op.outputs[0]).removesuffix(_QUANTIZED): op.outputs[0]
            for op in self.graph.ops
            if self.graph.dtype(op.outputs[0]) in (np.float32, np.int8)
        }

    def step(self, picture: NDArray[np.uint8], alpha: float) -> None:
        """Takes one picture."""
        image = self._signature.image
        floats = image.dtype == "float32"
        pixels = picture / np.float32(255) if floats else (picture ^ 0x80).view(np.int8)
        self._interpreter.set_tensor(image.index, pixels.reshape(image.shape))
        if self._signature.alpha is not None:
            self._interpreter.set_tensor(self._signature.alpha.index, np.array([alpha], np.float32))
        for index, values in self._states.items():
            self._interpreter.set_tensor(index, values)
        self._interpreter.invoke()
        for state in self._signature.states:
            self._states[state.input.index] = self._tensor(state.output.index)

    def values(self, index: int) -> NDArray[np.float32]:
        """A tensor of the last step, as real numbers."""
        values = self._tensor(index)
        if values.dtype == np.float32:
            return values
        scale, zero_point = self._scales[index]
        return (values.astype(np.float32) - zero_point) * np.float32(scale)

    def _tensor(self, index: int) -> NDArray[Any]:
        return np.asarray(self._interpreter.get_tensor(index))


def float_file(network: Network, size: int, target: str | None) -> bytes:
    """The network as a float file for ``worst_layers``.

    Args:
        network: the network.
        size: height and width of the input in pixels.
        target: what the other file was prepared for.
    """
    labels = [str(number) for number in range(network.architecture.classes)]
    exported = convert(network, step_function(network, size), "float32")
    return prepare(exported, name="float", labels=labels, target=target).data
