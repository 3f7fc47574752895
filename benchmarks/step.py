"""``python -m benchmarks.step``: one step of edgevid beside one of the official example's loop.

The official Raspberry Pi example of TensorFlow Lite (tensorflow/examples,
``lite/examples/video_classification/raspberry_pi``) turns the picture to float, calls the model's
signature with all its states, and sorts all scores in Python. Both loops run in this process on
the same published file, the same pictures, LiteRT and one thread, fifty steps of the one after
fifty of the other, from a uint8 picture of the model's size to the five best labels. Times are
processor time. Other work on the machine adds to it all the same, and least to the fastest steps:
the ratio is of those.
"""

from __future__ import annotations

import datetime
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import clips, machine, report
from benchmarks.peers.official import OfficialLoop
from edgevid import Frame, load_model
from edgevid.runtime.model import Model
from edgevid.support.atomic_file import atomic_file
from edgevid.support.command import OK, guard

REFERENCE = Path(__file__).with_name("reference") / "step.json"

_BLOCK = 50  # steps of one loop before it is the other's turn
_WARM_UP = 3  # steps at the start of a block that do not count: the caches are the other loop's


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    parser = report.arguments("benchmarks.step", __doc__)
    parser.add_argument("--steps", type=int, default=2000, help="of each loop (default: 2000)")
    parser.add_argument(
        "--update", action="store_true", help=f"keep them in {REFERENCE.name}, for such processors"
    )
    chosen = parser.parse_args(arguments)
    return guard(lambda: _run(chosen.steps if not chosen.quick else 200, chosen))


def _run(steps: int, chosen: Any) -> int:
    played = clips.labelled(4)
    pictures = [picture for clip in played for picture in clip.pictures]
    model = load_model(clips.published_path())
    official = OfficialLoop(str(clips.published_path()), model.manifest.labels)
    stream = model.stream()
    loops: dict[str, Callable[[NDArray[np.uint8]], Any]] = {
        "official example": official.step,
        "edgevid": lambda picture: stream.step(Frame(picture, 0.0, 0)),
    }
    with invokes_timed(model) as invokes:
        times = interleaved(loops, pictures, steps)
    # Those of the steps that do not count are among them.
    blocks = np.array(invokes).reshape(-1, _WARM_UP + _BLOCK)
    times["of which invoke"] = blocks[:, _WARM_UP:].ravel()
    base = times["official example"]
    rows = [
        {
            "loop": name,
            "median ms": float(np.median(taken)),
            "minimum ms": float(taken.min()),
            "ratio of medians": float(np.median(taken) / np.median(base)),
            "ratio": float(taken.min() / base.min()),
        }
        for name, taken in times.items()
    ]
    _, ours, invoke = (float(taken.min()) for taken in times.values())
    print(report.table(rows))
    print(f"\neverything but invoke: {1 - invoke / ours:.1%} of edgevid's step")
    overhead = {"everything but invoke": 1 - invoke / ours}
    found = {
        "processor": machine.processor(),
        "measured": datetime.date.today().isoformat(),
        "steps": steps,
        "rows": rows,
        **overhead,
    }
    report.write_json(chosen.json, found)
    if chosen.update:
        kept = {**references(), machine.family(): found}
        with atomic_file(REFERENCE) as file:
            file.write(json.dumps(kept, indent=1).encode() + b"\n")
    return OK


def references() -> dict[str, Any]:
    """Returns what was measured, by the families of processors that ``machine.family`` names."""
    kept: dict[str, Any] = json.loads(REFERENCE.read_text("utf-8"))
    return kept


def interleaved(
    loops: dict[str, Callable[[NDArray[np.uint8]], Any]],
    pictures: Sequence[NDArray[np.uint8]],
    steps: int,
) -> dict[str, NDArray[np.float64]]:
    """Runs loops in turn, a block of steps each; returns milliseconds ``[steps]`` for each."""
    times: dict[str, list[float]] = {name: [] for name in loops}
    for start in range(0, steps, _BLOCK):
        for name, step in loops.items():
            for number in range(start - _WARM_UP, start + _BLOCK):
                picture = pictures[number % len(pictures)]
                began = time.process_time_ns()
                step(picture)
                if number >= start:
                    times[name].append((time.process_time_ns() - began) / 1e6)
    return {name: np.array(taken) for name, taken in times.items()}


@contextmanager
def invokes_timed(model: Model) -> Iterator[list[float]]:
    """Gives a list to which each ``invoke`` of a model adds its milliseconds."""
    backend, taken = model._backend, list[float]()
    invoke = backend.invoke

    def timed() -> None:
        began = time.process_time_ns()
        invoke()
        taken.append((time.process_time_ns() - began) / 1e6)

    backend.invoke = timed  # type: ignore[method-assign]
    try:
        yield taken
    finally:
        del backend.invoke


if __name__ == "__main__":
    sys.exit(main())
