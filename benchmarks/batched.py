"""``python -m benchmarks.batched``: are several streams quicker in one ``invoke`` than in turn?

A network for N streams is made of a prepared one: everything that it computes gets N in place of
the 1 in front, the weights stay. Compared is the processor time of ``invoke`` for each stream; to
put the states into place takes the same either way. The networks are invoked in turn.
"""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import clips, machine, report
from benchmarks.profile import timed
from edgevid.modelfile import flatbuffer, manifest
from edgevid.modelfile.signature import ALPHA
from edgevid.prepare import prepare
from edgevid.prepare.checks import check
from edgevid.prepare.graph import Graph
from edgevid.prepare.serialize import write
from edgevid.support.command import OK, guard

STREAMS = (1, 2, 4, 8)
_ROUNDS, _QUICK_ROUNDS = 100, 3


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    parser = report.arguments("benchmarks.batched", __doc__)
    parser.add_argument("model", type=Path, nargs="?", help="any .tflite (default: published A0)")
    chosen = parser.parse_args(arguments)
    return guard(lambda: _run(chosen))


def _run(chosen: Namespace) -> int:
    data = flatbuffer.load(chosen.model or clips.published_path())
    before = machine.read()
    prepared = prepare(data, name="a").data
    networks = [batched(prepared, streams) for streams in STREAMS]
    # The first stands at the end as well: what the others are measured beside.
    times = timed([*networks, networks[0]], _QUICK_ROUNDS if chosen.quick else _ROUNDS)
    rows = [
        {
            "streams": streams,
            "us a stream": float(taken / streams),
            "streams a core, to those of one by one": float(times[0] * streams / taken),
        }
        for streams, taken in zip(STREAMS, times, strict=False)
    ]
    print(report.table(rows))
    facts = machine.facts(before, machine.read())
    report.write_json(chosen.json, {"machine": facts, "rows": rows})
    return OK


def batched(data: bytes, streams: int) -> bytes:
    """Returns a prepared network that takes a step for several streams at once.

    Args:
        data: a prepared model file.
        streams: how many.

    Returns:
        The network, whose inputs and outputs have ``streams`` in place of the 1 in front; all
        but ``alpha``, which they share.
    """
    graph = Graph(manifest.split(data)[0])
    check(graph)
    computed = {t for op in graph.ops for t in (*op.inputs, *op.outputs) if t >= 0}
    for tensor in computed - {graph.inputs.get(ALPHA)}:
        shape = graph.shape(tensor)
        if not graph.is_constant(tensor) and shape[:1] == [1]:
            graph.tensors[tensor].shape = [streams, *shape[1:]]
            graph.tensors[tensor].shapeSignature = None
    for op in graph.find("RESHAPE"):
        sizes = np.array(graph.shape(op.outputs[0]), np.int32)
        op.inputs = [op.inputs[0], _constant(graph, sizes)]
        if op.builtinOptions is not None:
            op.builtinOptions.newShape = sizes
    for op in graph.find("STRIDED_SLICE"):
        end = graph.constant(op.inputs[2])
        assert end is not None
        op.inputs[2] = _constant(graph, np.array([streams, *end[1:]], np.int32))
    return write(graph, f"for {streams} streams")


def _constant(graph: Graph, values: NDArray[Any]) -> int:
    return graph.add_tensor("sizes", [len(values)], np.int32, values=values)


if __name__ == "__main__":
    sys.exit(main())
