"""The twin as a plain list of operators and arrays, for engines that do not read ``.tflite``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from edgevid.errors import ModelError
from edgevid.prepare.graph import Graph
from edgevid.support.atomic_file import atomic_file


def write_plan(twin: bytes, path: Path) -> None:
    """Writes the twin as one ``.npz``: arrays by tensor number, and the operators as JSON.

    Raises:
        ModelError: an operator that this does not know.
    """
    graph = Graph(twin)
    graph.prune()
    constants: dict[str, Any] = {}
    for op in graph.ops:
        for tensor in op.inputs:
            values = graph.constant(tensor)
            if values is not None:
                constants[str(tensor)] = values
    plan = {
        "inputs": {name: [tensor, graph.shape(tensor)] for name, tensor in graph.inputs.items()},
        "outputs": graph.outputs,
        "ops": [_operator(graph, op) for op in graph.ops],
    }
    text = np.frombuffer(json.dumps(plan).encode(), np.uint8)
    with atomic_file(path) as file:
        np.savez(file, plan=text, **constants)


def _operator(graph: Graph, op: Any) -> dict[str, Any]:
    kind, options = graph.kind(op), op.builtinOptions
    said: dict[str, Any] = {
        "kind": kind,
        "inputs": op.inputs,
        "output": op.outputs[0],
        "shape": graph.shape(op.outputs[0]),
        "activation": getattr(options, "fusedActivationFunction", 0),
    }
    if kind in ("CONV_2D", "DEPTHWISE_CONV_2D", "AVERAGE_POOL_2D"):
        height, width = graph.shape(op.inputs[0])[1:3]
        if kind == "AVERAGE_POOL_2D":
            kernel = (options.filterHeight, options.filterWidth)
            dilation = (1, 1)
        else:
            rows, columns = graph.shape(op.inputs[1])[1:3]
            kernel, dilation = (rows, columns), (options.dilationHFactor, options.dilationWFactor)
        stride = (options.strideH, options.strideW)
        same = options.padding == 0  # schema.Padding.SAME
        said |= {
            "stride": stride,
            "dilation": dilation,
            "kernel": kernel,
            "padding": [
                _padding(size, out, k, s, d) if same else (0, 0)
                for size, out, k, s, d in zip(
                    (height, width), said["shape"][1:3], kernel, stride, dilation, strict=True
                )
            ],
        }
    elif kind == "CONCATENATION":
        said["axis"] = options.axis
    elif kind == "STRIDED_SLICE":
        if options.beginMask or options.endMask or options.shrinkAxisMask:
            raise ModelError("a slice with masks is not expected here")
    elif kind == "MEAN":
        said["keep"] = bool(options.keepDims)
    elif kind not in ("ADD", "SUB", "MUL", "RESHAPE"):
        raise ModelError(f"no plan for {kind}")
    return said


def _padding(size: int, out: int, kernel: int, stride: int, dilation: int) -> tuple[int, int]:
    """Returns zeros before and after: TensorFlow puts the odd one after."""
    total = max(0, (out - 1) * stride + (kernel - 1) * dilation + 1 - size)
    return total // 2, total - total // 2
