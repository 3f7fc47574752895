"""What teaching is worth and what it costs: ``python -m benchmarks.teach``.

Everything goes the way of ``edgevid.teach``; whoever is filmed in what is measured is in nothing
that was learned from, and nothing is chosen by what is measured.

- falls: ``segments``, each person left out in turn; way to fit, thresholds and times come from the
  other people alone. An event counts as announcing a fall from half a second before it begins.
- whole clips: the same falls, but what is learned from is a folder of clips for each class, without
  times; measured as before, on recordings in which it is known when somebody falls.
- fights: ``fights``, each fold left out in turn; a clip's score is its mean logit, once the stream
  has warmed up (a second, or half of a shorter clip).
- few clips: the same with so many clips a class, drawn at random several times; gestures too, whose
  people are split as they come, by the default way to fit.
- cost: ten minutes of video taught by the command, in a process of its own.
- pi5, with ``--arm``: instructions on an emulated Raspberry Pi 5: of some recordings from the file
  to their features, decoded there, times the length of all; and of all that is fitted and measured,
  for all at once.
"""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from benchmarks import clips, report
from benchmarks.arm import features_guest, teach_guest
from benchmarks.arm.boards import BOARDS
from benchmarks.arm.emulation import count
from edgevid.modelfile import manifest
from edgevid.modelfile.head import Head
from edgevid.models.load import load_file
from edgevid.prepare import prepare
from edgevid.runtime.head import HeadState
from edgevid.support import command
from edgevid.teach import examples as storing
from edgevid.teach import learn
from edgevid.teach.choosing import default
from edgevid.teach.data import Recording, Span
from edgevid.teach.examples import Example
from edgevid.teach.features import Extraction, feature_model
from edgevid.teach.frames import Frames, warmed_up
from edgevid.teach.heads import Fitting, to_head
from edgevid.teach.judging import judge, worth
from edgevid.teach.logistic import Floats, area_under_curve

_SHOTS = (1, 2, 5, 10, 20)
_DRAWS = 5
_FALL = re.compile(r"Fall\w*\s*\(\w+\)\s*\[([\d.]+) to ([\d.]+)\]")
_MINUTES = 10.0
_DECODED = 3  # recordings whose features are made on the emulated board
_PI5_HZ = 2.4e9  # instructions a second, if it does one a cycle

# The peak of the process itself: what its parent had when it began counts in ``getrusage``.
_TAUGHT = """
import re, sys, time
from pathlib import Path
from edgevid.cli.teach import main
if main(sys.argv[1:]) == 0:
    peak = re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())
    print(time.process_time(), peak[1])
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    parser = report.arguments("benchmarks.teach", __doc__)
    parser.add_argument("--picture", type=Path, metavar="FILE", help="draw the curves here, as PNG")
    parser.add_argument(
        "--keep", type=Path, metavar="FOLDER", help="keep here what is extracted from videos"
    )
    parser.add_argument(
        "--arm", type=Path, metavar="ROOT", help="made by benchmarks.arm.sysroot; adds the Pi 5"
    )
    parts = ("falls", "fights", "shots", "cost")
    parser.add_argument("--only", nargs="+", choices=parts, default=parts, help="(default: all)")
    chosen = parser.parse_args(argv)
    return command.guard(lambda: _run(chosen))


def _run(chosen: Any) -> int:
    with tempfile.TemporaryDirectory() as made:
        examples_of = Extractor(chosen.keep or Path(made))
        results: dict[str, Any] = {}
        if "falls" in chosen.only:
            results["falls"] = falls(examples_of("segments"))
            print(f"falls: {_line(results['falls'])}")
            results["whole clips"] = falls(examples_of("segments"), whole=True)
            print(f"whole clips: {_line(results['whole clips'])}")
        if "fights" in chosen.only:
            results["fights"] = fights(examples_of("fights"))
            print(f"fights: {_line(results['fights'])}")
        if "shots" in chosen.only:
            draws = 2 if chosen.quick else _DRAWS
            results["shots"] = shots(examples_of, draws=draws, seed=chosen.seed)
            for name, rows in results["shots"].items():
                print(f"\n{name}\n{report.table(rows)}")
        if "cost" in chosen.only:
            results["cost"] = cost(0.5 if chosen.quick else _MINUTES)
            print(f"cost: {_line(results['cost'])}")
        if chosen.arm is not None:
            results["pi5"] = on_pi5(examples_of, chosen.arm, 0.5 if chosen.quick else _MINUTES)
            print(f"pi5: {_line(results['pi5'])}")
    if chosen.picture is not None and "shots" in results:
        _draw(results["shots"], chosen.picture)
    report.write_json(chosen.json, results)
    return command.OK


def _line(values: dict[str, Any]) -> str:
    return ", ".join(f"{key} {value}" for key, value in values.items())


class Extractor:
    """Extracts collections, each once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._done: dict[str, list[Example]] = {}

    def __call__(self, collection: str) -> list[Example]:
        """Returns the examples of ``segments``, ``fights`` or ``gestures``."""
        if collection not in self._done:
            file = load_file(clips.published_path())
            prepared = manifest.write(file.flatbuffer, file.manifest)
            extraction = Extraction(feature_model(prepared), "published", self._folder)
            recordings = _recordings(collection)
            with tqdm(recordings, collection, leave=False) as bar:
                self._done[collection] = extraction.examples(recordings, lambda _: _tick(bar))
        return self._done[collection]


