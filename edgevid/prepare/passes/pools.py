"""The pass that bounds a network's memory: running sums become float running means.

A causal pool of the Model Garden (``GlobalAveragePool3D``) adds each frame's spatial mean to a
sum that it carries as a state, and divides by a count of frames that it carries as another. It
never forgets: the longer it runs, the less a new frame weighs. Inside an int8 graph the sum is
int8 as well, so that in a long stream small channels stop moving altogether.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from edgevid.modelfile.signature import ALPHA
from edgevid.prepare.graph import Graph

_INT8_STEP = 1 / 255  # what rounding to int8 may have made of a constant, as a share of it


@dataclass(frozen=True, slots=True)
class CausalPool:
    """One causal pool as the converter wrote it.

    Attributes:
        frame: tensor, the newest frame's spatial mean.
        mean: tensor, the mean over all frames: the pool's result.
        sum_state: name of the state that holds the sum.
        count_state: name of the state that holds the count.
    """

    frame: int
    mean: int
    sum_state: str
    count_state: str


def bound_memory(graph: Graph) -> str:
    """Turns every causal pool into ``mean += alpha * (frame - mean)``, in float32.

    ``alpha`` becomes an input, float32 ``[1]``. ``alpha = 1 / n`` at the n-th frame gives the
    mean over all frames, exactly what the network computed before; ``1 / min(n, N)`` forgets
    with a memory of N frames; 1 forgets at once. The sum's state then holds the mean, and the
    count's state is gone.
    """
    pools = [pool for op in graph.find("DIV") if (pool := _match(graph, op))]
    if not pools:
        return ""
    alpha = graph.add_tensor(ALPHA, [1])
    graph.inputs = {"image": graph.inputs.pop("image"), ALPHA: alpha, **graph.inputs}
    for pool in pools:
        _rewrite(graph, pool, alpha)
    graph.prune()
    left = sum(graph.dtype(graph.inputs[name]) == np.int32 for name in graph.states)
    unknown = f"; {left} counts of frames are used in ways not known here" if left else ""
    what = "pool to a float32 running mean" if len(pools) == 1 else "pools to float32 running means"
    return f"{len(pools)} causal {what}{unknown}"


def _match(graph: Graph, division: Any) -> CausalPool | None:
    count_state = _counted(graph, division.inputs[1])
    total = _through(graph, division.inputs[0], "DEQUANTIZE", "QUANTIZE", "RESHAPE")
    addition = graph.producer(total, "ADD")
    if count_state is None or addition is None or _activation(addition) or _activation(division):
        return None
    if graph.dtype(division.outputs[0]) not in (np.float32, np.int8):
        return None
    for frame, carried in (addition.inputs, addition.inputs[::-1]):
        entry = _through(graph, carried, "QUANTIZE", "RESHAPE")
        for name in graph.states:
            if graph.inputs[name] != entry:
                continue
            result = graph.outputs[name]
            leaves = _through(graph, result, "DEQUANTIZE", "QUANTIZE", "RESHAPE", "STRIDED_SLICE")
            # Nothing else may look at the sum: it is going to hold another quantity.
            if leaves == total and len(graph.consumers(entry)) == 1:
                return CausalPool(frame, division.outputs[0], name, count_state)
    return None


def _counted(graph: Graph, divisor: int) -> str | None:
    """Returns the state whose value plus one is this divisor."""
    counted = _through(graph, divisor, "CAST", "RESHAPE", "QUANTIZE", "DEQUANTIZE")
    addition = graph.producer(counted, "ADD")
    if addition is None or graph.dtype(counted) != np.int32 or _activation(addition):
        return None
    for carried, step in (addition.inputs, addition.inputs[::-1]):
        values = graph.constant(step)
        if values is None or values.size != 1 or values.item() != 1:
            continue
        for name in graph.states:
            if graph.inputs[name] == carried and graph.outputs[name] == counted:
                return name
    return None


def _rewrite(graph: Graph, pool: CausalPool, alpha: int) -> None:
    shape = graph.shape(pool.mean)
    name = pool.sum_state
    state = graph.add_tensor(name, shape)
    frame = _float_frame(graph, pool.frame)
    news = graph.add("SUB", [frame, state], shape, name=name + "/news")
    step = graph.add("MUL", [news, alpha], shape, name=name + "/step")
    mean = graph.add("ADD", [state, step], shape, name=name + "/mean")
    if graph.dtype(pool.mean) == np.float32:
        graph.replace(pool.mean, mean)
    else:
        graph.replace(pool.mean, graph.quantize(mean, like=pool.mean))
    graph.inputs[name] = state
    graph.outputs[name] = mean
    # Something else may count frames with the same state, and goes on doing so.
    counted = graph.outputs.pop(pool.count_state)
    graph.prune()
    if graph.consumers(graph.inputs[pool.count_state]):
        graph.outputs[pool.count_state] = counted
    else:
        del graph.inputs[pool.count_state]


def _float_frame(graph: Graph, frame: int) -> int:
    """Returns a frame's spatial mean in float32, from as far back as it can be had.

    An int8 head sums into int8 and then divides: taking the mean of the dequantised picture
    instead spares two roundings.
    """
    if graph.dtype(frame) == np.float32 and graph.producer(frame, "DEQUANTIZE") is None:
        return frame
    source = _through(graph, frame, "DEQUANTIZE")
    scaled = graph.producer(source, "MUL")
    if scaled is not None:
        reciprocal = graph.real(scaled.inputs[1])
        total = graph.producer(scaled.inputs[0], "SUM")
        if total is not None and reciprocal is not None and total.builtinOptions.keepDims:
            axes = graph.constant(total.inputs[1])
            picture = total.inputs[0]
            if axes is not None:
                summed = np.prod([graph.shape(picture)[axis] for axis in axes.ravel()])
                if np.all(np.abs(reciprocal * summed - 1) < _INT8_STEP):
                    return _spatial_mean(graph, picture, total.inputs[1], graph.shape(frame))
    averaged = graph.producer(source, "MEAN")
    if averaged is not None and averaged.builtinOptions.keepDims:
        return _spatial_mean(graph, averaged.inputs[0], averaged.inputs[1], graph.shape(frame))
    return graph.dequantize(frame)


def _spatial_mean(graph: Graph, picture: int, axes: int, shape: list[int]) -> int:
    real = graph.dequantize(picture)
    name = graph.name(picture) + "/spatial_mean"
    return graph.add("MEAN", [real, axes], shape, name=name, keepDims=True)


def _through(graph: Graph, tensor: int, *kinds: str) -> int:
    """Follows a tensor back through operators that do not change what it means."""
    while (op := graph.producer(tensor, *kinds)) is not None:
        if np.prod(graph.shape(op.inputs[0])) != np.prod(graph.shape(tensor)):
            break  # a slice that drops something
        tensor = op.inputs[0]
    return tensor


def _activation(op: Any) -> bool:
    return bool(op.builtinOptions.fusedActivationFunction)
