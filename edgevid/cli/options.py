"""The flags of ``python -m edgevid.stream``, as one record."""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgevid.errors import UsageError
from edgevid.modelfile.manifest import RULES, EventRules, Manifest
from edgevid.models.catalog import PERSON_DETECTOR
from edgevid.records import Box
from edgevid.regions import FOLLOWS, TRACKS
from edgevid.regions.zones import Zone, parse_zones
from edgevid.runtime import backends
from edgevid.runtime.kept_features import BUDGET
from edgevid.runtime.rules import load_rules
from edgevid.support import command
from edgevid.support.orientation import ANGLES
from edgevid.version import __version__

# Labels a step that events are made from, however few are to be said.
FOLLOWED = 5
WHOLE = "none"  # to follow nothing, and look at the whole picture


@dataclass(frozen=True)
class Options:
    """What the user asked for. See ``--help`` for what each means; None leaves it to the model."""

    camera: str | None
    sources: tuple[str, ...]
    picture_fps: float | None
    realtime: bool
    always: bool
    continuous: bool
    follow: str | None
    tracks: int
    detector: str
    zones: tuple[Zone, ...]
    dwell: float | None
    duration: float
    model: str
    labels: Path | None
    backend: str
    threads: int
    fps: float | None
    crop: Box | None
    fit: str | None
    memory: float | None
    rotate: int
    mirror: bool
    top_k: int
    score_threshold: float
    allow: tuple[str, ...]
    deny: tuple[str, ...]
    rules: str | None
    on_threshold: float | None
    off_threshold: float | None
    smoothing: float | None
    min_duration: float | None
    cool_down: float | None
    headless: bool
    save: Path | None
    output: str | None
    keep_features: Path | None
    keep_features_mb: float
    debug: bool

    def event_rules(self, manifest: Manifest) -> EventRules:
        """Returns the model's rules for events, with what the user asked for in their place."""
        asked = {name: getattr(self, name) for name in RULES}
        return load_rules(self.rules).over(manifest.events, manifest.labels, asked)


def parse(arguments: Sequence[str] | None = None) -> Options:
    """Reads the command line; exits with code 2 and one line when it makes no sense."""
    parser = _parser()
    values = vars(parser.parse_args(arguments))
    for key in ("sources", "allow", "deny"):
        values[key] = tuple(values[key] or ())
    _check_follow(parser, values)
    if (values["camera"] is None) == (not values["sources"]):
        parser.error("give a --camera or a --source")
    return Options(**values)


def _check_follow(parser: argparse.ArgumentParser, values: dict[str, Any]) -> None:
    """Refuses what makes no sense with, or without, something to follow."""
    follows = values["follow"] in FOLLOWS
    given = {"--zone": values["zones"], "--zone-allow": values["zone_allow"]}
    given["--dwell"] = values["dwell"]
    for flag, value in given.items():
        if value and not follows:
            parser.error(f"{flag} goes with --follow")
    if follows and values["crop"] is not None:
        parser.error("--crop and --follow both say where to look: give one of them")
    if follows and values["keep_features"] is not None:
        parser.error("--keep-features is of the whole picture: it does not go with --follow")
    try:
        values["zones"] = parse_zones(values["zones"] or (), values.pop("zone_allow") or ())
    except UsageError as error:
        parser.error(str(error))


def _parser() -> argparse.ArgumentParser:
    parser = command.ArgumentParser(
        prog="python -m edgevid.stream",
        description="Recognises actions in front of a camera or in a video, as they happen.",
        epilog="q, Escape, Ctrl-C or closing the window ends it; files are whole then. Exit code: "
        "0 when all was well, 1 when something is missing (the summary says what), 2 for wrong "
        "options, 130 when it was interrupted twice.",
    )
    parser.add_argument("--version", action="version", version=f"edgevid {__version__}")
    _add_sources(parser)
    add_model(parser)
    _add_predictions(parser)
    _add_events(parser)
    _add_outputs(parser)
    return parser


