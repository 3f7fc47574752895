"""A MoViNet streaming network's inputs and outputs at each step, read from its signature."""

from __future__ import annotations

import math
from dataclasses import dataclass

from edgevid.errors import ModelError
from edgevid.modelfile.flatbuffer import Graph, SignatureDef, Tensor

IMAGE = "image"
ALPHA = "alpha"
LOGITS = "logits"
FEATURES = "features"

_BYTES = ("uint8", "int8")
_IMAGE_DTYPES = ("float32", *_BYTES)
_MAX_VALUES = 40_000_000  # of all that goes in and comes out; MoViNet-A2 has under 2 million
_PIXEL_SCALE = 1 / 255  # an integer image holds the pixels themselves: 0..255 stand for 0..1


@dataclass(frozen=True, slots=True)
class State:
    """What one step hands to the next: read from ``output``, written to ``input``."""

    name: str
    input: Tensor
    output: Tensor

    @property
    def is_running_mean(self) -> bool:
        """Whether this is a mean over frames, rather than frames: told by its published name."""
        return self.name.endswith("pool_buffer")

    @property
    def initial(self) -> int:
        """The value that stands for 0.0, with which a stream starts."""
        return self.input.zero_point[0] if self.input.zero_point else 0


@dataclass(frozen=True, slots=True)
class Signature:
    """The tensors by which a streaming network is driven.

    Attributes:
        image: one RGB picture, ``[1, height, width, 3]`` or ``[1, 1, height, width, 3]``;
            float32 0..1, uint8, or int8 (uint8 less 128).
        states: what is carried from step to step, in an order in which they can be copied one
            after the other: none overwrites a tensor that a later one still reads.
        idle: states that come out as they went in. Published files have many; they are set once
            and never copied.
        logits: ``[1, classes]``; None where the network ends at its features. float32, or int8 or
            uint8 in a file that has to be prepared: see ``check_steps``.
        features: what the network knows of the newest frame before its classifier, float32
            ``[1, ..., 1, features]``; None where it does not give them.
        alpha: float32 ``[1]``, the weight of the newest frame in every running mean; None
            where the network averages over everything it ever saw.
    """

    image: Tensor
    states: tuple[State, ...]
    idle: tuple[State, ...]
    logits: Tensor | None
    features: Tensor | None
    alpha: Tensor | None

    @property
    def height(self) -> int:
        """The input's height in pixels."""
        return self.image.shape[-3]

    @property
    def width(self) -> int:
        """The input's width in pixels."""
        return self.image.shape[-2]

    @property
    def classes(self) -> int:
        """How many logits there are; 0 where the network ends at its features."""
        return self.logits.shape[-1] if self.logits is not None else 0

    @property
    def result(self) -> Tensor:
        """What a step is for: the logits, or the features of a network that ends there."""
        result = self.logits or self.features
        assert result is not None
        return result


def of(graph: Graph) -> Signature:
    """Finds the interface of a streaming network.

    Raises:
        ModelError: this is not a streaming MoViNet, or its states do not pair.
    """
    signature = _signature(graph)
    inputs = {name: graph.tensors[index] for name, index in signature.inputs.items()}
    outputs = {name: graph.tensors[index] for name, index in signature.outputs.items()}
    for tensor in (*inputs.values(), *outputs.values()):
        if -1 in tensor.shape:
            raise ModelError(
                f"the model leaves the size of {tensor.name!r} open ({list(tensor.shape)}): "
                "export it for one frame a step at a fixed size"
            )
    _check_sizes([*inputs.values(), *outputs.values()])
    image = _image(inputs.pop(IMAGE, None))
    alpha = inputs.pop(ALPHA, None)
    if alpha is not None and (alpha.dtype, alpha.shape) != ("float32", (1,)):
        raise ModelError(f"the model's {ALPHA} is {_kind(alpha)}, not float32 [1]")
    features = _features(outputs.pop(FEATURES, None))
    logits = _logits(outputs.pop(LOGITS, None), features)
    states = _states(inputs, outputs)
    idle = tuple(state for state in states if state.input is state.output)
    moving = _hazard_free([state for state in states if state.input is not state.output])
    return Signature(image, moving, idle, logits, features, alpha)


def check_steps(network: Signature) -> None:
    """Makes sure that a network can be stepped as it is.

    One that was exported with integers at its interface may not: its logits are float32 and its
    states keep their scale only when it was prepared.

    Raises:
        ModelError: it cannot.
    """
    if network.logits is not None and network.logits.dtype != "float32":
        raise ModelError(
            f"the model's {LOGITS} are {_kind(network.logits)}, float32 only when it is prepared"
        )
    for state in network.states:
        given, taken = state.output, state.input
        if (given.scale, given.zero_point) != (taken.scale, taken.zero_point):
            raise ModelError(
                f"state {state.name!r} comes out on another scale than it goes in, and on the same "
                "only when the model is prepared"
            )


