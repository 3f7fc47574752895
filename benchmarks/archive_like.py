"""Whether ``search --like`` finds what is of the same class, and clips that were changed.

Archives of real clips; each clip is the example in turn and is no answer itself. By each example:
mean average precision over recordings by their best window, and whether the first one is right.

- clips: those with a class that another clip has too;
- variants: all labelled clips, each beside a copy that was looped, and one cropped to its middle;
- fights, gestures, falls: fixed cameras and people whom the network was not trained for. What
  chance gives is beside it.
"""

from __future__ import annotations

import itertools
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.clips import published_path, rows
from benchmarks.report import arguments, table, write_json
from edgevid.archive import Archive, Settings, find, index, search
from edgevid.sinks import open_video
from edgevid.sources import open_source
from edgevid.support.command import OK, guard
from edgevid.support.opencv import cv2

_EACH = 4  # of the larger collections, one in so many
_MIDDLE = 0.7  # of each side
_MOST_S = 6.0  # of a variant

Picture = NDArray[np.uint8]
Labelled = list[tuple[Path, str]]


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the benchmark; returns its exit code."""
    chosen = arguments("benchmarks.archive_like", __doc__).parse_args(argv)

    def run() -> int:
        found = []
        with tempfile.TemporaryDirectory() as folder:
            clips = [(p, row["kinetics600_label"]) for p, row in rows("clips")]
            if chosen.quick:
                clips = clips[:6]
            found.append(measured("clips", clips, Path(folder, "clips")))
            print(table(found), flush=True)
            labelled = [(path, path.name) for path, label in clips if label]
            varied = list(variants(labelled, Path(folder)))
            found.append(measured("variants", varied, Path(folder, "variants")))
            for name, every in (("fights", _EACH), ("gestures", _EACH), ("segments", 1)):
                if not chosen.quick:
                    some = rows(name)[::every]
                    found.append(measured(name, [_label(*one) for one in some], Path(folder, name)))
        print(table(found))
        write_json(chosen.json, {"like": found})
        return OK

    return guard(run)


def _label(path: Path, row: dict[str, str]) -> tuple[Path, str]:
    return path, row.get("label") or path.name.split("_")[1]


def measured(name: str, labelled: Labelled, folder: Path) -> dict[str, Any]:
    """Returns a row of the table."""
    labels = {str(path.absolute()): label for path, label in labelled}
    index(find(list(labels)), folder, Settings(str(published_path())))
    archive = Archive(folder)
    counts = Counter(labels.values())
    precisions, first, chance = [], [], []
    for path, label in labels.items():
        if not label or counts[label] < 2:
            continue
        content = find([path])[0].content()
        examples = search.stored(archive, content, 0, np.inf)
        assert examples is not None
        answers = search.by_example(archive, examples, without=content, most=1000)
        ranked = list(dict.fromkeys(answer.source for answer in answers))
        right = [labels[source] == label for source in ranked]
        precisions.append(average_precision(right, counts[label] - 1))
        first.append(right[0])
        chance.append((counts[label] - 1) / (len(labels) - 1))
    return {
        "archive": name,
        "recordings": len(labels),
        "examples": len(precisions),
        "mean average precision": float(np.mean(precisions)),
        "first is right": float(np.mean(first)),
        "by chance": float(np.mean(chance)),
    }


def average_precision(right: Sequence[bool], there_are: int) -> float:
    """Returns the mean of the precision at each right answer; one that never comes counts 0."""
    hits = itertools.accumulate(right)
    found = [
        hit / rank
        for rank, (hit, is_right) in enumerate(zip(hits, right, strict=True), 1)
        if is_right
    ]
    return sum(found) / there_are


def variants(labelled: Labelled, folder: Path) -> Iterator[tuple[Path, str]]:
    """Yields each clip, and a looped and a cropped copy of it."""
    for number, (path, label) in enumerate(labelled):
        yield path, label
        whole, middle = [], []
        with open_source(path) as source:
            fps = source.fps or 25.0
            for frame in itertools.takewhile(lambda frame: frame.timestamp < _MOST_S, source):
                whole.append(_part(frame.image, 1.0))
                middle.append(_part(frame.image, _MIDDLE))
        half = len(whole) // 2
        for name, pictures in (
            ("looped", [*whole[half:], *whole[:half], *whole[half:]]),
            ("cropped", middle),
        ):
            target = folder / f"{number}-{name}.mp4"
            video = open_video(target)
            video.start(fps)
            for place, picture in enumerate(pictures):
                video.show(picture, place / fps)
            video.finish()
            yield target, label


def _part(image: Picture, share: float) -> Picture:
    """Returns the middle of a picture, BGR and 256 lines high."""
    height, width = image.shape[:2]
    top, left = (round(side * (1 - share) / 2) for side in (height, width))
    part = image[top : height - top, left : width - left]
    scale = 256 / part.shape[0]
    small = cv2.resize(part, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2BGR), np.uint8)


if __name__ == "__main__":
    sys.exit(main())