def _tick(bar: Any) -> None:
    bar.update()


def _recordings(collection: str) -> list[Recording]:
    found = []
    for path, row in clips.rows(collection):
        if collection == "segments":
            spans = tuple(
                Span("fall", float(start), float(end))
                for start, end in _FALL.findall(row["segments"])
            )
            found.append(Recording(str(path), spans, False, path.name.split("_")[0]))
        elif collection == "fights":
            spans = (Span("fight"),) if row["label"] == "fight" else ()
            found.append(Recording(str(path), spans, True, row["fold"]))
        else:
            found.append(Recording(str(path), (Span(row["label"]),), True, row["subject"]))
    return found


def _split(examples: Iterable[Example], held: str) -> tuple[list[Example], list[Example]]:
    sides: tuple[list[Example], list[Example]] = ([], [])
    for example in examples:
        sides[example.recording.group == held].append(example)
    return sides


def _groups(examples: Iterable[Example]) -> list[str]:
    return sorted({example.recording.group for example in examples})


def falls(examples: Sequence[Example], *, whole: bool = False) -> dict[str, Any]:
    """Leaves each person out in turn, and plays their recordings past what was taught.

    Args:
        examples: with the times of falls.
        whole: whether what is learned from is clips of which only the class is known.
    """
    shown, found, false, seconds = 0, 0, 0, 0.0
    delays: list[float] = []
    missed: list[str] = []
    for who in tqdm(_groups(examples), "falls", leave=False):
        others, theirs = _split(examples, who)
        result = learn([_whole(one) for one in others] if whole else others, grouped=True)
        frames = Frames(theirs)
        judged = judge(frames, "fall", _logits(result.head, theirs)[:, 0], result.rules)
        shown, found, false = shown + judged.shown, found + judged.found, false + len(judged.false)
        delays += judged.delays
        seconds += judged.hours * 3600
        missed += [Path(theirs[number].recording.source).stem for number, _ in judged.missed]
    return {
        "shown": shown,
        "announced": found,
        "missed": missed,
        "false_events": false,
        "other_s": round(seconds, 1),
        "median_delay_s": round(float(np.median(delays)), 2),
        "longest_delay_s": round(max(delays), 2),
    }


def _whole(example: Example) -> Example:
    spans = tuple(Span(label) for label in sorted(example.recording.labels))
    return replace(example, recording=replace(example.recording, spans=spans, is_clip=True))


def fights(examples: Sequence[Example]) -> dict[str, Any]:
    """Leaves each fold out in turn, and asks of each of its clips whether it shows a fight."""
    scores: list[float] = []
    shows: list[bool] = []
    for fold in tqdm(_groups(examples), "fights", leave=False):
        others, theirs = _split(examples, fold)
        result = learn(others, grouped=True)
        scores += _clip_scores(result.head, theirs)[:, 0].tolist()
        shows += [bool(example.recording.spans) for example in theirs]
    right = (np.array(scores) > 0) == np.array(shows)
    return {
        "clips": len(scores),
        "accuracy": round(float(right.mean()), 4),
        "auroc": round(area_under_curve(np.array(scores), np.array(shows)), 4),
    }