def _check_sizes(tensors: list[Tensor]) -> None:
    for tensor in tensors:
        if 0 in tensor.shape:
            raise ModelError(f"the model's {tensor.name!a:.80} is empty: {list(tensor.shape)}")
    if sum(math.prod(tensor.shape) for tensor in tensors) > _MAX_VALUES:
        raise ModelError("the model carries more from step to step than any MoViNet")


def _signature(graph: Graph) -> SignatureDef:
    if not graph.signatures:
        raise ModelError("not a MoViNet stream: the model has no signature that names its tensors")
    if len(graph.signatures) == 1:
        return graph.signatures[0]
    for signature in graph.signatures:
        if signature.key == "serving_default":
            return signature
    keys = ", ".join(signature.key for signature in graph.signatures)
    raise ModelError(f"the model has several signatures ({keys}), none called serving_default")


def _image(image: Tensor | None) -> Tensor:
    if image is None:
        raise ModelError(f"not a MoViNet stream: it has no input {IMAGE!r}")
    frames = image.shape[:-3]
    if len(image.shape) not in (4, 5) or image.shape[-1] != 3 or any(n != 1 for n in frames):
        raise ModelError(
            f"not a MoViNet stream: {IMAGE!r} is {list(image.shape)}, "
            "not one RGB picture [1, height, width, 3]"
        )
    if image.dtype not in _IMAGE_DTYPES:
        raise ModelError(f"the model's {IMAGE} is {image.dtype}, not {' or '.join(_IMAGE_DTYPES)}")
    if image.dtype != "float32":
        zero_point = 0 if image.dtype == "uint8" else -128
        if image.zero_point != (zero_point,) or abs(image.scale[0] / _PIXEL_SCALE - 1) > 0.01:
            raise ModelError(
                f"the model's {IMAGE} is quantised by {image.scale} and {image.zero_point}: "
                f"for {image.dtype} pixels 1/255 and {zero_point} are expected"
            )
    return image


def _features(features: Tensor | None) -> Tensor | None:
    if features is not None and (
        features.dtype != "float32" or math.prod(features.shape) != (*features.shape, 0)[-2]
    ):
        raise ModelError(f"the model's {FEATURES} are {_kind(features)}, not float32 [1, features]")
    return features


def _logits(logits: Tensor | None, features: Tensor | None) -> Tensor | None:
    if logits is None and features is not None:
        return None
    if (
        logits is None
        or not (logits.dtype == "float32" or (logits.dtype in _BYTES and len(logits.scale) == 1))
        or len(logits.shape) != 2
        or logits.shape[0] != 1
    ):
        found = "none" if logits is None else _kind(logits)
        raise ModelError(f"not a MoViNet stream: it needs {LOGITS!r} [1, classes], found {found}")
    return logits


def _states(inputs: dict[str, Tensor], outputs: dict[str, Tensor]) -> list[State]:
    unpaired = sorted(inputs.keys() ^ outputs.keys())
    if unpaired:
        shown = ", ".join(unpaired[:3]) + (" ..." if len(unpaired) > 3 else "")
        raise ModelError(f"the model's states do not pair: {shown} only goes in or only comes out")
    if not inputs:
        raise ModelError("not a MoViNet stream: it carries no state from frame to frame")
    states = [State(name, inputs[name], outputs[name]) for name in inputs]
    for state in states:
        given, taken = state.output, state.input
        if (given.dtype, given.shape) != (taken.dtype, taken.shape):
            raise ModelError(
                f"state {state.name!r} goes in as {_kind(taken)} but comes out as {_kind(given)}"
            )
    return states


def _hazard_free(states: list[State]) -> tuple[State, ...]:
    """Orders the copies so that a tensor is read before it is overwritten.

    An output may be another state's input: a buffer of past frames that moves up by one.
    """
    waiting = {state.input.index: state for state in states}
    ordered: list[State] = []
    while waiting:
        read = {state.output.index for state in waiting.values()}
        free = [index for index in waiting if index not in read]
        if not free:
            names = ", ".join(sorted(state.name for state in waiting.values()))
            raise ModelError(f"these states swap places, which edgevid cannot follow: {names}")
        ordered += [waiting.pop(index) for index in free]
    return tuple(ordered)


def _kind(tensor: Tensor) -> str:
    return f"{tensor.dtype} {list(tensor.shape)}"
