"""``python -m export.run config.toml``: from clips to a verified streaming file in one go.

    [data]
    train = "clips/train"           # a folder per class, or a list or CSV of clips
    test = "clips/test"             # other people, other places; measured at the end
    labels = "names.txt"            # optional: names of numeric labels, one a line, from 0
    group = "^(S[0-9]+)_"           # optional: what must not be on both sides
    folds = 3                       # optional: cross-validation before the training itself
    follow = "people-close"         # optional: see what a stream sees that follows them

    [model]
    name = "gestures"
    init = "movinet_a0_stream_int8.tflite"
    size = "a0"
    style = "relu6"
    fps = 10                        # optional: frames a second to look at; 5 by default

    [train]                         # optional: any field of export.training.trainer.Recipe
    epochs = 45

    [augmentation]                  # optional: any field of export.data.augment.Augmentation
    hue = 0.0                       # where colours tell classes apart

    [try.longer]                    # optional: variations, for --try, by any name
    train.epochs = 60
    augmentation.seconds = 5.0

    [export]                        # optional
    precision = ["int8", "float32"]
    quantization_aware = 3          # epochs of training with rounding, if int8 loses too much
    target = "pi5"                  # what is to run it: pi4, pi5, x86; default: this machine

Paths count from the config's own folder. What comes out is in the folder ``out`` beside it, or
the one that ``--out`` names. Called again, it goes on where it was interrupted.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from edgevid.support.command import OK, ArgumentParser, guard
from export.config import read_config
from export.pipeline import run, try_variations


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit code."""
    parser = ArgumentParser(
        prog="python -m export.run", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("config", type=Path)
    parser.add_argument("--out", type=Path, help="folder for all that comes out")
    parser.add_argument(
        "--try", nargs="+", metavar="NAME", default=[], dest="variations",
        help="only cross-validate these variations of the config's; base is the recipe itself",
    )  # fmt: skip
    options = parser.parse_args(arguments)
    return guard(lambda: _run(options))


def _run(options: argparse.Namespace) -> int:
    plan = read_config(options.config, options.out or options.config.parent / "out")
    if options.variations:
        try_variations(plan, options.variations)
    else:
        run(plan)
    return OK


if __name__ == "__main__":
    sys.exit(main())
