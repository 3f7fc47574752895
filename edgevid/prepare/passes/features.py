"""The passes for a network's features, the input of its classifier."""

from __future__ import annotations

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
    graph.outputs[FEATURES] = pool.frame
    return f"{graph.shape(pool.frame)[-1]} features of each frame as an output"


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
