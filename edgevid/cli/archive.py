"""``python -m edgevid.archive``: recordings become an archive, which can be searched."""

from __future__ import annotations

import argparse
import math
import re
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from edgevid import regions
from edgevid.archive import answers, layout, marking, marks, predict, search
from edgevid.archive.index import Report, index
from edgevid.archive.recordings import Naming, Recording, find
from edgevid.archive.search import Answer, Where
from edgevid.archive.store import Archive
from edgevid.archive.tables import Indexed
from edgevid.archive.work import Settings
from edgevid.cli import clashes
from edgevid.errors import EdgevidError, SourceError, UsageError
from edgevid.models.load import load_model
from edgevid.plain_text import readable
from edgevid.records import Frame
from edgevid.runtime import backends
from edgevid.runtime.feature_file import Network
from edgevid.runtime.model import Model
from edgevid.runtime.watch import Watch
from edgevid.sources import open_source
from edgevid.support import command
from edgevid.support.atomic_file import atomic_file

_MOST_CONFUSED = 10  # pairs of labels that are shown


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    chosen = _parser().parse_args(arguments)
    return command.guard(lambda: int(chosen.run(chosen)), debug=chosen.debug)


def _parser() -> argparse.ArgumentParser:
    parser = command.ArgumentParser(
        prog="python -m edgevid.archive",
        description="Recordings become an archive of features, labels and events, which is "
        "searched without reading a video again.",
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    _add_index(commands)
    _add_search(commands)
    _add_mark(commands)
    _add_predict(commands)
    return parser


def _add_index(commands: argparse._SubParsersAction[command.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "index",
        help="take recordings into an archive",
        description="Takes recordings into an archive. It can be interrupted at any moment and "
        "begun again: what is in the archive, whatever its name, is not looked at again.",
    )
    _add_sources(parser)
    parser.add_argument(
        "--to", type=Path, required=True, metavar="ARCHIVE", help="the archive's folder"
    )
    _add_model(parser)
    parser.add_argument("--rules", metavar="RULES", help="for events, as edgevid.stream takes them")
    parser.add_argument(
        "--follow",
        choices=regions.FOLLOWS,
        help="besides the whole picture watch what moves in front of a fixed camera, or people, "
        "each by itself",
    )
    group = parser.add_argument_group("camera and time of a recording")
    group.add_argument(
        "--layout",
        metavar="PATTERN",
        help="how the recorder names its files, such as "
        f"'{layout.LAYOUTS['shinobi'].pattern}', or {', '.join(layout.LAYOUTS)} "
        "(default: whichever of these fits; else the folder is the camera, and the file's metadata "
        "or its age the time)",
    )
    group.add_argument(
        "--timezone", type=_zone, metavar="ZONE", help="of times in paths (default: this machine's)"
    )
    group.add_argument("--camera", metavar="NAME", help="all recordings are of this one")
    _add_processes(parser)
    parser.add_argument(
        "--ray",
        metavar="ADDRESS",
        help="use the machines of a Ray cluster (HOST:6379, auto) instead; local starts one here",
    )
    _add_debug(parser)
    parser.set_defaults(run=_index)


def _add_search(commands: argparse._SubParsersAction[command.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "search",
        help="ask an archive",
        description="Says when and where something was seen, without reading a video.",
    )
    parser.add_argument("archive", type=Path, metavar="ARCHIVE", help="from index")
    parser.add_argument(
        "words", metavar="WORDS", nargs="?", help="find labels with these words, such as 'falling'"
    )
    parser.add_argument(
        "--like",
        metavar="CLIP[@START-END]",
        help="find what looks like this clip, or like some seconds of it, such as fall.mp4@3-6",
    )
    parser.add_argument(
        "--follow",
        choices=regions.FOLLOWS,
        help="with --like: what looks like somebody, or something, that is followed in the clip",
    )
    parser.add_argument(
        "--model",
        metavar="TAUGHT.tflite",
        help="find what this model reports, which was taught (edgevid.teach) on the archive's "
        "network; with WORDS only these labels of it",
    )
    parser.add_argument(
        "--network",
        metavar="NAME",
        help="with --like: the model that the archive was made with, should its name have changed",
    )
    group = parser.add_argument_group("where")
    group.add_argument(
        "--since", type=_time, metavar="TIME", help="such as 2026-05-01 or 2026-05-01T18:30"
    )
    group.add_argument("--until", type=_time, metavar="TIME", help="the same; a day is a whole day")
    group.add_argument(
        "--camera", action="append", metavar="NAME", help="of this camera only (repeatable)"
    )
    group = parser.add_argument_group("answers")
    group.add_argument(
        "--top", type=_count, default=20, metavar="N", help="answers at most (default: 20)"
    )
    group.add_argument("--json", action="store_true", help="as JSON Lines")
    group.add_argument(
        "--sheet", type=Path, metavar="FILE.jpg", help="also a picture of each, in one file"
    )
    group.add_argument(
        "--clips", type=Path, metavar="FOLDER", help="also a cut clip of each, into this folder"
    )
    group.add_argument(
        "--marks",
        type=Path,
        metavar="FILE.tsv",
        help="also a line of each into this table, whose first column is for right or wrong "
        "(edgevid.teach --from-search); what is in it stays",
    )
    _add_recordings(group)
    _add_debug(parser)
    parser.set_defaults(run=_search)


def _add_mark(commands: argparse._SubParsersAction[command.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "mark",
        help="mark answers right or wrong on a page of this machine",
        description="Shows the answers of search --marks on a page that this machine alone can "
        "open, and keeps in the file which are right and which wrong.",
    )
    parser.add_argument("marks", type=Path, metavar="FILE.tsv", help="from search --marks")
    parser.add_argument("--port", type=int, default=0, metavar="N", help="(default: any)")
    _add_recordings(parser)
    _add_debug(parser)
    parser.set_defaults(run=_mark)


def _add_predict(commands: argparse._SubParsersAction[command.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "predict",
        help="label clips, and measure how many labels are right",
        description="Says what each clip shows: the labels with the highest mean probability.",
    )
    _add_sources(parser)
    _add_model(parser)
    parser.add_argument(
        "--top-k", type=_count, default=5, metavar="N", help="labels of a clip (default: 5)"
    )
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="FILE",
        help="write .csv, .jsonl or .parquet (default: CSV on standard output)",
    )
    parser.add_argument(
        "--truth",
        metavar="FILE",
        help="a .csv or .tsv of paths and labels, or folders where each clip lies in a folder of "
        "its label's name: says top-1, top-5 and mean class accuracy",
    )
    parser.add_argument(
        "--confusion", type=Path, metavar="FILE.csv", help="with --truth: what was taken for what"
    )
    _add_processes(parser)
    _add_debug(parser)
    parser.set_defaults(run=_predict)


def _add_sources(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "sources",
        metavar="SOURCE",
        nargs="+",
        help="a video, a folder with all that is below it, a .txt file with a source a line, a "
        "glob, an address that fsspec opens (s3://bucket/folder)",
    )


def _add_recordings(parser: argparse._ActionsContainer) -> None:
    parser.add_argument(
        "--recordings",
        action="append",
        default=[],
        metavar="SOURCE",
        help="recordings that show what the service's cameras saw: its clips, or a recorder's "
        "(repeatable)",
    )


def _add_model(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("the model")
    group.add_argument(
        "--model",
        default="auto",
        metavar="NAME",
        help="a name that python -m edgevid.models lists, or a .tflite file (default: auto)",
    )
    group.add_argument(
        "--labels", metavar="FILE", help="labels, one a line, in place of the model's"
    )
    group.add_argument(
        "--backend", choices=backends.NAMES, default="auto", help="what runs it (default: auto)"
    )


def _add_processes(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--processes", type=_count, metavar="N", help="at a time (default: one for each core)"
    )


def _add_debug(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")


def _index(chosen: argparse.Namespace) -> int:
    naming = Naming(
        layout.layout_of(chosen.layout) if chosen.layout is not None else None,
        chosen.timezone,
        chosen.camera,
    )
    recordings, problems = _found(chosen.sources, naming)
    follow = regions.Follow(chosen.follow) if chosen.follow is not None else None
    settings = Settings(chosen.model, chosen.labels, chosen.backend, chosen.rules, follow)
    report = Report()
    if recordings:
        with _Bar(recordings) as bar:
            report = index(
                recordings,
                chosen.to,
                settings,
                workers=chosen.processes,
                ray=chosen.ray,
                progress=bar.done,
            )
    print(
        f"{readable(str(chosen.to))}: {report.indexed} recordings came in, "
        f"{report.seconds / 3600:.2f} hours; {report.known} were there"
    )
    problems += report.problems
    for problem in problems:
        command.complain(problem)
    return command.FAILED if problems else command.OK


def _found(sources: Sequence[str], naming: Naming) -> tuple[list[Recording], list[str]]:
    """Returns the recordings there are, and what is wrong with the other sources."""
    found: dict[str, Recording] = {}
    problems = []
    for source in sources:
        try:
            found.update((one.address, one) for one in find([source], naming))
        except SourceError as error:
            problems.append(str(error))
    return list(found.values()), problems


class _Bar:
    """How far it is, in bytes, and how long it will take."""

    def __init__(self, recordings: Sequence[Recording]) -> None:
        total = sum(recording.size for recording in recordings)
        self._bar = tqdm(total=total, unit="B", unit_scale=True, disable=None, leave=False)
        self._seconds = 0.0

    def __enter__(self) -> _Bar:
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()

    def done(self, recording: Recording, indexed: Indexed | None) -> None:
        if indexed is None:
            # What is known already says nothing of how long the rest takes.
            self._bar.total = (self._bar.total or 0) - recording.size
            self._bar.refresh()
            return
        self._seconds += indexed.seconds
        self._bar.set_postfix_str(f"{self._seconds / 3600:.2f} h of video", refresh=False)
        self._bar.update(recording.size)


def _search(chosen: argparse.Namespace) -> int:
    if sum(what is not None for what in (chosen.words, chosen.like)) + bool(chosen.model) < 1:
        raise UsageError("say what to look for: WORDS, --like CLIP or --model TAUGHT.tflite")
    if chosen.like is not None and (chosen.words or chosen.model):
        raise UsageError("--like is a question by itself")
    for flag, value in (("--network", chosen.network), ("--follow", chosen.follow)):
        if value is not None and chosen.like is None:
            raise UsageError(f"{flag} goes with --like")
    archive = Archive(chosen.archive)
    where = Where(chosen.since, _end_of_day(chosen.until), tuple(chosen.camera or ()))
    if chosen.like is not None:
        found = _like(archive, chosen, where)
    elif chosen.model is not None:
        found = _taught(archive, chosen, where)
    else:
        found = search.by_label(archive, chosen.words, where, most=chosen.top)
    return _tell(found, chosen)


def _tell(found: list[Answer], chosen: argparse.Namespace) -> int:
    recordings = find(chosen.recordings)
    if chosen.json:
        sys.stdout.write(answers.lines(found))
    elif found:
        print(answers.table(found))
    else:
        print("nothing was found")
    problems = []
    clashes.check(
        {"--sheet": chosen.sheet, "--marks": chosen.marks},
        sources=[answer.source for answer in found],
    )
    if chosen.marks is not None:
        known = marks.read(chosen.marks) if chosen.marks.exists() else []
        marks.write(chosen.marks, marks.together(known, found))
    if chosen.sheet is not None:
        problems += answers.write_sheet(found, chosen.sheet, recordings)
    if chosen.clips is not None:
        chosen.clips.mkdir(parents=True, exist_ok=True)
        problems += answers.write_clips(found, chosen.clips, recordings)
    for problem in dict.fromkeys(problems):
        command.complain(problem)
    return command.FAILED if problems else command.OK


def _mark(chosen: argparse.Namespace) -> int:
    if not 0 <= chosen.port < 1 << 16:
        raise UsageError(f"--port {chosen.port}: must be 0 to 65535")
    with marking.serving(chosen.marks, chosen.port, find(chosen.recordings)) as address:
        print(f"{address} until you press Ctrl-C", flush=True)
        with suppress(KeyboardInterrupt):
            threading.Event().wait()
    return command.OK


def _like(archive: Archive, chosen: argparse.Namespace, where: Where) -> list[Answer]:
    clip, start, end = _span(chosen.like)
    recording = find([clip])[0]
    content = recording.content()
    examples = None
    if chosen.follow is None:
        examples = search.stored(archive, content, start, end)
    if examples is None:
        name = chosen.network or archive.description.model
        examples = _watched(archive, recording, name, chosen.follow, start, end)
    return search.by_example(archive, examples, where, most=chosen.top, without=content)


def _watched(
    archive: Archive, recording: Recording, name: str, follow: str | None, start: float, end: float
) -> NDArray[np.float32]:
    """Returns the means over windows of a clip that is not in the archive, or of each track."""
    model = load_model(name)
    known = archive.description.network
    if not Network.of(model).is_that_of(known):
        raise UsageError(f"the archive was made with {known.model}: name it with --network")
    seen: dict[int | None, list[NDArray[np.float32]]] = {}  # by track
    with recording.at_hand() as path, open_source(path) as source:
        for track, features, seconds in _steps(source, model, follow):
            if seconds > end:
                break
            if seconds >= start:
                seen.setdefault(track, []).append(features)
    if not seen:
        what = "nothing of it" if follow is None else "nothing that is followed in it"
        raise UsageError(f"{recording.name}: {what} lies between {start:g} s and {end:g} s")
    return np.concatenate([search.means(np.stack(rows), known.fps) for rows in seen.values()])


def _steps(
    frames: Iterable[Frame], model: Model, follow: str | None
) -> Iterator[tuple[int | None, NDArray[np.float32], float]]:
    """Yields the track, the features and the seconds of each step."""
    if follow is None:
        watch = Watch(model.stream())
        for frame in frames:
            if watch.take(frame).prediction is not None:
                yield None, watch.stream.features, frame.timestamp
        return
    following = regions.follow(follow, model.stream)
    for frame in frames:
        for prediction in following.take(frame).predictions or ():
            assert prediction.track is not None
            yield prediction.track, following.features(prediction.track), frame.timestamp


def _span(text: str) -> tuple[str, float, float]:
    """Splits CLIP@START-END; a file of that name comes first."""
    found = re.fullmatch(r"(.+)@(\d+(?:\.\d+)?)-(\d+(?:\.\d+)?)", text)
    if found is None or Path(text).exists():
        return text, 0.0, math.inf
    start, end = float(found[2]), float(found[3])
    if end <= start:
        raise UsageError(f"--like {text}: it ends before it begins")
    return found[1], start, end


def _taught(archive: Archive, chosen: argparse.Namespace, where: Where) -> list[Answer]:
    model = load_model(chosen.model)
    manifest = model.manifest
    if manifest.head is None:
        raise UsageError(f"{chosen.model}: was not taught: it has no head")
    known = archive.description.network
    if not Network.of(model).is_that_of(known):
        raise UsageError(f"{chosen.model}: was taught on another network than {known.model}")
    wanted = search.matching(chosen.words, manifest.labels) if chosen.words else manifest.labels
    thresholds = [manifest.events.of(label).on_threshold for label in manifest.labels]
    return search.by_head(
        archive,
        manifest.head,
        manifest.labels,
        where,
        thresholds=thresholds,
        most=chosen.top,
        wanted=wanted,
    )


def _predict(chosen: argparse.Namespace) -> int:
    if chosen.confusion is not None and chosen.truth is None:
        raise UsageError("--confusion goes with --truth")
    kind = chosen.output.suffix.lower() if chosen.output is not None else ".csv"
    if kind not in predict.FORMATS:
        raise UsageError(f"{chosen.output}: name it {', '.join(predict.FORMATS)}")
    clashes.check(
        {"--output": chosen.output, "--confusion": chosen.confusion}, sources=chosen.sources
    )
    settings = Settings(chosen.model, chosen.labels, chosen.backend)
    recordings, problems = _found(chosen.sources, Naming())
    labels = settings.load().manifest.labels
    truths = predict.truths(chosen.truth, recordings, labels) if chosen.truth else {}
    said: dict[str, predict.Labelled] = {}
    with tqdm(total=len(recordings), unit="clip", disable=None, leave=False) as bar:
        for one, result in predict.predict(
            recordings, settings, top_k=max(chosen.top_k, 5), workers=chosen.processes
        ):
            bar.update()
            if isinstance(result, EdgevidError):
                problems.append(f"{one.name}: {str(result).removeprefix(f'{one.name}: ')}")
            else:
                truth = truths.get(one.address, "")
                said[one.address] = predict.Labelled(result.source, result.scores, truth)
    labelled = [said[one.address] for one in recordings if one.address in said]
    _write_labels(labelled, kind, chosen)
    if truths and labelled:
        _tell_measured(predict.measure(labelled), chosen)
    for problem in problems:
        command.complain(problem)
    return command.FAILED if problems else command.OK


def _write_labels(
    labelled: Sequence[predict.Labelled], kind: str, chosen: argparse.Namespace
) -> None:
    cut = [predict.Labelled(one.source, one.scores[: chosen.top_k], one.truth) for one in labelled]
    if chosen.output is None:
        predict.write(cut, kind, sys.stdout.buffer)
        sys.stdout.buffer.flush()
        return
    with atomic_file(chosen.output) as file:
        predict.write(cut, kind, file)


def _tell_measured(measured: predict.Measured, chosen: argparse.Namespace) -> None:
    wrong = sorted(
        ((count, pair) for pair, count in measured.confusion.items() if pair[0] != pair[1]),
        key=lambda found: (-found[0], found[1]),
    )
    stream = sys.stdout if chosen.output is not None else sys.stderr
    print(
        f"{measured.clips} clips: top-1 {measured.top_1:.3f}, top-5 {measured.top_5:.3f}, "
        f"mean class accuracy {measured.mean_class:.3f}",
        file=stream,
    )
    for count, (truth, given) in wrong[:_MOST_CONFUSED]:
        print(f"  {count} x {readable(truth)} taken for {readable(given)}", file=stream)
    if chosen.confusion is not None:
        rows = [("truth", "given", "clips")]
        rows += [(*pair, str(count)) for pair, count in sorted(measured.confusion.items())]
        with atomic_file(chosen.confusion) as file:
            predict.write_rows(rows, file)


def _zone(text: str) -> tzinfo:
    try:
        return ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise argparse.ArgumentTypeError(
            f"{text} is no time zone, such as Europe/Berlin"
        ) from error


def _time(text: str) -> datetime:
    """Reads a time of this machine's zone; a day is its midnight, marked as such."""
    try:
        told = datetime.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f"{text} is no time, such as 2026-05-01 or 2026-05-01T18:30"
        ) from error
    fold = 1 if re.fullmatch(r"\d{4}-?\d\d-?\d\d", text) else 0
    return told.astimezone(UTC).replace(microsecond=told.microsecond, fold=fold)


def _end_of_day(told: datetime | None) -> datetime | None:
    """Returns the end of what was told: of a whole day when it was a day."""
    if told is None or not told.fold:
        return told
    day = told.astimezone().date()
    return datetime(day.year, day.month, day.day, 23, 59, 59, 999999).astimezone(UTC)


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not 1 or more")
    return value


_count.__name__ = "whole number"
