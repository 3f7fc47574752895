"""The passes for a network's features, the input of its classifier."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

import numpy as np

from edgevid.modelfile.signature import ALPHA, FEATURES, LOGITS
from edgevid.prepare.graph import Graph


def give_features(graph: Graph) -> str:
    """Gives each frame's pooled features as an output of their own, float32.

    They come before the running mean of the head, so they are of the newest frame whatever the
    memory is. To give them costs nothing: they are computed anyway.
    """
    if FEATURES in graph.outputs:
        return ""
    pool = _head_pool(graph)
    if pool is None:
        return ""
    count = math.prod(graph.shape(pool.frame))
    graph.outputs[FEATURES] = _in_a_row(graph, pool.frame, count)
    return f"{count} features of each frame as an output"


def cut_at_features(graph: Graph) -> str:
    """Takes away all that comes after the features: the head's running mean, and the classifier."""
    pool = _head_pool(graph)
    if pool is None or not (FEATURES in graph.outputs or give_features(graph)):
        return ""
    del graph.outputs[LOGITS], graph.outputs[pool.state]
    graph.prune()
    del graph.inputs[pool.state]
    if not graph.consumers(graph.inputs[ALPHA]):
        del graph.inputs[ALPHA]
    return "the head's running mean and the classifier"


def _in_a_row(graph: Graph, frame: int, count: int) -> int:
    """Returns a frame's features on the last axis; PyTorch has channels before the picture."""
    if graph.shape(frame)[-1] == count:
        return frame
    sizes = graph.add_tensor("shape", [2], np.int32, values=np.array([1, count], np.int32))
    return graph.add("RESHAPE", [frame, sizes], [1, count], name=FEATURES, newShape=[1, count])


@dataclass(frozen=True, slots=True)
class _HeadPool:
    """The last running mean before the logits.

    Attributes:
        state: name of the state that holds the mean.
        frame: tensor, what goes into it: the newest frame's features.
    """

    state: str
    frame: int


def _head_pool(graph: Graph) -> _HeadPool | None:
    """Finds the running mean, as ``bound_memory`` writes it, that is nearest to the logits."""
    means = {graph.outputs[name]: name for name in graph.states}
    waiting, seen = deque([graph.outputs.get(LOGITS, -1)]), set()
    while waiting:
        tensor = waiting.popleft()
        if tensor in means and (frame := _frame_of(graph, means[tensor])) is not None:
            return _HeadPool(means[tensor], frame)
        made = graph.producer(tensor)
        for source in made.inputs if made is not None else ():
            if source not in seen:
                seen.add(source)
                waiting.append(source)
    return None


def _frame_of(graph: Graph, state: str) -> int | None:
    """Returns what a running mean ``state + alpha * (frame - state)`` is over."""
    before, after = graph.inputs[state], graph.outputs[state]
    addition = graph.producer(after, "ADD")
    if addition is None or before not in addition.inputs:
        return None
    step = graph.producer(sum(addition.inputs) - before, "MUL")
    if step is None:
        return None
    for news, share in (step.inputs, step.inputs[::-1]):
        shaped = graph.producer(share, "RESHAPE")  # as the workshop's exporter writes it
        alpha = shaped.inputs[0] if shaped is not None else share
        difference = graph.producer(news, "SUB")
        if difference is None or alpha != graph.inputs.get(ALPHA):
            continue
        frame = int(difference.inputs[0])
        if difference.inputs[1] == before and graph.dtype(frame) == np.float32:
            return frame
    return None
