"""The pass that puts channels last where PyTorch's converter left them before the picture.

TFLite's convolutions have channels last, and PyTorch's come first: its converter turns a picture
after one operator and back before the next, and past frames in both directions at every step.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from edgevid.prepare.graph import Graph

_MASK = 0b11101  # of a slice that begins and ends somewhere on the axis of time alone


def channels_last(graph: Graph) -> str:
    """Keeps past frames, and what is only turned there and back, with channels last.

    The states become ``[1, frames, height, width, channels]``, as in files of the Model Garden. Not
    a bit of the result changes, but for the order in which a picture is summed.
    """
    states = sum(_turn_state(graph, name) for name in graph.states)
    others = sum(_turn_back(graph, op) or _turn_mean(graph, op) for op in graph.find("TRANSPOSE"))
    graph.prune()
    parts = [
        f"{count} {what}"
        for count, what in ((states, "stream buffers"), (others, "other turns"))
        if count
    ]
    return f"{' and '.join(parts)} to channels last" if parts else ""


def _turn_state(graph: Graph, name: str) -> bool:
    """Keeps the frames of ``cat([state, frame], 2)`` as they come out of a convolution."""
    state = graph.inputs[name]
    joined = graph.only_consumer(state, "CONCATENATION")
    sliced = graph.producer(graph.outputs[name], "SLICE")
    if joined is None or sliced is None or sliced.inputs[0] != joined.outputs[0]:
        return False
    if len(joined.inputs) != 2 or joined.inputs[0] != state or joined.builtinOptions.axis != 2:
        return False
    if len(graph.shape(state)) != 5 or joined.builtinOptions.fusedActivationFunction:
        return False
    _, channels, past, height, width = graph.shape(state)
    frame = graph.producer(joined.inputs[1], "RESHAPE")
    turned = graph.producer(frame.inputs[0], "TRANSPOSE") if frame is not None else None
    if turned is None or not _to_first(graph, turned):
        return False
    picture = turned.inputs[0]
    begin = graph.constant(sliced.inputs[1])
    if graph.shape(picture) != [1, height, width, channels] or begin is None:
        return False
    if list(begin) != [0, 0, 1, 0, 0] or graph.shape(sliced.outputs[0]) != graph.shape(state):
        return False
    row = [1, past + 1, height * width, channels]
    backs = []
    for op in graph.consumers(joined.outputs[0]):
        if op is sliced:
            continue
        back = graph.only_consumer(op.outputs[0], "TRANSPOSE")
        if graph.kind(op) != "RESHAPE" or back is None or not _to_last(graph, back):
            return False
        if _shape_of(graph, back) != row:
            return False
        backs.append(back)
    newest = _reshape(graph, picture, [1, 1, height, width, channels])
    before = graph.add_tensor(name, [1, past, height, width, channels], graph.dtype(state))
    frames = graph.add(
        "CONCATENATION", [before, newest], [1, past + 1, height, width, channels],
        graph.dtype(state), name=f"{name}/joined", axis=1,
    )  # fmt: skip
    bounds = [
        graph.add_tensor("slice", [5], np.int32, values=np.array(values, np.int32))
        for values in ([0, 1, 0, 0, 0], [0] * 5, [1] * 5)
    ]
    graph.outputs[name] = graph.add(
        "STRIDED_SLICE", [frames, *bounds], graph.shape(before), graph.dtype(state),
        name=f"{name}/kept", beginMask=_MASK, endMask=_MASK | 2,
        ellipsisMask=0, newAxisMask=0, shrinkAxisMask=0,
    )  # fmt: skip
    for back in backs:
        graph.replace(back.outputs[0], _reshape(graph, frames, row))
    graph.inputs[name] = before
    graph.prune()
    return True


def _turn_back(graph: Graph, back: Any) -> bool:
    """Makes one RESHAPE of a turn, a RESHAPE that leaves the channels alone, and the turn back."""
    if not _to_last(graph, back):
        return False
    source = back.inputs[0]
    shaped = graph.producer(source, "RESHAPE")
    if shaped is not None and graph.shape(shaped.inputs[0])[:2] == graph.shape(source)[:2]:
        source = shaped.inputs[0]
    turned = graph.producer(source, "TRANSPOSE")
    if turned is None or not _to_first(graph, turned):
        return False
    shape = _shape_of(graph, back)
    graph.replace(back.outputs[0], _reshape(graph, turned.inputs[0], shape))
    return True


def _turn_mean(graph: Graph, turned: Any) -> bool:
    """Takes the mean of a picture before it is turned, not after."""
    mean = graph.only_consumer(turned.outputs[0], "MEAN")
    if mean is None or not _to_first(graph, turned) or not mean.builtinOptions.keepDims:
        return False
    axes, shape = graph.constant(mean.inputs[1]), _shape_of(graph, mean)
    if axes is None or sorted(axes.ravel()) != [2, 3] or len(shape) != 4:
        return False
    plane = graph.add_tensor("plane", [2], np.int32, values=np.array([1, 2], np.int32))
    picture = turned.inputs[0]
    taken = graph.add(
        "MEAN", [picture, plane], [1, 1, 1, shape[1]], graph.dtype(picture),
        name=graph.name(mean.outputs[0]), keepDims=True,
    )  # fmt: skip
    graph.replace(mean.outputs[0], _reshape(graph, taken, shape))
    return True


def _to_first(graph: Graph, op: Any) -> bool:
    """Whether a TRANSPOSE of one float32 picture moves its last axis to the second place."""
    return _moves(graph, op, lambda rank: [0, rank - 1, *range(1, rank - 1)])


def _to_last(graph: Graph, op: Any) -> bool:
    """Whether a TRANSPOSE of one float32 picture moves its second axis to the last place."""
    return _moves(graph, op, lambda rank: [0, *range(2, rank), 1])


def _moves(graph: Graph, op: Any, order: Any) -> bool:
    axes, shape = graph.constant(op.inputs[1]), graph.shape(op.inputs[0])
    if axes is None or shape[0] != 1 or graph.dtype(op.inputs[0]) != np.float32:
        return False
    return bool([int(axis) for axis in axes.ravel()] == order(len(shape)))


def _shape_of(graph: Graph, op: Any) -> list[int]:
    return graph.shape(op.outputs[0])


def _reshape(graph: Graph, tensor: int, shape: list[int]) -> int:
    if graph.shape(tensor) == shape:
        return tensor
    sizes = graph.add_tensor("shape", [len(shape)], np.int32, values=np.array(shape, np.int32))
    return graph.add(
        "RESHAPE", [tensor, sizes], shape, graph.dtype(tensor),
        name=graph.name(tensor) + "/shaped", newShape=shape,
    )  # fmt: skip
