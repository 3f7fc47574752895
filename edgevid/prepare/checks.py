"""Checks a graph before and after it is rewritten."""

from __future__ import annotations

import math

from ai_edge_litert import schema_py_generated as schema

from edgevid.errors import ModelError
from edgevid.prepare.graph import Graph
from edgevid.prepare.operators import KNOWN, OPTIONAL

_MAX_RANK = 8
_MAX_VALUES = 1 << 28  # the largest tensor of MoViNet-A5 has under 10 million


def check(graph: Graph) -> None:
    """Makes sure that a graph is whole, and has nothing that rewriting would lose.

    Raises:
        ModelError: it is not, or has.
    """
    signatures = len(graph.model.signatureDefs)
    if signatures != 1:
        raise ModelError(f"the model has {signatures} signatures: 1 is expected")
    subgraph = graph.model.subgraphs[0]
    if set(graph.inputs.values()) != {int(i) for i in subgraph.inputs}:
        raise ModelError("the graph has inputs that its signature does not name")
    if set(graph.outputs.values()) != {int(i) for i in subgraph.outputs}:
        raise ModelError("the graph has outputs that its signature does not name")
    for place, tensor in enumerate(graph.tensors):
        if tensor.shapeSignature is not None and min(tensor.shapeSignature, default=0) < 0:
            raise ModelError(f"the size of {graph.name(place)!r} is only known at run time")
        if len(tensor.shape) > _MAX_RANK or math.prod(tensor.shape) > _MAX_VALUES:
            raise ModelError(f"{graph.name(place)!r} has a size beyond any MoViNet")
        if tensor.sparsity is not None:
            raise ModelError(f"the weights {graph.name(place)!r} are sparse")
        if tensor.isVariable or (place not in graph.inputs.values() and -1 in tensor.shape):
            raise ModelError(f"{graph.name(place)!r} is a variable, not a state")
    for op in graph.ops:
        kind = graph.kind(op)
        if not op.outputs or not op.inputs or op.inputs[0] < 0:
            raise ModelError(f"the graph has a {kind} without input or output")
        if kind not in KNOWN:
            continue
        options, least, _ = KNOWN[kind]
        right = isinstance(op.builtinOptions, getattr(schema, options + "T"))
        if not right and not (kind in OPTIONAL and op.builtinOptions is None):
            raise ModelError(f"the graph has a {kind} with the options of another operator")
        if len(op.inputs) < least or min(op.inputs[:least]) < 0:
            raise ModelError(f"the graph has a {kind} with too few inputs")
    check_order(graph)


def check_order(graph: Graph) -> None:
    """Makes sure that every operator reads what is known by then, and writes what is not.

    Raises:
        ModelError: one does not.
    """
    known = set(graph.inputs.values()) | {-1}
    for op in graph.ops:
        for tensor in op.inputs:
            if tensor not in known and not graph.is_constant(tensor):
                raise ModelError(f"nothing computes {graph.name(tensor)!r}, which is read")
        for tensor in op.outputs:
            if tensor in known:
                raise ModelError(f"{graph.name(tensor)!r} is computed twice")
        known.update(op.outputs)
    for name, tensor in graph.outputs.items():
        if tensor not in known:
            raise ModelError(f"nothing computes the output {name!r}")
