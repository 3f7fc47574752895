"""``python -m export.verify``: verifies that the exported file computes what the network does.

Runs both over the same clips, prints how far they are apart, and writes that into each file's
manifest as ``verified``. The exit code is 1 where a limit is exceeded.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from edgevid.modelfile import label_files
from edgevid.support.command import OK, ArgumentParser, guard
from export.data.dataset import load_to_verify
from export.model import checkpoint
from export.model.network import FPS
from export.report import write_json
from export.verification.comparison import Limits
from export.verification.table import table
from export.verification.verify import refuse, verify


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit code: 1 too when a file is past a limit."""
    options = _parser().parse_args(arguments)
    return guard(lambda: _run(options))


def _run(options: argparse.Namespace) -> int:
    limits = Limits(options.top1_drop, options.divergence, options.drift)
    names = label_files.read(options.labels) if options.labels else ()
    network, labels = checkpoint.load(options.network)
    evaluation = load_to_verify(
        options.data, labels, size=network.architecture.input_size, fps=FPS, root=options.root,
        names=names,
    )  # fmt: skip
    results = verify(network, labels, options.files, evaluation, limits)
    print(table(results))
    print(f"written into the manifest of {', '.join(map(str, options.files))}")
    if options.json:
        write_json(options.json, {name: asdict(result) for name, result in results.items()})
    refuse(results, limits)
    return OK


def _parser() -> argparse.ArgumentParser:
    parser = ArgumentParser(prog="python -m export.verify", description=__doc__)
    add, limits = parser.add_argument, Limits()
    add("network", type=Path, help="network.npz of export.finetune")
    add("files", type=Path, nargs="+", help=".tflite files; the result is written into each")
    add("--data", type=Path, required=True, help="labelled clips not used in training")
    add("--root", type=Path, help="where the paths in a list start")
    add("--labels", type=Path, help="names of numeric labels, one a line, from 0")
    add("--json", type=Path, help="write the figures there too")
    add("--top1-drop", type=float, default=limits.top1_drop)
    add("--divergence", type=float, default=limits.divergence)
    add("--drift", type=float, default=limits.drift)
    return parser


if __name__ == "__main__":
    sys.exit(main())
