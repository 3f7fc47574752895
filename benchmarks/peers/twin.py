"""The float32 twin of a published int8 network: what engines run that have no int8 kernels for it.

It is the published network as ``edgevid.prepare`` leaves it before anything is done for int8:
states that nothing reads dropped, the running mean bounded by an input ``alpha``, four
dimensions in place of five. All weights are dequantised. So every engine starts from the same
short graph, and has nothing of the official export's detours to carry.
"""

from __future__ import annotations

import numpy as np

from edgevid.errors import ModelError
from edgevid.modelfile import manifest
from edgevid.prepare import prepare
from edgevid.prepare.graph import Graph
from edgevid.prepare.passes.folding import fold_multiplications
from edgevid.prepare.passes.pools import bound_memory
from edgevid.prepare.passes.squeeze_time import drop_time_axis
from edgevid.prepare.passes.states import drop_idle_states

OUT = "_out"  # what a state's name ends in where it comes out


def float_twin(published: bytes) -> bytes:
    """Returns a plain float32 ``.tflite`` of the same network, without a manifest."""
    passes = (
        drop_idle_states,
        bound_memory,
        fold_multiplications,
        drop_time_axis,
        to_float,
        rename,
    )
    return manifest.split(prepare(published, name="twin", passes=passes).data)[0]


def to_float(graph: Graph) -> str:
    """Makes every int8 tensor float32, and drops the conversions between the two."""
    conversions = graph.find("QUANTIZE", "DEQUANTIZE")
    for op in conversions:
        graph.replace(op.outputs[0], op.inputs[0])
    graph.ops = [op for op in graph.ops if not any(op is other for other in conversions)]
    changed = 0
    for tensor, held in enumerate(graph.tensors):
        if held.quantization is None or held.quantization.scale is None:
            continue
        values = graph.real(tensor)
        if values is not None:
            graph.set_constant(tensor, values.astype(np.float32))
        elif graph.is_constant(tensor):
            raise ModelError(f"{graph.name(tensor)} cannot be dequantised")
        held.type = graph.tensors[graph.inputs["image"]].type
        held.quantization = None
        changed += 1
    return f"{changed} tensors to float32"


def rename(graph: Graph) -> str:
    """Names each tensor by its part in the signature; some engines know tensors by name only."""
    for number, tensor in enumerate(graph.tensors):
        tensor.name = f"tensor{number}".encode()
    for name, number in graph.outputs.items():
        graph.tensors[number].name = (name + OUT if name in graph.inputs else name).encode()
    for name, number in graph.inputs.items():
        graph.tensors[number].name = name.encode()
    return "all tensors"
