"""Two actions at once: whether each is recognised, and where people are found.

Pairs of labelled clips are played side by side in one picture of 640x360, each filling one half,
in both orders. A clip that ends before the other stands still. Whoever watches is to say at each
clip's end what it shows. Compared are

- the whole picture, watched by one stream: its one answer counts for both sides;
- told: two streams that are told where the clips are;
- motion, people: what ``--follow`` does. A side's answer is that of the track that covers most
  of it; where there is none it is wrong.

Then the people whose boxes are known (``boxes.tsv``): how often a track's box overlaps the
person's by an IoU of 0.5 or more, in the annotated frames, and how often a person's track changes.
What following costs is in ``benchmarks.follow_cost``, memory over a day in
``benchmarks.follow_soak``.
"""

from __future__ import annotations

import csv
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from benchmarks.clips import Clip, on_clock, published_path, rows, shuffled
from benchmarks.report import arguments, table, write_json
from edgevid.models.load import load_model
from edgevid.records import Box, Frame, Prediction
from edgevid.regions import TRACKS
from edgevid.regions.boxes import Sides, iou, overlap
from edgevid.regions.detector import PersonDetector, load_detector
from edgevid.regions.finder import ByDetector, ByMotion
from edgevid.regions.following import FollowingWatch
from edgevid.runtime.model import Model
from edgevid.runtime.pace import Pace
from edgevid.runtime.preprocess import Preprocess
from edgevid.runtime.watch import Watch
from edgevid.sources import open_source
from edgevid.support.command import OK, guard

Picture = NDArray[np.uint8]

WAYS = ("whole picture", "told", "motion", "people")
DETECTOR = "ssd_mobilenet_v1_coco_uint8.tflite"

_HALF = (320, 360)  # width, height
_LONGEST = 60  # pictures of a clip
_FPS = 5.0


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the benchmark; returns its exit code."""
    parser = arguments("benchmarks.follow", __doc__)
    parser.add_argument("--orders", type=int, default=3, help="how many sets of pairs")
    parser.add_argument("--every", type=int, default=1, help="take every so many pairs only")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=WAYS)
    chosen = parser.parse_args(argv)

    def run() -> int:
        model = load_model(published_path())
        quick = chosen.quick
        clips = halves(4 if quick else None)
        pairs = [
            pair
            for seed in range(chosen.seed, chosen.seed + (1 if quick else chosen.orders))
            for pair in paired(clips, seed)[:: chosen.every]
        ]
        results: dict[str, Any] = {"pairs": side_by_side(model, pairs, chosen.ways)}
        print(f"\n{len(pairs)} pictures of two clips\n\n{table(results['pairs'])}", flush=True)
        results["people"] = people(model)
        print(f"\nthe people of boxes.tsv\n\n{table(results['people'])}", flush=True)
        write_json(chosen.json, results)
        return OK

    return guard(run)


Pair = tuple[Clip, Clip]


def halves(limit: int | None = None) -> list[Clip]:
    """Reads the labelled clips, each cut and scaled to fill half a picture."""
    files = [(path, row) for path, row in rows("clips") if row["kinetics600_label"]]
    shrink = Preprocess(_HALF[1], _HALF[0])
    found = []
    for path, row in tqdm(files[:limit], "reading clips", unit="clip", leave=False):
        pictures = [shrink.fit(frame.image).copy() for frame in ticks(path)][:_LONGEST]
        found.append(Clip(path.name, row["kinetics600_label"], np.stack(pictures), half=0))
    return found


def ticks(path: Path) -> Iterator[Frame]:
    """Returns the frames of a clip that fall on the model's clock."""
    return on_clock(path, _FPS)


def paired(clips: Sequence[Clip], seed: int) -> list[Pair]:
    """Returns each clip beside the next of a random order, and the same the other way round."""
    order = shuffled(clips, seed)
    pairs = list(zip(order, [*order[1:], order[0]], strict=True))
    return pairs + [(right, left) for left, right in pairs]


def beside(pair: Pair) -> Iterator[Picture]:
    """Yields two clips in one picture."""
    for number in range(max(len(half.pictures) for half in pair)):
        yield np.hstack([half.pictures[min(number, len(half.pictures) - 1)] for half in pair])


SIDES: tuple[Box, Box] = ((0, 0, *_HALF), (_HALF[0], 0, *_HALF))

# What is said of each side of one picture, and how many things were followed.
Say = Callable[[Frame], tuple[list[str | None], int]]


