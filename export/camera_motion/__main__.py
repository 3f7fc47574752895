"""``python -m export.camera_motion``: draws, trains, converts, verifies; the bundled file anew.

Called again it goes on where it was interrupted. What is kept on the way, the report and the
curves are in ``--out``; the file itself goes to ``edgevid/bundled`` at the end, if it does what the
float network does.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from edgevid.models.catalog import CAMERA_MOTION
from edgevid.support.command import OK, ArgumentParser, guard
from export.camera_motion.build import run
from export.camera_motion.train import Recipe


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit code."""
    parser = ArgumentParser(
        prog="python -m export.camera_motion", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument(
        "--out", type=Path, default=Path("out/camera-motion"),
        help="folder for what is kept on the way (default: out/camera-motion)",
    )  # fmt: skip
    parser.add_argument(
        "--file",
        type=Path,
        default=CAMERA_MOTION.path,
        help="the file to make (default: the bundled one)",
    )
    parser.add_argument(
        "--steps", type=int, help="fewer for a try-out; a fifth more follows, with people"
    )
    options = parser.parse_args(arguments)
    return guard(lambda: _run(options))


def _run(options: argparse.Namespace) -> int:
    recipe = Recipe()
    if options.steps is not None:
        recipe = replace(recipe, steps=options.steps, people_steps=options.steps // 5)
    run(recipe, options.out, options.file)
    return OK


if __name__ == "__main__":
    sys.exit(main())
