"""``python -m export.verify``: verifies that the exported file computes what the network does.

Runs both over the same clips, prints how far they are apart, and writes that into each file's
manifest as ``verified``. The exit code is 1 where a limit is exceeded.

A file that was taught needs no network, and then no TensorFlow: ``python -m export.verify
falls.tflite --data falls.tsv`` plays recordings through it, says whether it tells live what its
head makes of them all at once, and what it announces. With the file that it was taught from, or
that one's ``network.npz``, before it, it is compared with that.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from edgevid.errors import UsageError
from edgevid.modelfile import label_files
from edgevid.models.load import load_file
from edgevid.support.command import OK, ArgumentParser, guard
from export.verification import taught
from export.verification.limits import Limits, refuse


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit code: 1 too when a file is past a limit."""
    options = _parser().parse_args(arguments)
    return guard(lambda: _run(options))


def _run(options: argparse.Namespace) -> int:
    reference, files = options.network, options.files
    if not files:
        reference, files = None, [reference]
    heads = [load_file(path).manifest.head for path in files]
    if all(heads):
        results, told = _taught(reference, files, options)
    elif any(heads):
        raise UsageError("files that were taught and others are verified one after the other")
    elif reference is None or reference.suffix != ".npz":
        raise UsageError(f"{files[0]} was not taught: give the network.npz that it was made from")
    else:
        results, told = _exported(reference, files, options)
    limits = _limits(options)
    print(told)
    print(f"written into the manifest of {', '.join(map(str, files))}")
    if options.json:
        from export.report import write_json

        write_json(options.json, {name: asdict(result) for name, result in results.items()})
    refuse(results, limits)
    return OK


def _limits(options: argparse.Namespace) -> Limits:
    return Limits(options.top1_drop, options.divergence, options.drift)


def _taught(
    reference: Path | None, files: Sequence[Path], options: argparse.Namespace
) -> tuple[Mapping[str, Any], str]:
    if options.root or options.labels:
        raise UsageError("--root and --labels are not for taught files")
    given: taught.Reference | None = None
    if reference is not None and reference.suffix == ".npz":
        from export.verification.taught_network import OfNetwork  # TensorFlow

        given = OfNetwork(reference)
    elif reference is not None:
        given = taught.OfFile(reference)
    results = taught.verify(files, options.data, given)
    return results, taught.table(results)


def _exported(
    reference: Path, files: Sequence[Path], options: argparse.Namespace
) -> tuple[Mapping[str, Any], str]:
    from export.data.dataset import load_to_verify
    from export.model import checkpoint
    from export.verification.table import table
    from export.verification.verify import verify

    names = label_files.read(options.labels) if options.labels else ()
    described = [load_file(path).manifest for path in files]
    seen = {(one.follows, one.fps) for one in described}
    if len(seen) > 1:
        raise UsageError(
            "files that follow other things, or see more frames a second, are verified one after "
            "the other"
        )
    follow, fps = seen.pop()
    network, labels = checkpoint.load(reference)
    evaluation = load_to_verify(
        options.data, labels, size=network.architecture.input_size, fps=fps, root=options.root,
        names=names, follow=follow,
    )  # fmt: skip
    results = verify(network, labels, files, evaluation, _limits(options))
    return results, table(results)


def _parser() -> argparse.ArgumentParser:
    parser = ArgumentParser(prog="python -m export.verify", description=__doc__)
    add, limits = parser.add_argument, Limits()
    add(
        "network", type=Path,
        help="network.npz of export.finetune; of a taught file the one that it was taught from",
    )  # fmt: skip
    add("files", type=Path, nargs="*", help=".tflite files; the result is written into each")
    add(
        "--data", type=Path, required=True,
        help="labelled clips not used in training; for a taught file what edgevid.teach takes",
    )  # fmt: skip
    add("--root", type=Path, help="where the paths in a list start")
    add("--labels", type=Path, help="names of numeric labels, one a line, from 0")
    add("--json", type=Path, help="write the figures there too")
    add(
        "--top1-drop", type=float, default=limits.top1_drop,
        help="limit of what the file loses in top-1, 0 to 1; default: %(default)s",
    )  # fmt: skip
    add(
        "--divergence", type=float, default=limits.divergence,
        help="limit of the mean divergence at the clips' ends, nats; default: %(default)s",
    )  # fmt: skip
    add(
        "--drift", type=float, default=limits.drift,
        help="limit of the mean divergence late in a long stream, nats; default: %(default)s",
    )  # fmt: skip
    return parser


if __name__ == "__main__":
    sys.exit(main())
