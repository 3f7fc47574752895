"""Two actions at once: whether each is recognised, and the cost of that.

Pairs of labelled clips are played side by side in one picture of 640x360, each filling one half,
in both orders. A clip that ends before the other stands still. Whoever watches is to say at each
clip's end what it shows. Compared are

- the whole picture, watched by one stream: its one answer counts for both sides;
- told: two streams that are told where the clips are;
- motion, people: what ``--follow`` does. A side's answer is that of the track that covers most
  of it; where there is none it is wrong.

Then the people whose boxes are known (``boxes.tsv``): how often a track's box overlaps the
person's by an IoU of 0.5 or more, in the annotated frames, and how often a person's track changes;
what two people who are followed cost; and memory over a day of people who come and go.
"""

from __future__ import annotations

import csv
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from benchmarks.clips import Clip, on_clock, published_path, rows, shuffled
from benchmarks.machine import held_by_process
from benchmarks.report import arguments, table, write_json
from edgevid.models.load import load_model
from edgevid.records import Box, Frame, Prediction
from edgevid.regions import TRACKS
from edgevid.regions.boxes import Sides, iou, overlap
from edgevid.regions.detector import PersonDetector, load_detector
from edgevid.regions.finder import ByDetector, ByMotion
from edgevid.regions.following import FollowingWatch
from edgevid.runtime.model import Model, Stream
from edgevid.runtime.pace import Pace
from edgevid.runtime.preprocess import Preprocess
from edgevid.sources import open_source
from edgevid.support.command import OK, guard

Picture = NDArray[np.uint8]

WAYS = ("whole picture", "told", "motion", "people")
DETECTOR = "ssd_mobilenet_v1_coco_uint8.tflite"
DAY = 24 * 3600 * 5  # ticks

