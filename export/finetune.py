"""``python -m export.finetune``: labelled clips become a float network for their classes."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from edgevid.regions import FOLLOWS
from edgevid.support.command import OK, ArgumentParser, guard
from export.model.network import FPS, INPUT_SIZE, STYLES
from export.training.finetune import Job, finetune
from export.training.hardware import MIXED_PRECISIONS
from export.training.trainer import Recipe


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit code."""
    options = _parser().parse_args(arguments)
    return guard(lambda: _run(options))


def _run(options: argparse.Namespace) -> int:
    recipe = Recipe()
    chosen = {k: v for k, v in vars(options).items() if v is not None and hasattr(recipe, k)}
    job = Job(
        data=options.data, out=options.out, init=options.init, size=options.size,
        style=options.style, test=options.test, root=options.root, names=options.labels,
        group=options.group, validation=options.validation, cache=options.cache,
        mixed_precision=options.mixed_precision, follow=options.follow, fps=options.fps,
        recipe=replace(recipe, **chosen),
    )  # fmt: skip
    figures = finetune(job, job.load()).figures
    for name in ("validation", "test"):
        if name in figures:
            print(f"{name}: top-1 {figures[name]['top1']:.3f} on {figures[name]['clips']} clips")
    print(f"network: {options.out / 'network.npz'}   report: {options.out / 'report.md'}")
    return OK


def _parser() -> argparse.ArgumentParser:
    parser = ArgumentParser(prog="python -m export.finetune", description=__doc__)
    add, recipe = parser.add_argument, Recipe()
    add("data", type=Path, help="a folder per class, or a list or CSV of clips")
    add("--out", type=Path, required=True, help="folder for the network and the report")
    add("--init", default="none", help="published .tflite, .npz, Model Garden prefix, or none")
    add("--size", choices=list(INPUT_SIZE), default="a0", help="of MoViNet; default: a0")
    add("--style", choices=STYLES, default="relu6", help="relu6 suits int8 best")
    add("--test", type=Path, help="clips to measure on once, at the end")
    add("--root", type=Path, help="where the paths in a list start; default: the list's folder")
    add("--labels", type=Path, help="names of numeric labels, one a line, from 0")
    add(
        "--group",
        default="",
        help="regex: what must be on one side of a split, such as '^(S[0-9]+)_'",
    )
    add(
        "--follow",
        choices=FOLLOWS,
        default="",
        help="train on what a stream sees that follows this",
    )
    add("--fps", type=float, default=FPS, help="frames a second to look at; default: %(default)g")
    add(
        "--validation",
        type=float,
        default=0.2,
        help="share of the clips to hold out; default: 0.2; 0 for none",
    )
    add("--cache", type=Path, help="folder for decoded frames; default: OUT/frames")
    add("--mixed-precision", choices=MIXED_PRECISIONS, default="auto", help="default: %(default)s")
    add("--epochs", type=int, help=f"default: {recipe.epochs}")
    add("--batch", type=int, help=f"clips a step; default: {recipe.batch}")
    add("--learning-rate", type=float, help=f"default: {recipe.learning_rate}")
    add("--frozen", type=int, help=f"stages that keep their weights; default: {recipe.frozen}")
    add(
        "--quantization-aware", action="store_true", default=None,
        help="a few epochs more, with --init OUT/network.npz, where int8 loses too much",
    )  # fmt: skip
    add("--memory", type=float, help=f"seconds of the past that weigh; default: {recipe.memory:g}")
    add("--seed", type=int, help=f"of every random choice; default: {recipe.seed}")
    return parser


if __name__ == "__main__":
    sys.exit(main())
