"""``python -m export.convert``: a trained network becomes a streaming file for the device."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from edgevid.prepare import TARGETS
from edgevid.regions import FOLLOWS
from edgevid.support.atomic_file import atomic_file
from edgevid.support.command import OK, ArgumentParser, guard
from export.conversion.export import export_tflite
from export.conversion.tflite_converter import PRECISIONS
from export.data.dataset import load_to_calibrate
from export.data.frames import check_fps
from export.model import checkpoint
from export.model.network import FPS, in_frames


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit code."""
    options = _parser().parse_args(arguments)
    return guard(lambda: _run(options))


def _run(options: argparse.Namespace) -> int:
    check_fps(options.fps)
    network, labels = checkpoint.load(options.network)
    calibration = (
        load_to_calibrate(
            options.calibrate, cache=options.cache or options.out.parent / "frames",
            size=network.architecture.input_size, fps=options.fps, root=options.root,
            follow=options.follow,
        )
        if options.calibrate
        else []
    )  # fmt: skip
    data = export_tflite(
        network, labels, calibration, precision=options.precision,
        memory=in_frames(options.memory, options.fps), fps=options.fps,
        name=options.name or options.out.stem, target=options.target, follow=options.follow,
    )  # fmt: skip
    with atomic_file(options.out, make_folder=True) as file:
        file.write(data)
    print(f"{options.out}: {len(data) / 1e6:.1f} MB, {options.precision}, {len(labels)} classes")
    return OK


def _parser() -> argparse.ArgumentParser:
    parser = ArgumentParser(prog="python -m export.convert", description=__doc__)
    add = parser.add_argument
    add("network", type=Path, help="network.npz of export.finetune")
    add("-o", "--out", type=Path, required=True, help="the .tflite file to write")
    add("--precision", choices=PRECISIONS, default="int8", help="of the file; default: int8")
    add("--calibrate", type=Path, help="clips for int8, as export.finetune takes them")
    add("--root", type=Path, help="where the paths in a list start")
    add("--follow", choices=FOLLOWS, default="", help="what it was trained with, if it was")
    add("--fps", type=float, default=FPS, help="what it was trained with; default: %(default)g")
    add("--cache", type=Path, help="folder for decoded frames; default: beside OUT")
    add("--memory", type=float, default=3.0, help="seconds of the past that weigh; default: 3")
    add("--name", help="the model's short name; default: OUT's")
    add("--target", choices=TARGETS, help="processor to prepare for; default: this machine's")
    return parser


if __name__ == "__main__":
    sys.exit(main())