def shots(of: Callable[[str], list[Example]], *, draws: int, seed: int) -> dict[str, Any]:
    """Returns for each task a table: clips a class, and the measure's mean and spread."""
    return {
        "falls": _table(lambda k, draw: _few_falls(of("segments"), k, draw), draws, seed),
        "fights": _table(lambda k, draw: _few_fights(of("fights"), k, draw), draws, seed),
        "gestures": _table(lambda k, draw: _few_gestures(of("gestures"), k, draw), draws, seed),
    }


def _table(
    measured: Callable[[int, random.Random], float], draws: int, seed: int
) -> list[dict[str, Any]]:
    rows = []
    for k in tqdm(_SHOTS, "clips a class", leave=False):
        values = np.array([measured(k, random.Random(seed + draw)) for draw in range(draws)])
        rows.append(
            {
                "clips a class": k,
                "mean": round(float(values.mean()), 3),
                "least": round(float(values.min()), 3),
                "most": round(float(values.max()), 3),
            }
        )
    return rows


def _drawn(examples: Sequence[Example], k: int, chance: random.Random) -> list[Example]:
    """Draws so many examples of each class, or all where there are fewer."""
    classes: dict[frozenset[str], list[Example]] = {}
    for example in examples:
        classes.setdefault(example.recording.labels, []).append(example)
    return [
        example
        for labels in sorted(classes, key=sorted)
        for example in chance.sample(classes[labels], min(k, len(classes[labels])))
    ]


def _few_falls(examples: Sequence[Example], k: int, chance: random.Random) -> float:
    """Returns the worth of a head (see ``judging.worth``), over all people left out."""
    order, logits = [], []
    for who in _groups(examples):
        others, theirs = _split(examples, who)
        head = learn(_ungrouped(_drawn(others, k, chance))).head
        order += theirs
        logits.append(_logits(head, theirs)[:, 0])
    return worth(Frames(order), "fall", np.concatenate(logits))


def _few_fights(examples: Sequence[Example], k: int, chance: random.Random) -> float:
    """Returns the area under the curve over all clips, each of a fold that was left out."""
    scores: list[float] = []
    shows: list[bool] = []
    for fold in _groups(examples):
        others, theirs = _split(examples, fold)
        head = learn(_ungrouped(_drawn(others, k, chance))).head
        scores += _clip_scores(head, theirs)[:, 0].tolist()
        shows += [bool(example.recording.spans) for example in theirs]
    return area_under_curve(np.array(scores), np.array(shows))


def _few_gestures(examples: Sequence[Example], k: int, chance: random.Random) -> float:
    """Returns the share of the test people's clips whose gesture has the largest probability."""
    splits = {str(path): row["split"] for path, row in clips.rows("gestures")}
    train = [e for e in examples if splits[e.recording.source] == "train"]
    held = [e for e in examples if splits[e.recording.source] == "test"]
    labels = sorted({label for example in train for label in example.recording.labels})
    frames = Frames(_drawn(train, k, chance))
    recipe = default(fps=5.0)
    fitted = Fitting(frames, labels, recipe).fit(np.full(len(frames), True))
    ones = np.ones(len(labels))
    head = to_head(fitted, frames, recipe, ones, 0 * ones)
    best = _clip_scores(head, held).argmax(axis=1)
    return float(
        np.mean([labels[n] in e.recording.labels for n, e in zip(best, held, strict=True)])
    )


def _ungrouped(examples: Iterable[Example]) -> list[Example]:
    """Few clips are often of one person each: then the clips themselves are held out in turn."""
    return [
        replace(example, recording=replace(example.recording, group="")) for example in examples
    ]


def _logits(head: Head, examples: Sequence[Example]) -> Floats:
    """Returns what a head says of examples, step by step: ``[frames, labels]``."""
    found: list[NDArray[np.float32]] = []
    for example in examples:
        state = HeadState(head)
        found += [state.step(features) for features in example.features]
    return np.array(found, np.float64)