_HALF = (320, 360)  # width, height
_LONGEST = 60  # pictures of a clip
_FPS = 5.0


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the benchmark; returns its exit code."""
    parser = arguments("benchmarks.follow", __doc__)
    parser.add_argument("--orders", type=int, default=3, help="how many sets of pairs")
    parser.add_argument("--every", type=int, default=1, help="take every so many pairs only")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=WAYS)
    parser.add_argument("--day", type=int, default=DAY, help="ticks of the long run; 0 for none")
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
        results["people"] = people()
        print(f"\nthe people of boxes.tsv\n\n{table(results['people'])}", flush=True)
        results["cost"] = cost(model)
        print(f"\nwhat it costs\n\n{table(results['cost'])}", flush=True)
        if chosen.day:
            results["day"] = day(model, 500 if quick else chosen.day)
            print(f"\na day\n\n{table([results['day']])}", flush=True)
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
        return _said_by([model.stream()] * 1)
    if way == "told":
        return _said_by([model.stream(crop=side) for side in SIDES])
    watch = FollowingWatch(model.stream, finder(way))

    def say(frame: Frame) -> tuple[list[str | None], int]:
        predictions = watch.take(frame).predictions or []
        return [_of_side(predictions, side) for side in SIDES], len(predictions)

    return say


def _said_by(streams: list[Stream]) -> Say:
    def say(frame: Frame) -> tuple[list[str | None], int]:
        said: list[str | None] = [stream.step(frame).top.label for stream in streams]
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


def people() -> list[dict[str, Any]]:
    """Compares tracks with the boxes that are known; returns a row for each way."""
    clips = published_path().parent.parent / "clips"
    known: dict[str, dict[int, list[tuple[str, Sides]]]] = {}
    with (clips / "boxes.tsv").open(newline="", encoding="utf-8") as lines:
        for row in csv.DictReader(lines, delimiter="\t"):
            box = tuple(float(row[side]) for side in ("x", "y", "width", "height"))
            at = known.setdefault(row["file"], {}).setdefault(int(row["frame"]), [])
            at.append((row["person"], (box[0], box[1], box[2], box[3])))
    found = []
    for way in ("motion", "people"):
        for name, frames in known.items():
            hits = total = changes = 0
            last: dict[str, int] = {}
            for boxes, tracks in _followed(clips / name, frames, way):
                for person, box in boxes:
                    total += 1
                    number, best = max(
                        ((n, iou(box, track)) for n, track in tracks), key=_second, default=(0, 0.0)
                    )
                    if best < 0.5:
                        continue
                    hits += 1
                    changes += last.get(person, number) != number
                    last[person] = number
            row = {"way": way, "clip": name, "boxes": total, "found": hits / max(1, total)}
            found.append({**row, "people": len(last), "changes": changes})
    return found


def _second(pair: tuple[int, float]) -> float:
    return pair[1]


def _followed(
    path: Path, known: dict[int, list[tuple[str, Sides]]], way: str
) -> Iterator[tuple[list[tuple[str, Sides]], list[tuple[int, Sides]]]]:
    """Yields the people of each annotated frame, and the tracks, both in pixels of the file."""
    follower, pace, previous = finder(way), Pace(_FPS), 0.0
    with open_source(path) as source:
        for number, frame in enumerate(source):
            if pace.due(frame.timestamp) or number in known:
                follower.take(frame.image, frame.timestamp - previous, anew=False)
                previous = frame.timestamp
            if number in known:
                height, width = frame.image.shape[:2]
                across, down = width / 320, height / 240
                boxes = [
                    (person, (x * across, y * down, w * across, h * down))
                    for person, (x, y, w, h) in known[number]
                ]
                yield boxes, [(track.number, track.box) for track in follower.tracker.tracks]


def cost(model: Model) -> list[dict[str, Any]]:
    """Measures processor time a second of footage, of one stream and of two that are followed."""
    path = published_path().parent.parent / "clips" / "YOWOv2__v_Fencing_g01_c06.mp4"
    frames = [Frame(frame.image.copy(), frame.timestamp, frame.index) for frame in ticks(path)]
    took: dict[str, list[float]] = {"one stream": [], "motion": [], "people": []}
    tracks: Counter[str] = Counter()
    for _ in range(5):
        for way, times in took.items():
            watch = FollowingWatch(model.stream, finder(way, 2)) if way != "one stream" else None
            stream = model.stream()
            for frame in frames[:5]:  # the first steps are not like the others
                _ = watch.take(frame) if watch is not None else stream.step(frame)
            started = time.process_time()
            for frame in frames[5:]:
                if watch is None:
                    stream.step(frame)
                else:
                    tracks[way] += len(watch.take(frame).predictions or [])
            times.append((time.process_time() - started) / (len(frames) - 5) * _FPS * 1000)
    one = min(took["one stream"])
    return [
        {
            "way": way,
            "tracks": tracks[way] / (len(frames) - 5) / 5 or 1.0,
            "ms of processor a second": min(times),
            "of one stream": min(times) / one,
        }
        for way, times in took.items()
    ]


def day(model: Model, length: int) -> dict[str, Any]:
    """Follows people who come and go for so many ticks; returns how memory fared."""
    clips = [half.pictures for half in halves(6)]
    watch = FollowingWatch(model.stream, finder("people"))
    warm = min(2000, length // 2)
    before = peak = held_by_process()
    largest = 0
    numbers = np.random.default_rng(0)
    clip, at = clips[0], 0
    for tick in tqdm(range(length), "a day", unit="tick", mininterval=5, leave=False):
        if at >= len(clip):
            clip, at = clips[numbers.integers(len(clips))], 0
        said = watch.take(Frame(clip[at], tick / _FPS, tick)).predictions or []
        largest = max([largest, *(p.track or 0 for p in said)])
        at += 1
        if tick == warm:
            before = peak = held_by_process()
        elif tick % 1000 == 0 and held_by_process().rss_mb > peak.rss_mb:
            peak = held_by_process()
    after = held_by_process()
    return {
        "ticks": length,
        "tracks": largest,
        "RSS after warm-up, MB": before.rss_mb,
        "RSS growth, MB": after.rss_mb - before.rss_mb,
        "at most, MB": peak.rss_mb - before.rss_mb,
    }


if __name__ == "__main__":
    sys.exit(main())
