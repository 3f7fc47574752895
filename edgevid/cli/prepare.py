"""``python -m edgevid.prepare``: rewrites a published model for the edge."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from edgevid.cli import clashes
from edgevid.errors import EdgevidError, ModelError
from edgevid.modelfile import flatbuffer, label_files
from edgevid.models import trial
from edgevid.models.attempt import Attempt, Wanted
from edgevid.plain_text import one_line, printable
from edgevid.prepare import cut
from edgevid.support import command
from edgevid.support.atomic_file import atomic_file
from edgevid.support.target import TARGETS, this_machine


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    chosen = _parser().parse_args(arguments)
    return command.guard(lambda: _run(chosen), debug=chosen.debug)


def _parser() -> argparse.ArgumentParser:
    parser = command.ArgumentParser(
        prog="python -m edgevid.prepare",
        description="Rewrites a published MoViNet stream (.tflite), so that it can forget, and a "
        "step takes less time.",
    )
    parser.add_argument("model", type=Path, help="the published file")
    parser.add_argument("-o", "--output", type=Path, required=True, help="the file to write")
    parser.add_argument(
        "--labels",
        type=Path,
        help="a label a line, in the logits' order (default: those in the file; "
        "for 600 classes those of Kinetics-600)",
    )
    parser.add_argument("--name", help="the model's short name (default: the output's)")
    parser.add_argument(
        "--target",
        choices=TARGETS,
        default=this_machine(),
        help="the processor to optimise for; any can run the file. pi4: ARM without dot-product "
        "instructions; pi5: ARM with them; web: a browser, where no input or output is int8 "
        "(default here: %(default)s)",
    )
    parser.add_argument(
        "--features",
        action="store_true",
        help="write the network only up to its features, for a program that has a head of its own",
    )
    parser.add_argument("--explain", action="store_true", help="list what each pass changed")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    return parser


def _run(chosen: argparse.Namespace) -> int:
    clashes.check(
        {"--output": chosen.output},
        files={"the published file": chosen.model, "the labels' file": chosen.labels},
    )
    labels = label_files.read(chosen.labels) if chosen.labels else ()
    data = flatbuffer.load(chosen.model)
    wanted = Wanted(
        name=chosen.name or printable(chosen.output.stem),
        labels=labels,
        prepare=True,
        target=chosen.target,
        backend="auto",
    )
    try:
        # Away from here: the file may be anybody's, and what comes out is to run as well.
        done = trial.run(chosen.model, data, wanted)
        if done.prepared is None:
            raise ModelError(done.problem)
        content = cut(done.prepared) if chosen.features else done.prepared
    except EdgevidError as error:
        raise type(error)(f"{chosen.model}: {one_line(str(error))}") from error
    with atomic_file(chosen.output) as file:
        file.write(content)
    _tell(done, len(content), chosen)
    return command.OK


def _tell(prepared: Attempt, size: int, chosen: argparse.Namespace) -> None:
    if not prepared.report and not chosen.features:
        print(f"{chosen.model} had been prepared before; {chosen.output} is the same network")
        return
    if chosen.explain:
        width = max(len(step) for step, _ in prepared.report)
        for step, change in prepared.report:
            print(f"{step.replace('_', ' '):{width}}  {change or 'nothing to do'}")
    print(f"{chosen.output}: {size / 1e6:.1f} MB, ready for {chosen.target}")
