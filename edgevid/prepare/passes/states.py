"""The passes for the inputs and outputs of each step: the states and the image."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edgevid.prepare.graph import Graph, Quantization

_PIXELS: Quantization = (1 / 255, -128)  # int8 x stands for (x + 128) / 255, as uint8 x + 128 does

_MAX_FRAMES = 16  # of a stream buffer; the published networks have 2 to 4


def drop_idle_states(graph: Graph) -> str:
    """Drops states that come out as they went in and that nothing reads.

    Published files carry the states of layers that they do not have.
    """
    idle = [
        name
        for name in graph.states
        if graph.outputs[name] == graph.inputs[name] and not graph.consumers(graph.inputs[name])
    ]
    for name in idle:
        del graph.inputs[name], graph.outputs[name]
    return f"{len(idle)} states that nothing reads" if idle else ""


def quantize_states(graph: Graph) -> str:
    """Carries states as int8 where the network quantises them on entry.

    A stream buffer is then a quarter of the size, and is no longer converted twice a step. The
    state goes out on the scale on which it comes in: if the graph has two, it is requantised.
    """
    changed = rescaled = 0
    for name in graph.states:
        state, out = graph.inputs[name], graph.outputs[name]
        inside, result = _quantized_entry(graph, state), _quantized_exit(graph, out)
        if graph.dtype(state) == graph.dtype(out) == np.int8:  # as it was exported
            inside, result = state, out
        if inside is None or result is None or graph.quantization(result) is None:
            continue
        if graph.quantization(result) != graph.quantization(inside):
            result = graph.quantize(result, like=inside)
            rescaled += inside == state
        graph.outputs[name] = result
        if inside != state:
            _enter_at(graph, name, inside)
            changed += 1
    parts = [
        f"{count} states {what}"
        for count, what in ((changed, "to int8"), (rescaled, "to the scale on which they come in"))
        if count
    ]
    return ", ".join(parts)


def quantize_image(graph: Graph) -> str:
    """Takes the image as int8 pixels where the network quantises it, or turns it from uint8."""
    image = graph.inputs["image"]
    inside = _quantized_entry(graph, image)
    if inside is None:
        return ""
    scale, zero_point = graph.quantization(inside) or (0.0, 0)
    if abs(scale / _PIXELS[0] - 1) < 1e-4 and zero_point == _PIXELS[1]:
        _enter_at(graph, "image", inside)
        return "image to int8"
    pixels = graph.add_tensor("image", graph.shape(image), np.int8, quantization=_PIXELS)
    requantized = graph.add(
        "QUANTIZE", [pixels], graph.shape(image), np.int8,
        name="image/requantized", quantization=(scale, zero_point),
    )  # fmt: skip
    for op in graph.consumers(image):
        graph.replace(op.outputs[0], requantized)
    graph.inputs["image"] = pixels
    return f"image to int8, requantised to the network's scale of {scale:.4g}"


def split_frames(graph: Graph) -> str:
    """Carries each past frame of a stream buffer as a state of its own.

    ``NAME/0`` is the oldest. At the next step ``NAME/1`` takes its place and so on, so what comes
    out is either what came in one place on, or the newest frame: nothing is sliced.
    """
    return _split(graph, graph.states)


def split_float_frames(graph: Graph) -> str:
    """Does as ``split_frames`` where the frames are float32, four times as many bytes as int8."""
    inputs = graph.inputs
    return _split(graph, [s for s in graph.states if graph.dtype(inputs[s]) == np.float32])


def _split(graph: Graph, names: Sequence[str]) -> str:
    changed = 0
    for name in names:
        state, out = graph.inputs[name], graph.outputs[name]
        joined = graph.only_consumer(state, "CONCATENATION")
        sliced = graph.producer(out, "STRIDED_SLICE")
        if joined is None or sliced is None or sliced.inputs[0] != joined.outputs[0]:
            continue
        if joined.inputs[0] != state or len(joined.inputs) != 2 or joined.builtinOptions.axis != 1:
            continue
        newest = joined.inputs[1]
        shape = graph.shape(newest)
        begin = graph.constant(sliced.inputs[1])
        if len(shape) != 4 or begin is None or list(begin) != [0, shape[1], 0, 0]:
            continue
        past = graph.shape(state)[1] // max(shape[1], 1)
        if not 0 < past <= _MAX_FRAMES or graph.shape(state) != [1, past * shape[1], *shape[2:]]:
            continue
        frames = []
        for age in range(past):
            frames.append(graph.copy_tensor(state))
            graph.tensors[frames[-1]].shape = shape
            graph.tensors[frames[-1]].name = f"{name}/{age}".encode()
        joined.inputs = [*frames, newest]
        del graph.inputs[name], graph.outputs[name]
        for age, (goes_in, comes_out) in enumerate(zip(frames, [*frames[1:], newest], strict=True)):
            graph.inputs[f"{name}/{age}"] = goes_in
            graph.outputs[f"{name}/{age}"] = comes_out
        changed += 1
    return f"{changed} stream buffers to single frames" if changed else ""


def separate_results(graph: Graph) -> str:
    """Gives each result that is another state's argument a tensor of its own.

    In a browser LiteRT gives a tensor one memory: what goes in there is lost where it also comes
    out. So past frames that only move up are copied.
    """
    arguments = {tensor: name for name, tensor in graph.inputs.items()}
    copied = [
        name
        for name, tensor in graph.outputs.items()
        if tensor in arguments and arguments[tensor] != name
    ]
    for name in copied:
        tensor = graph.outputs[name]
        shape = graph.shape(tensor)
        sizes = graph.add_tensor("shape", [len(shape)], np.int32, values=np.array(shape, np.int32))
        graph.outputs[name] = graph.add(
            "RESHAPE", [tensor, sizes], shape, graph.dtype(tensor),
            name=f"{name}/copy", quantization=graph.quantization(tensor), newShape=shape,
        )  # fmt: skip
    return f"{len(copied)} results that are arguments" if copied else ""


def _quantized_entry(graph: Graph, tensor: int) -> int | None:
    """Returns the int8 form of a float32 or uint8 input that is read in no other way."""
    readers = graph.consumers(tensor)
    if graph.dtype(tensor) not in (np.float32, np.uint8) or not readers:
        return None
    forms = [op.outputs[0] for op in readers if graph.kind(op) == "QUANTIZE"]
    quantizations = {graph.quantization(form) for form in forms}
    if len(forms) != len(readers) or len(quantizations) != 1 or None in quantizations:
        return None
    return int(forms[0]) if all(graph.dtype(form) == np.int8 for form in forms) else None


def _quantized_exit(graph: Graph, tensor: int) -> int | None:
    """Returns the int8 form of a float32 or uint8 output."""
    leave = graph.producer(tensor, "DEQUANTIZE", "QUANTIZE")
    if leave is None or graph.dtype(leave.inputs[0]) != np.int8:
        return None
    return int(leave.inputs[0])


def _enter_at(graph: Graph, name: str, inside: int) -> None:
    """Makes the int8 form of an input the input itself."""
    for op in graph.consumers(graph.inputs[name]):
        graph.replace(op.outputs[0], inside)
    for op in graph.ops:
        if inside in op.outputs:
            graph.ops.remove(op)
            break
    graph.inputs[name] = inside
