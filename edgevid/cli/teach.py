"""``python -m edgevid.teach``: teaches a model from a few clips, on the device itself."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from edgevid.cli import clashes
from edgevid.plain_text import readable
from edgevid.regions import FOLLOWS, follow
from edgevid.support import command
from edgevid.teach import Follow, examples_of, report, report_of, teach

_EVERY_S = 0.5  # the progress is said this often at most


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    parser = _parser()
    chosen = parser.parse_args(arguments)
    if not (chosen.data or chosen.background or chosen.add or chosen.from_search):
        parser.error("give DATA, --background, --add or --from-search: something to learn from")
    if len({chosen.from_search is None, chosen.archive is None, chosen.label is None}) > 1:
        parser.error("--from-search, --archive and --label go together")
    if chosen.output.suffix != ".tflite":
        parser.error(f"the output must end in .tflite, not be {chosen.output}")
    return command.guard(lambda: _run(chosen), debug=chosen.debug)


def _parser() -> argparse.ArgumentParser:
    parser = command.ArgumentParser(
        prog="python -m edgevid.teach",
        description="Teaches a model to tell what you show it, from a few clips and ordinary "
        "footage, in about a minute, on the device itself.",
        epilog="Beside the model it writes its examples, from which --add goes on, and a report. "
        "python -m edgevid.stream --model FILE runs it.",
    )
    parser.add_argument(
        "data",
        type=Path,
        nargs="?",
        metavar="DATA",
        help="a folder with a folder of clips for each class (background/ or none/ holds clips in "
        "which nothing special happens); or a list with a path and a label a line; or a table with "
        "columns path, start, end and label, where all other time is background",
    )
    parser.add_argument(
        "-o", "--output", type=Path, required=True, metavar="FILE", help="the .tflite to write"
    )
    parser.add_argument(
        "--background",
        nargs="+",
        action="extend",
        default=[],
        metavar="RECORDING",
        help="ordinary footage, best of the same camera: videos, folders of them, or what "
        "edgevid.stream --keep-features kept",
    )
    group = parser.add_argument_group("from a search")
    group.add_argument(
        "--from-search",
        type=Path,
        metavar="FILE.tsv",
        help="answers of edgevid.archive search --marks, of which some are marked: right ones show "
        "the label, wrong ones are background; no video is read",
    )
    group.add_argument(
        "--archive", type=Path, metavar="ARCHIVE", help="the archive that was searched"
    )
    group.add_argument("--label", metavar="NAME", help="the label of right answers")
    parser.add_argument(
        "--group",
        metavar="REGEX",
        help="what in a file's name says which clips belong together, such as '^(S[0-9]+)_' for a "
        "person: none of a group is measured on when another was learned from",
    )
    parser.add_argument(
        "--false-alarms",
        type=float,
        default=1.0,
        metavar="PER_HOUR",
        help="how many false events an hour are allowed (default: 1)",
    )
    parser.add_argument(
        "--add",
        type=Path,
        metavar="FILE",
        help="go on from this taught model and the examples beside it, without their videos",
    )
    parser.add_argument(
        "--model",
        metavar="NAME",
        help="what to teach: a name that python -m edgevid.models lists, or a file (default: auto)",
    )
    parser.add_argument(
        "--follow",
        choices=FOLLOWS,
        help="look at what moves, or at people, and not at the whole picture, as python -m "
        "edgevid.stream will with this file",
    )
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    return parser


class _Progress:
    """Says what is going on, and how much longer it takes, on one line of a terminal."""

    def __init__(self) -> None:
        self._what = ""
        self._started = self._said = time.monotonic()

    def __call__(self, what: str, done: int, of: int) -> None:
        now = time.monotonic()
        if what != self._what:
            self._what, self._started = what, now
        elif now - self._said < _EVERY_S:
            return
        if not sys.stderr.isatty():
            return
        self._said = now
        left = ""
        if done:
            left = f", {(now - self._started) / done * (of - done):.0f} s left"
        print(f"\r\x1b[K{what}: {done} of {of}{left}", end="", file=sys.stderr, flush=True)

    def end(self) -> None:
        """Leaves the terminal as it was."""
        if sys.stderr.isatty():
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def _run(chosen: argparse.Namespace) -> int:
    clashes.check(
        {"--output": chosen.output, "the examples": examples_of(chosen.output)},
        files={
            "the data": chosen.data,
            "--from-search": chosen.from_search,
            "the model": Path(chosen.model) if chosen.model else None,
        },
        sources=chosen.background,
    )
    model, seen = chosen.model, []
    if chosen.from_search is not None:
        from edgevid.cli import from_search  # brings the archive in

        name = from_search.model_of(chosen.archive, chosen.model or chosen.add)
        model = name if chosen.add is None else chosen.model
        seen = from_search.examples(chosen.from_search, chosen.archive, chosen.label)
    progress = _Progress()
    try:
        result = teach(
            chosen.data,
            chosen.output,
            background=chosen.background,
            group=chosen.group,
            false_alarms=chosen.false_alarms,
            add=chosen.add,
            model=model,
            seen=seen,
            follow=Follow(chosen.follow, partial(follow, chosen.follow)) if chosen.follow else None,
            told=progress,
        )
    finally:
        progress.end()
    for warning in result.warnings:
        command.complain(warning)
    for line in report.summary(result):
        print(line)
    print(f"{readable(str(chosen.output))}, and {report_of(chosen.output) / report.PAGE}")
    return command.OK
