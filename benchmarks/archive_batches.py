"""Whether several clips a step are faster than one, where nobody waits for the answer.

The prepared network is rewritten for so many streams at once, each with states of its own; what
comes out of each must be what comes of it alone, bit by bit. Processor's time of a step, in one
thread, the best of many, taken in turn.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.clips import published_path
from benchmarks.report import arguments, table, write_json
from edgevid.models.load import load_file
from edgevid.prepare.graph import Graph
from edgevid.prepare.serialize import write
from edgevid.runtime.backends import Backend, open_backend
from edgevid.support.command import OK, guard

_BATCHES = (1, 2, 4, 8)

Tensors = dict[str, NDArray[Any]]


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the benchmark; returns its exit code."""
    parser = arguments("benchmarks.archive_batches", __doc__)
    chosen = parser.parse_args(argv)

    def run() -> int:
        content = bytes(load_file(published_path()).flatbuffer)
        found = measured(content, 10 if chosen.quick else 60)
        print(table(found))
        write_json(chosen.json, {"batches": found})
        return OK

    return guard(run)


def measured(content: bytes, steps: int) -> list[dict[str, Any]]:
    """Returns a row for each number of streams."""
    graphs = {count: Graph(batched(content, count)) for count in _BATCHES}
    backends = {count: open_backend(batched(content, count)) for count in _BATCHES}
    alone = [_stepped(graphs[1], backends[1], [number]) for number in range(max(_BATCHES))]
    same = {
        count: all(
            np.array_equal(value[number], alone[number][name][0])
            for name, value in _stepped(graphs[count], backend, range(count)).items()
            for number in range(count)
        )
        for count, backend in backends.items()
    }
    best = dict.fromkeys(_BATCHES, np.inf)
    for _ in range(steps):
        for count, backend in backends.items():
            started = time.process_time()
            backend.invoke()
            best[count] = min(best[count], time.process_time() - started)
    return [
        {
            "streams": count,
            "ms a stream's step": 1000 * best[count] / count,
            "of one alone": best[count] / count / best[1],
            "same": same[count],
        }
        for count in _BATCHES
    ]


def batched(content: bytes, count: int) -> bytes:
    """Returns a prepared network for so many streams, which share ``alpha``."""
    graph = Graph(content)
    for number, tensor in enumerate(graph.tensors):
        if not graph.is_constant(number) and len(tensor.shape) > 1 and tensor.shape[0] == 1:
            tensor.shape[0] = count
        tensor.shapeSignature = None
    done: set[int] = set()
    for kind, place in (("RESHAPE", 1), ("STRIDED_SLICE", 2)):
        for op in graph.find(kind):
            values = graph.constant(op.inputs[place])
            if values is None or op.inputs[place] in done:
                continue
            done.add(op.inputs[place])  # others may share it
            changed = values.copy()
            changed[0] = count if values[0] == 1 else values[0]
            buffer = graph.model.buffers[graph.tensors[op.inputs[place]].buffer]
            buffer.data = np.frombuffer(changed.tobytes(), np.uint8)
            if kind == "RESHAPE" and op.builtinOptions is not None:
                op.builtinOptions.newShape = [int(value) for value in changed]
    return write(graph, "batched")


def _stepped(graph: Graph, backend: Backend, streams: Sequence[int]) -> Tensors:
    """Fills each stream's part of the inputs with its own noise, and takes a step."""
    for name, tensor in sorted(graph.inputs.items()):
        values = backend.tensor(tensor)
        if len(values.shape) < 2:
            values[...] = 0.5
            continue
        for place, stream in enumerate(streams):
            random = np.random.default_rng([stream, *name.encode()])
            if values.dtype.kind == "f":
                values[place] = random.random(values.shape[1:])
            else:
                limits = np.iinfo(values.dtype)
                values[place] = random.integers(limits.min, limits.max, values.shape[1:])
    backend.invoke()
    return {name: backend.tensor(tensor).copy() for name, tensor in graph.outputs.items()}


if __name__ == "__main__":
    sys.exit(main())