def side_by_side(model: Model, pairs: Sequence[Pair], ways: Sequence[str]) -> list[dict[str, Any]]:
    """Plays pairs in all ways; returns a row for each."""
    right: Counter[str] = Counter()
    tracks: Counter[str] = Counter()
    sides = pictures = 0
    for pair in tqdm(pairs, "pairs", unit="pair", leave=False):
        watchers = {way: watcher(model, way) for way in ways}
        for number, picture in enumerate(beside(pair)):
            frame = Frame(picture, number / _FPS, number)
            pictures += 1
            for way, say in watchers.items():
                said, count = say(frame)
                tracks[way] += count
                for half, label in zip(pair, said, strict=True):
                    if number == len(half.pictures) - 1:
                        right[way] += label == half.label
        sides += len(pair)
    told = right["told"] or 1
    return [
        {
            "way": way,
            "sides": sides,
            "named right": right[way] / sides,
            "of told": right[way] / told,
            "tracks": tracks[way] / max(1, pictures),
        }
        for way in ways
    ]


def watcher(model: Model, way: str) -> Say:
    """Returns what watches in one way."""
    if way == "whole picture":
        return _said_by([Watch(model.stream(), paced=True)])
    if way == "told":
        return _said_by([Watch(model.stream(crop=side), paced=True) for side in SIDES])
    watch = FollowingWatch(model.stream, finder(way), paced=True)

    def say(frame: Frame) -> tuple[list[str | None], int]:
        predictions = watch.take(frame).predictions or []
        return [_of_side(predictions, side) for side in SIDES], len(predictions)

    return say


def _said_by(watches: list[Watch]) -> Say:
    def say(frame: Frame) -> tuple[list[str | None], int]:
        seen = [watch.take(frame).prediction for watch in watches]
        said: list[str | None] = [one.top.label if one else None for one in seen]
        return said * (len(SIDES) // len(said)), len(said)

    return say


def finder(way: str, most: int = TRACKS) -> ByMotion | ByDetector:
    """Returns what finds things in one way."""
    return ByMotion(most=most) if way == "motion" else ByDetector(_detector(), most=most)


@cache
def _detector() -> PersonDetector:
    return load_detector(published_path().parent / DETECTOR)


def _of_side(predictions: Sequence[Prediction], side: Box) -> str | None:
    """Returns what is said of a side: by the track that covers most of it."""
    best = max(predictions, key=lambda p: overlap(p.box or (0, 0, 0, 0), side), default=None)
    if best is None or best.box is None or not overlap(best.box, side):
        return None
    return best.top.label


def people(model: Model, ways: Sequence[str] = ("motion", "people")) -> list[dict[str, Any]]:
    """Compares boxes with those that are known; returns a row for each way and clip."""
    clips = published_path().parent.parent / "clips"
    known: dict[str, dict[int, list[tuple[str, Sides]]]] = {}
    with (clips / "boxes.tsv").open(newline="", encoding="utf-8") as lines:
        for row in csv.DictReader(lines, delimiter="\t"):
            box = tuple(float(row[side]) for side in ("x", "y", "width", "height"))
            at = known.setdefault(row["file"], {}).setdefault(int(row["frame"]), [])
            at.append((row["person"], (box[0], box[1], box[2], box[3])))
    found = []
    for way in ways:
        for name, frames in known.items():
            hits = total = 0
            changes: Counter[str] = Counter()
            last: dict[str, int] = {}
            for boxes, tracks in _followed(model, clips / name, frames, way):
                for person, box in boxes:
                    total += 1
                    number, best = max(
                        ((n, iou(box, track)) for n, track in tracks), key=_second, default=(0, 0.0)
                    )
                    if best < 0.5:
                        continue
                    hits += 1
                    changes[person] += last.get(person, number) != number
                    last[person] = number
            row = {"way": way, "clip": name, "boxes": total, "found": hits / max(1, total)}
            most = max(changes.values(), default=0)
            found.append({**row, "people": len(last), "most changes of one": most})
    return found


def _second(pair: tuple[int, float]) -> float:
    return pair[1]


def _followed(
    model: Model, path: Path, known: dict[int, list[tuple[str, Sides]]], way: str
) -> Iterator[tuple[list[tuple[str, Sides]], list[tuple[int, Sides]]]]:
    """Yields the people of each annotated frame, and what is followed, in pixels of the file.

    It takes the frames on the model's clock, and those that are annotated.
    """
    watch, pace = FollowingWatch(model.stream, finder(way), paced=True), Pace(_FPS)
    with open_source(path) as source:
        for number, frame in enumerate(source):
            is_due = pace.due(frame.timestamp)
            if not is_due and number not in known:
                continue
            predictions = watch.take(frame).predictions or []
            if number in known:
                height, width = frame.image.shape[:2]
                across, down = width / 320, height / 240
                boxes: list[tuple[str, Sides]] = [
                    (person, (x * across, y * down, w * across, h * down))
                    for person, (x, y, w, h) in known[number]
                ]
                yield boxes, [(p.track, p.box) for p in predictions if p.track and p.box]


if __name__ == "__main__":
    sys.exit(main())