def _add_sources(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("what to look at")
    group.add_argument("--camera", metavar="N", help="camera number, /dev/videoN, or picamera")
    group.add_argument(
        "--source",
        dest="sources",
        metavar="FILE",
        nargs="+",
        action="extend",
        help="video, animated picture, folder of videos, folder of numbered pictures, address "
        "(rtsp://, http://), or - for standard input; several are taken in order",
    )
    group.add_argument(
        "--picture-fps",
        type=_positive,
        metavar="FPS",
        help="pictures a second where the source does not say: in a folder of pictures, and in "
        "raw streams such as .h264 and .mjpeg (default: 25)",
    )
    group.add_argument(
        "--realtime", action="store_true", help="play a file at its own speed, as a camera would"
    )
    group.add_argument(
        "--always",
        action="store_true",
        help="step the model on a camera's every tick, also while nothing in the picture changes",
    )
    group.add_argument(
        "--continuous",
        action="store_true",
        help="keep the state of the network from one clip to the next",
    )
    group.add_argument(
        "--duration",
        type=_positive,
        default=math.inf,
        metavar="SECONDS",
        help="stop after this much of each source",
    )


def _add_predictions(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("what to report")
    group.add_argument(
        "--top-k", type=_count, default=5, metavar="N", help="labels in a prediction (default: 5)"
    )
    group.add_argument(
        "--score-threshold",
        type=_probability,
        default=0.0,
        metavar="P",
        help="leave out labels less probable than this, 0 to 1",
    )
    add_labels(group)


def _add_events(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group(
        "when an action counts as started or ended (defaults: the model's)"
    )
    add_rules(group)
    group.add_argument(
        "--event-on",
        dest="on_threshold",
        type=_probability,
        metavar="P",
        help="it starts when its smoothed probability reaches this, 0 to 1",
    )
    group.add_argument(
        "--event-off",
        dest="off_threshold",
        type=_probability,
        metavar="P",
        help="it ends when its smoothed probability falls below this, 0 to 1",
    )
    for rule, meaning in (
        ("smoothing", "time constant of the smoothing of the probability"),
        ("min_duration", "how long it must stay at --event-on or above before it starts"),
        ("cool_down", "how long after its end it cannot start again"),
    ):
        flag = f"--event-{rule.replace('_', '-')}"
        group.add_argument(flag, dest=rule, type=_seconds, metavar="SECONDS", help=meaning)


def _add_outputs(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("where it goes")
    group.add_argument(
        "--headless", action="store_true", help="no window (by itself where there is no display)"
    )
    group.add_argument("--save", type=Path, metavar="OUT.mp4", help="write the labelled video")
    group.add_argument(
        "--output", metavar="FILE", help="write JSON Lines; - for standard output and nothing else"
    )
    group.add_argument(
        "--keep-features",
        type=Path,
        metavar="FILE",
        help="keep the features of each frame, about 1.3 KB a second and no picture, as background "
        "for edgevid.teach; they are appended to a file that is there",
    )
    group.add_argument(
        "--keep-features-mb",
        type=_megabytes,
        default=BUDGET / 1e6,
        metavar="MB",
        help="its largest size; then the oldest features are deleted (default: %(default)g)",
    )
    group.add_argument("--debug", action="store_true", help="show the traceback of an error")


def add_model(parser: argparse.ArgumentParser) -> None:
    """Adds the options that say which model looks at what part of the picture."""
    _add_follow(parser)
    _add_network(parser)


def _add_follow(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("where to look")
    group.add_argument(
        "--follow",
        choices=(*FOLLOWS, WHOLE),
        help="follow what moves in front of a fixed camera, or people, each with a stream and "
        "predictions of its own; people-close looks at their upper bodies alone, for what they do "
        f"with their hands; {WHOLE} looks at the whole picture (default: what the model was taught "
        "with)",
    )
    group.add_argument(
        "--tracks",
        type=_count,
        default=TRACKS,
        metavar="N",
        help=f"how many are followed at a time, at most (default: {TRACKS})",
    )
    group.add_argument(
        "--detector",
        default=PERSON_DETECTOR,
        metavar="NAME",
        help="what finds people: a name that python -m edgevid.models lists, or a .tflite file "
        f"with box decoding inside (default: {PERSON_DETECTOR})",
    )
    group.add_argument(
        "--zone",
        dest="zones",
        action="append",
        metavar="NAME=X,Y;X,Y;X,Y",
        help="a polygon in pixels of the picture; events name the zone they happen in (repeatable)",
    )
    group.add_argument(
        "--zone-allow",
        action="append",
        metavar="NAME=LABEL",
        help="in the zone NAME report LABEL only (repeatable)",
    )
    group.add_argument(
        "--dwell",
        type=_positive,
        metavar="SECONDS",
        help="also report an event dwell when somebody has been in a zone, or in the picture where "
        "there are no zones, for so long",
    )


def _add_network(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("the model")
    group.add_argument(
        "--model",
        default="auto",
        metavar="NAME",
        help="a name that python -m edgevid.models lists, or a .tflite file; auto (the default) is "
        "movinet-a0 if it can be had, else camera-motion, which comes with edgevid",
    )
    group.add_argument(
        "--labels", type=Path, metavar="FILE", help="labels, one a line, in place of the model's"
    )
    group.add_argument(
        "--backend", choices=backends.NAMES, default="auto", help="what runs it (default: auto)"
    )
    group.add_argument(
        "--threads", type=_count, default=1, metavar="N", help="that it runs on (default: 1)"
    )
    group.add_argument("--fps", type=_positive, help="steps a second (default: the model's)")
    group.add_argument(
        "--crop",
        type=_box,
        metavar="X,Y,W,H",
        help="look at this part of the picture only, in pixels",
    )
    group.add_argument(
        "--fit",
        choices=Manifest.FITS,
        help="how a picture becomes a square: its middle, distorted, or with "
        "bars (default: the model's)",
    )
    group.add_argument(
        "--memory",
        type=_seconds,
        metavar="SECONDS",
        help="how far back the past counts; 0 forgets at once, inf never (default: the model's)",
    )
    group.add_argument(
        "--rotate",
        type=int,
        choices=ANGLES[1:],
        default=0,
        help="turn the picture clockwise by so many degrees, for a camera that is mounted so",
    )
    group.add_argument("--mirror", action="store_true", help="swap left and right")


def add_labels(group: argparse._ActionsContainer) -> None:
    """Adds the options that choose among the labels."""
    group.add_argument(
        "--allow", action="append", metavar="LABEL", help="report this label only (repeatable)"
    )
    group.add_argument(
        "--deny", action="append", metavar="LABEL", help="never report this label (repeatable)"
    )


def add_rules(group: argparse._ActionsContainer) -> None:
    """Adds the option that chooses the rules for events."""
    group.add_argument(
        "--rules",
        metavar="RULES",
        help="quick reports soon, sure waits for more certainty; or a file that edgevid.quiet made "
        "for this camera. Options override what the rules say for all labels, and not what they "
        "say for single ones",
    )


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is not a number over 0")
    return value


def _megabytes(text: str) -> float:
    value = float(text)
    if not 1 <= value < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is not a number of megabytes, 1 or more")
    return value


def _seconds(text: str) -> float:
    value = float(text)
    if not value >= 0:
        raise argparse.ArgumentTypeError(f"{text} is not 0 seconds or more")
    return value


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not 1 or more")
    return value


def _probability(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 1")
    return value


def _box(text: str) -> Box:
    parts = [int(part) for part in text.split(",")]
    if len(parts) != 4 or min(parts) < 0 or min(parts[2:]) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not X,Y,WIDTH,HEIGHT in pixels")
    return parts[0], parts[1], parts[2], parts[3]


# argparse names the type in "invalid ... value": give it words.
for _type in (_positive, _megabytes, _seconds, _probability):
    _type.__name__ = "number"
_count.__name__ = "whole number"
_box.__name__ = "X,Y,WIDTH,HEIGHT"
