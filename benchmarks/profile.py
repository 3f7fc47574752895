"""``python -m benchmarks.profile MODEL``: where a step's time goes, by layer and by operator.

LiteRT has a profiler, but its Python package does not give it. So the network is cut off after its
first operator, after its second, and so on; all these beginnings are invoked in turn, and what one
takes more than the one before it is its last operator's. Times are processor time, beside that of
one network which is invoked before each, as a processor changes its pace. The floor of an operator
is what its outputs and its multiply-adds take at the rates that the same runtime reaches here in
convolutions, or depthwise ones, of 256 channels; of all else what its bytes take at a copy's rate.

With ``--root`` the same is also counted in instructions on an emulated Raspberry Pi 4 and 5; see
``benchmarks.arm``. A published file is prepared first, for the processor in question.
"""

from __future__ import annotations

import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray
from tqdm import tqdm

from benchmarks import clips, machine, report
from benchmarks.arm import profile_guest
from benchmarks.arm.boards import BOARDS, Board
from benchmarks.arm.emulation import count
from benchmarks.parts.numbered import numbered
from benchmarks.parts.prefixes import BestCase, Piece, best_cases, nothing, pieces, prefixes
from edgevid.modelfile import flatbuffer
from edgevid.prepare import prepare
from edgevid.support.command import OK, guard

_WARM_UP, _TIMED = 2, 5  # invokes of a beginning before it is the next one's turn
_ROUNDS, _QUICK_ROUNDS = 40, 3

