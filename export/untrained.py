"""``python -m export.untrained FOLDER``: networks with random weights, to time only.

How long a step takes does not depend on what the weights are, so A1 and A2, and float32 files of
all three, can be timed where only A0's int8 file is available. Their
manifest says ``"weights": "random"``, which ``benchmarks.latency`` shows.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from edgevid.prepare import TARGETS, this_machine
from edgevid.support import command
from edgevid.support.atomic_file import atomic_file
from export.conversion.random_weights import random_weights
from export.conversion.tflite_converter import Precision
from export.model.network import INPUT_SIZE, STYLES

SIZES = tuple(INPUT_SIZE)
NUMBERS: tuple[Precision, ...] = ("int8", "float32")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    parser = command.ArgumentParser(prog="python -m export.untrained", description=__doc__)
    parser.add_argument("folder", type=Path, help="where the files go")
    parser.add_argument("--sizes", nargs="+", choices=SIZES, default=SIZES, help="default: all")
    parser.add_argument(
        "--numbers", nargs="+", choices=NUMBERS, default=NUMBERS, help="default: both"
    )
    parser.add_argument("--style", choices=STYLES, default="relu6", help="default: relu6")
    parser.add_argument(
        "--target", choices=TARGETS, default=this_machine(),
        help="the processor to prepare for (default: this one, %(default)s)",
    )  # fmt: skip
    chosen = parser.parse_args(arguments)
    return command.guard(lambda: _run(chosen))


def _run(chosen: argparse.Namespace) -> int:
    cases = list(itertools.product(chosen.sizes, chosen.numbers))
    for size, precision in tqdm(cases, "exporting", unit="file"):
        data = random_weights(size, chosen.style, precision, chosen.target)
        path = chosen.folder / f"untrained_{size}_{chosen.style}_{precision}_{chosen.target}.tflite"
        with atomic_file(path, make_folder=True) as file:
            file.write(data)
    return command.OK


if __name__ == "__main__":
    sys.exit(main())
