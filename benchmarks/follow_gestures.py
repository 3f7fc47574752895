"""Gestures that are told from two clips a class, by what is followed and by the whole picture.

Of the 8 people of the gestures clips two are held out in each draw, and two clips a class of the
others are drawn to fit to: nobody is on both sides. Each clip is the mean of its features' square
roots, and how that changes from its first third to its last; a ridge regression tells the class.
Compared, over the same draws, are the whole picture and what ``--follow`` shows of the largest
track. A clip in which nothing was followed counts as wrong. The standard errors are over draws,
which share people: the true ones are larger.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from benchmarks.clips import published_path, rows
from benchmarks.follow import DETECTOR
from benchmarks.report import arguments, table, write_json
from edgevid.modelfile import manifest
from edgevid.models.load import load_file
from edgevid.regions import FOLLOWS, follow
from edgevid.support.command import OK, guard
from edgevid.teach.data import Recording, Span
from edgevid.teach.features import Extraction, Follow, feature_model

DISTANCES = ("1m", "4m", "6m")

_HELD_OUT = 2  # people
_CLIPS = 2  # a class
_PENALTY = 0.1  # of the mean diagonal of the kernel

Row = dict[str, str]
Described = dict[str, NDArray[np.float64] | None]  # by file


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the benchmark; returns its exit code."""
    parser = arguments("benchmarks.follow_gestures", __doc__)
    parser.add_argument("--draws", type=int, default=40)
    chosen = parser.parse_args(argv)

    def run() -> int:
        clips = [row | {"path": str(path)} for path, row in rows("gestures")]
        if chosen.quick:
            labels = sorted({row["label"] for row in clips})[:3]
            clips = [row for row in clips if row["label"] in labels and "_1_" in row["path"]]
        ways = {"whole picture": None, **{what: followed(what) for what in FOLLOWS}}
        described = {way: describe(clips, how) for way, how in ways.items()}
        results = compare(clips, described, draws=chosen.draws, seed=chosen.seed)
        print(table(results))
        write_json(chosen.json, {"gestures": results})
        return OK

    return guard(run)


def followed(what: str) -> Follow:
    """Returns a way to follow."""
    return Follow(what, partial(follow, what, detector=published_path().parent / DETECTOR))


def describe(clips: Sequence[Row], how: Follow | None) -> Described:
    """Returns what is known of each clip; None where there was nothing to follow."""
    held = load_file(published_path())
    model = feature_model(manifest.write(held.flatbuffer, held.manifest))
    found: Described = {}
    with TemporaryDirectory() as folder:
        extraction = Extraction(model, "gestures", Path(folder), how)
        for row in tqdm(clips, how.what if how else "whole", unit="clip", leave=False):
            spans = (Span(row["label"]),)
            examples = extraction.examples(
                [Recording(row["path"], spans, True, row["subject"])], lambda _: None
            )
            found[row["path"]] = summed(examples[0].features) if examples else None
    return found


def summed(features: NDArray[np.float32]) -> NDArray[np.float64]:
    """Returns a clip's features, ``[frames, features]``, as one row."""
    roots = np.sqrt(np.maximum(features, 0), dtype=np.float64)
    third = max(1, len(roots) // 3)
    return np.concatenate([roots.mean(0), roots[-third:].mean(0) - roots[:third].mean(0)])


def compare(
    clips: Sequence[Row], described: dict[str, Described], *, draws: int, seed: int
) -> list[dict[str, Any]]:
    """Fits and tells in all ways; returns a row for each way and distance."""
    chance = np.random.default_rng(seed)
    labels = sorted({row["label"] for row in clips})
    people = sorted({row["subject"] for row in clips})
    right = {way: {distance: np.zeros(draws) for distance in DISTANCES} for way in described}
    usable = [r for r in clips if all(d[r["path"]] is not None for d in described.values())]
    for draw in range(draws):
        held = set(chance.choice(people, _HELD_OUT, replace=False))
        shown: list[Row] = []
        for label in labels:
            able = [r for r in usable if r["label"] == label and r["subject"] not in held]
            shown += [able[n] for n in chance.choice(len(able), _CLIPS, replace=False)]
        for way, known in described.items():
            weights, mean, share = _fit([known[row["path"]] for row in shown], shown, labels)
            for distance in DISTANCES:
                asked = [r for r in clips if r["subject"] in held and f"_{distance}_" in r["path"]]
                told = [
                    row is not None and labels[int(np.argmax((row - mean) @ weights + share))]
                    for row in (known[r["path"]] for r in asked)
                ]
                hits = [one == row["label"] for one, row in zip(told, asked, strict=True)]
                right[way][distance][draw] = np.mean(hits) if hits else np.nan
    first = next(iter(described))
    return [
        {
            "way": way,
            "distance": distance,
            "told right": float(np.nanmean(values)),
            "more than whole": float(np.nanmean(values - right[first][distance])),
            "standard error": float(
                np.nanstd(values - right[first][distance]) / np.sqrt(len(values))
            ),
            "nothing followed": sum(
                described[way][r["path"]] is None for r in clips if f"_{distance}_" in r["path"]
            ),
        }
        for way, by_distance in right.items()
        for distance, values in by_distance.items()
    ]


def _fit(
    known: Sequence[NDArray[np.float64] | None], shown: Sequence[Row], labels: Sequence[str]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Returns weights ``[features, labels]``, and the means of what goes in and comes out."""
    examples = np.stack([row for row in known if row is not None])
    targets = np.eye(len(labels))[[labels.index(row["label"]) for row in shown]]
    mean, share = examples.mean(0), targets.mean(0)
    centred = examples - mean
    kernel = centred @ centred.T
    kernel += np.eye(len(kernel)) * (_PENALTY * np.trace(kernel) / len(kernel))
    return centred.T @ np.linalg.solve(kernel, targets - share), mean, share


if __name__ == "__main__":
    sys.exit(main())