def _clip_scores(head: Head, examples: Sequence[Example]) -> Floats:
    """Returns each clip's mean logits: ``[clips, labels]``."""
    logits = [_logits(head, [example]) for example in examples]
    return np.array([of[warmed_up(len(of))].mean(axis=0) for of in logits])


def cost(minutes: float) -> dict[str, Any]:
    """Teaches so much video by the command, from the falls and other footage as background."""
    with tempfile.TemporaryDirectory() as made:
        table, video = Path(made, "falls.tsv"), 0.0
        lines = ["path\tstart\tend\tlabel"]
        for path, row in clips.rows("segments"):
            video += float(row["duration_s"])
            spans = _FALL.findall(row["segments"])
            lines += [f"{path}\t{start}\t{end}\tfall" for start, end in spans]
            lines += [] if spans else [f"{path}\t\t\tbackground"]
        for path, row in clips.rows("gestures"):
            if video >= 60 * minutes:
                break
            video += int(row["frames"]) / float(row["fps"])
            lines.append(f"{path}\t\t\tbackground")
        table.write_text("\n".join(lines) + "\n")
        words = [str(table), "--model", str(clips.published_path()), "-o",
                 str(Path(made, "falls.tflite"))]  # fmt: skip
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
        told = subprocess.run(
            [sys.executable, "-c", _TAUGHT, *words],
            check=True, env=environment, capture_output=True, text=True,
        ).stdout  # fmt: skip
    seconds, kilobytes = told.split()[-2:]
    return {
        "video_s": round(video, 1),
        "cpu_s": round(float(seconds), 1),
        "peak_mb": round(int(kilobytes) / 1024, 1),
    }


def on_pi5(of: Callable[[str], list[Example]], root: Path, minutes: float) -> dict[str, Any]:
    """Counts the instructions of teaching the falls, with other footage as background."""
    (board,) = [board for board in BOARDS if board.name == "pi5"]
    longest = sorted(of("segments"), key=lambda example: -example.seconds)[:_DECODED]
    known = list(of("segments"))
    others = iter(of("fights"))
    while sum(example.seconds for example in known) < 60 * minutes:
        example = next(others)
        quiet = replace(example.recording, spans=(), is_clip=False, group="")
        known.append(replace(example, recording=quiet))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "falls.examples")
        storing.save(path, known, "published")
        (fitting,) = count(teach_guest.__file__, [str(path)], board, root)
        published = clips.published_path().read_bytes()
        path = Path(folder, "prepared.tflite")
        path.write_bytes(prepare(published, name="published", target="pi5").data)
        sources = [example.recording.source for example in longest]
        looking = sum(count(features_guest.__file__, [str(path), *sources], board, root))
    return on_pi5_of(
        video_s=sum(example.seconds for example in known),
        fitting=fitting,
        looking_a_second=round(looking / sum(example.seconds for example in longest)),
    )


def on_pi5_of(*, video_s: float, fitting: int, looking_a_second: int) -> dict[str, Any]:
    """Returns what instructions of parts come to.

    Args:
        video_s: seconds of video, of all recordings.
        fitting: instructions for all of them.
        looking_a_second: instructions for the features of a second of video.
    """
    whole = fitting + looking_a_second * video_s
    return {
        "video_s": round(video_s, 1),
        "looking_a_second": looking_a_second,
        "fitting": fitting,
        "giga_instructions": round(whole / 1e9, 2),
        "minutes": round(whole / _PI5_HZ / 60, 2),
    }


def _draw(results: dict[str, list[dict[str, Any]]], path: Path) -> None:
    figure, axes = report.figure(7, 4)
    measures = {"falls": "area under curve", "fights": "area under curve", "gestures": "accuracy"}
    for name, rows in results.items():
        shots = [row["clips a class"] for row in rows]
        means = [row["mean"] for row in rows]
        axes.plot(shots, means, marker="o", label=f"{name}, {measures[name]}")
        least, most = ([row[key] for row in rows] for key in ("least", "most"))
        axes.fill_between(shots, least, most, alpha=0.2)
    report.logarithmic(axes, "clips a class")
    axes.set_ylim(0, 1)
    axes.legend(frameon=False)
    report.save_figure(figure, path)


if __name__ == "__main__":
    sys.exit(main())
