"""``python -m benchmarks.files A.tflite B.tflite ...``: one step of each file, side by side.

Times are processor time of edgevid's whole step on one thread, fifty steps of each file in turn,
from a random uint8 picture of 256x256 to the five best labels. Every file runs as it is:
``edgevid.prepare`` turns a published one into what ``edgevid.stream`` would run.
"""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import report
from benchmarks.step import interleaved
from edgevid import Frame, load_model
from edgevid.runtime.partitions import partitions
from edgevid.support.command import OK, guard


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    parser = report.arguments("benchmarks.files", __doc__)
    parser.add_argument("files", nargs="+", type=Path, help="any MoViNet streaming .tflite files")
    parser.add_argument("--steps", type=int, default=1000, help="of each file (default: 1000)")
    chosen = parser.parse_args(arguments)
    return guard(lambda: _run(chosen))


def _run(chosen: Namespace) -> int:
    rows = compare(chosen.files, steps=200 if chosen.quick else chosen.steps)
    print(report.table(rows))
    report.write_json(chosen.json, {"rows": rows})
    return OK


def compare(files: Sequence[Path], *, steps: int) -> list[dict[str, Any]]:
    """Times one step of each file.

    Args:
        files: streaming networks.
        steps: of each.

    Returns:
        A row for each file. ``ratio`` is that of the fastest steps to those of the first file: what
        a busy machine adds, it adds least to the fastest.

    Raises:
        ModelError: a file is damaged, or no MoViNet stream.
    """
    loops = {str(place): _loop(path) for place, path in enumerate(files)}
    pictures = np.random.default_rng(0).integers(0, 256, (8, 256, 256, 3), np.uint8)
    times = list(interleaved(loops, list(pictures), steps).values())
    return [
        {
            "file": path.name,
            "partitions": partitions(path.read_bytes()),
            "median ms": float(np.median(taken)),
            "minimum ms": float(taken.min()),
            "ratio": float(taken.min() / times[0].min()),
        }
        for path, taken in zip(files, times, strict=True)
    ]


def _loop(path: Path) -> Callable[[NDArray[np.uint8]], Any]:
    stream = load_model(path, prepare=False).stream()
    return lambda picture: stream.step(Frame(picture, 0.0, 0))


if __name__ == "__main__":
    sys.exit(main())
