"""The pass that keeps the confidence of a published model."""

from __future__ import annotations

import numpy as np

from edgevid.modelfile.signature import LOGITS
from edgevid.prepare.graph import Graph
from edgevid.prepare.passes.folding import scale_weights

# By the file's sha256: how much wider the published file's logits are spread than those of its
# float32 head. Measured once, as the ratio of standard deviations at the end of 23 clips without
# a Kinetics-600 label; clips with one had no say in it.
_SPREAD = {
    # MoViNet-A0-Stream int8
    "6125b36e2485eeb5cc1fd6206cf5e5d70235593fbc84610d1dce97fe3aa9c2ac": 1.14,
}


def keep_confidence(graph: Graph) -> str:
    """Spreads the logits of a known file as widely as they were before its head went to float32.

    An int8 sum loses every frame mean below half a step and rounds others up: the features of a
    published int8 file are sparser than those it was trained on, and its probabilities larger. A
    float32 mean is right, but on the same clips less sure. One factor on all logits makes up for
    that; the order of the labels stays as it is.
    """
    factor = _SPREAD.get(graph.sha256)
    if factor is None:
        return ""
    logits = graph.outputs[LOGITS]
    chain = [logits]
    while (op := graph.producer(chain[-1], "DEQUANTIZE", "RESHAPE")) is not None:
        chain.append(op.inputs[0])
    classifier = graph.producer(chain[-1], "CONV_2D")
    old = graph.quantization(chain[-1])
    if classifier is None or old is None or len(classifier.inputs) < 3:
        return ""
    # The output's step widens with the weights': the integers stay the same, bit by bit.
    for tensor in chain:
        if graph.dtype(tensor) == np.int8:
            q = graph.tensors[tensor].quantization
            q.scale = np.array([old[0] * factor], np.float32)
    channels = graph.shape(chain[-1])[-1]
    scale_weights(graph, classifier, np.full(channels, factor), chain[-1])
    return f"logits spread {factor} times as wide, as in the published file"
