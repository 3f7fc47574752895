"""``python -m edgevid.quiet``: finds rules under which a camera's usual footage starts no event."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from edgevid.cli import clashes, options
from edgevid.errors import SourceError
from edgevid.models.load import load_model
from edgevid.plain_text import readable
from edgevid.runtime.quiet import Levels, quieted
from edgevid.runtime.rules import RuleChanges, load_rules, written
from edgevid.runtime.watch import Watch
from edgevid.sources import clips, open_source
from edgevid.support import command
from edgevid.support.atomic_file import atomic_file
from edgevid.support.orientation import oriented

_SHOWN = 10  # labels


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    chosen = _parser().parse_args(arguments)
    return command.guard(lambda: _run(chosen), debug=chosen.debug)


def _parser() -> argparse.ArgumentParser:
    parser = command.ArgumentParser(
        prog="python -m edgevid.quiet",
        description="Watches ordinary footage of a camera, in which nothing is worth an event, and "
        "writes rules by which it starts none: labels that start events there get higher "
        "thresholds.",
        epilog="python -m edgevid.stream --rules FILE takes the rules, and so does a [[camera]] of "
        "the service. They are for this camera and this model. The more footage, the better: what "
        "does not occur in it is not silenced.",
    )
    parser.add_argument(
        "recordings",
        metavar="RECORDING",
        nargs="+",
        help="what edgevid.stream takes as --source: a video, a folder of videos",
    )
    parser.add_argument(
        "-o", "--output", type=Path, required=True, metavar="FILE", help="the rules to write"
    )
    options.add_rules(parser)
    options.add_model(parser)
    options.add_labels(parser)
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    return parser


@dataclass(slots=True)
class _Seen:
    """What was seen so far."""

    levels: Levels
    events: int = 0


def _run(chosen: argparse.Namespace) -> int:
    clashes.check(
        {"--output": chosen.output},
        files={"the model": Path(chosen.model), "the labels' file": chosen.labels},
        sources=chosen.recordings,
    )
    before = load_rules(chosen.rules) if chosen.rules is not None else RuleChanges()
    model = load_model(
        chosen.model, labels=chosen.labels, threads=chosen.threads, backend=chosen.backend
    )
    rules = before.over(model.manifest.events, model.manifest.labels)
    stream = model.stream(
        memory=chosen.memory,
        top_k=options.FOLLOWED,
        allow=tuple(chosen.allow or ()),
        deny=tuple(chosen.deny or ()),
        fit=chosen.fit,
        crop=chosen.crop,
    )
    watch = Watch(stream, rules, fps=chosen.fps)
    seen = _Seen(Levels(rules))
    code = command.OK
    for clip in [clip for recording in chosen.recordings for clip in clips(recording)]:
        try:
            _watch(clip, watch, seen, chosen)
        except SourceError as error:  # the rules are made from what could be read
            command.complain(str(error))
            code = command.FAILED
    if not seen.levels.seconds:
        raise SourceError("nothing was seen: no rules were written")
    needed = quieted(seen.levels.highest, rules)
    changes = replace(before, by_label={**before.by_label, **needed}, model=model.manifest.name)
    minutes = seen.levels.seconds / 60
    of = f"{minutes:.1f} minutes of ordinary footage"
    with atomic_file(chosen.output) as file:
        file.write(written(changes, f"Written by python -m edgevid.quiet from {of}.").encode())
    _tell(chosen.output, seen, of, needed)
    return code


def _watch(clip: str, watch: Watch, seen: _Seen, chosen: argparse.Namespace) -> None:
    seen.levels.end()
    watch.end()
    with open_source(clip) as source:
        for frame in source:
            if chosen.rotate or chosen.mirror:
                frame = frame.changed(
                    lambda image: oriented(image, rotate=chosen.rotate, mirror=chosen.mirror)
                )
            prediction, events = watch.take(frame)
            if prediction is not None:
                seen.levels.update(prediction)
            seen.events += sum(event.state == "start" for event in events)


def _tell(output: Path, seen: _Seen, of: str, needed: dict[str, dict[str, float]]) -> None:
    print(
        f"{readable(str(output))}: {len(needed)} labels need more than before; "
        f"{seen.events} events started in {of}"
    )
    for label, values in list(needed.items())[:_SHOWN]:
        reached = seen.levels.highest[label]
        print(f"  {readable(label)}: reached {reached:.3g}, needs {values['on_threshold']:.4g}")
    if len(needed) > _SHOWN:
        print(f"  and {len(needed) - _SHOWN} more")