# Takes networks; returns what one ``invoke`` of each costs.
Costs = Callable[[Sequence[bytes]], NDArray[np.float64]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    parser = report.arguments("benchmarks.profile", __doc__)
    parser.add_argument("model", type=Path, nargs="?", help="any .tflite (default: published A0)")
    parser.add_argument("--root", type=Path, help="count on ARM: made by benchmarks.arm.sysroot")
    parser.add_argument("--rounds", type=int, default=_ROUNDS, help=f"(default: {_ROUNDS})")
    parser.add_argument("--picture", type=Path, metavar="FILE", help="draw it here, as PNG")
    chosen = parser.parse_args(arguments)
    return guard(lambda: _run(chosen))


def _run(chosen: Namespace) -> int:
    data = flatbuffer.load(chosen.model or clips.published_path())
    rounds = _QUICK_ROUNDS if chosen.quick else chosen.rounds
    before = machine.read()
    labels = numbered(data)
    prepared = prepare(data, name="a", labels=labels).data
    found = measure(prepared, lambda networks: timed(networks, rounds))
    results = [{"where": machine.family(), "unit": "us", **found}]
    for board in BOARDS if chosen.root is not None else ():
        prepared = prepare(data, name="a", labels=labels, target=board.name).data
        found = measure(prepared, partial(counted, board=board, root=chosen.root.resolve()))
        results.append({"where": board.title, "unit": "instructions", **found})
    for one in results:
        print(f"{one['where']}, {one['unit']}\n")
        print(report.table(one["kinds"]), report.table(one["layers"]), sep="\n\n", end="\n\n")
    facts = machine.facts(before, machine.read())
    report.write_json(chosen.json, {"machine": facts, "profiles": results})
    if chosen.picture is not None:
        _draw(chosen.picture, results[0])
    return OK


def measure(data: bytes, costs: Costs) -> dict[str, Any]:
    """Measures what each operator of a network costs, and what it had to.

    Args:
        data: a prepared model file.
        costs: measures networks.

    Returns:
        ``total``, of the whole network; ``floor``, the least it could be; ``rates``, what an
        output and a multiply-add of a convolution and of a depthwise one cost, and a byte of a
        copy; ``operators``, ``layers`` and ``kinds``, a row for each.
    """
    found = pieces(data)
    cases = sorted({(_like(piece), piece.dtype) for piece in found})
    best = {case: best_cases(data, *case) for case in cases}
    tried = [one.network for ones in best.values() for one in ones]
    taken = costs([nothing(data), *tried, *prefixes(data)])
    idle, bests, ends = taken[0], iter(taken[1 : 1 + len(tried)]), taken[1 + len(tried) :]
    rates = {
        case: _rates(ones, [max(0.0, next(bests) - idle) for _ in ones])
        for case, ones in best.items()
    }
    each = np.diff(ends, prepend=idle)
    operators = [
        {
            "layer": piece.layer,
            "operator": piece.kind,
            "multiply-adds": piece.macs,
            "cost": float(cost),
            "floor": _floor(piece, *rates[_like(piece), piece.dtype]),
        }
        for piece, cost in zip(found, each, strict=True)
    ]
    return {
        "invoke itself": float(idle),
        "total": float(ends[-1]),
        "floor": sum(row["floor"] for row in operators),
        "rates": {
            " ".join(case): dict(zip(("output", "multiply-add"), rate, strict=True))
            if case[0] != "copy"
            else {"byte": rate[0]}
            for case, rate in rates.items()
        },
        "layers": _sums(operators, "layer"),
        "kinds": sorted(_sums(operators, "operator"), key=lambda row: -float(row["cost"])),
        "operators": operators,
    }


def _like(piece: Piece) -> str:
    """Returns which of the best cases an operator is measured by."""
    if not piece.macs:
        return "copy"
    return "DEPTHWISE_CONV_2D" if piece.kind == "DEPTHWISE_CONV_2D" else "CONV_2D"


def _rates(ones: Sequence[BestCase], costs: Sequence[float]) -> tuple[float, float]:
    """Returns what an output (of a copy: a byte) and a multiply-add cost."""
    of_an_output = [cost / one.outputs for one, cost in zip(ones, costs, strict=True)]
    if len(ones) == 1:
        return of_an_output[0], 0.0
    little, much = (one.macs / one.outputs for one in ones)
    rate = max(0.0, (of_an_output[1] - of_an_output[0]) / (much - little))
    return max(0.0, of_an_output[0] - little * rate), rate


def _floor(piece: Piece, of_an_output: float, of_a_multiply_add: float) -> float:
    if not piece.macs:
        return piece.moved * of_an_output
    return piece.outputs * of_an_output + piece.macs * of_a_multiply_add


def _sums(operators: Sequence[dict[str, Any]], key: str) -> list[dict[str, Any]]:
    """Returns a row for each layer or kind, in the order in which they come first."""
    total = sum(row["cost"] for row in operators)
    rows = []
    for name in dict.fromkeys(row[key] for row in operators):
        chosen = [row for row in operators if row[key] == name]
        cost, floor = (sum(row[what] for row in chosen) for what in ("cost", "floor"))
        rows.append(
            {
                key: name,
                "operators": len(chosen),
                "M multiply-adds": sum(row["multiply-adds"] for row in chosen) / 1e6,
                "cost": round(cost, 2),
                "share": f"{cost / total:.1%}",
                "floor": round(floor, 2),
                "of it reached": f"{floor / cost:.0%}" if cost > 0 else "-",
            }
        )
    return rows


def timed(networks: Sequence[bytes], rounds: int) -> NDArray[np.float64]:
    """Returns the processor time of one ``invoke`` of each network, in microseconds.

    It is the median, over rounds, of the time that a network takes beside the last one's, which
    is invoked just before it; at the pace of the round in which that was quickest.
    """
    interpreters = []
    for network in networks:
        interpreters.append(Interpreter(model_content=network, num_threads=1))
        interpreters[-1].allocate_tensors()
    beside = np.empty((rounds, len(networks)))
    quickest = float("inf")
    for row in tqdm(beside, "timing", unit="round", leave=False):
        for place, interpreter in enumerate(interpreters):
            pace = _least(interpreters[-1])
            quickest = min(quickest, pace)
            row[place] = _least(interpreter) / pace
    times: NDArray[np.float64] = np.median(beside, axis=0) * quickest
    return times


def _least(interpreter: Interpreter) -> float:
    """Returns the least time of a few invokes; those at the start find the caches another's."""
    taken = []
    for _ in range(_WARM_UP + _TIMED):
        began = time.process_time_ns()
        interpreter.invoke()
        taken.append(time.process_time_ns() - began)
    return min(taken[_WARM_UP:]) / 1000


def counted(networks: Sequence[bytes], board: Board, root: Path) -> NDArray[np.float64]:
    """Returns the instructions of one ``invoke`` of each network on an emulated board."""
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for place, network in enumerate(networks):
            paths.append(Path(folder, f"{place}.tflite"))
            paths[-1].write_bytes(network)
        spans = count(profile_guest.__file__, list(map(str, paths)), board, root)
    return np.array(spans, np.float64)


def _draw(path: Path, found: dict[str, Any]) -> None:
    """Draws a bar for each layer, with its floor inside."""
    drawn, axes = report.figure(8, 0.32 * len(found["layers"]) + 1.2)
    names = [row["layer"] for row in found["layers"]]
    axes.barh(names, [row["cost"] for row in found["layers"]], color="#c9d4e0", label="measured")
    axes.barh(
        names, [row["floor"] for row in found["layers"]], color="#2b5c8a", height=0.45,
        label="floor of its arithmetic",
    )  # fmt: skip
    axes.invert_yaxis()
    axes.set_xlabel({"us": "microseconds of processor time"}.get(found["unit"], found["unit"]))
    axes.legend(frameon=False)
    report.save_figure(drawn, path)


if __name__ == "__main__":
    sys.exit(main())
