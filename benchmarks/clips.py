"""The real clips that benchmarks play, decoded once and held as the network sees them.

They are other people's work and not in this repository. ``EDGEVID_MODELS`` names the folder with
the published models; beside it lie ``clips``, ``gestures`` and ``segments``, each with a table
``clips.tsv`` that says what its files show.
"""

from __future__ import annotations

import csv
import itertools
import os
import random
import re
from collections.abc import Generator, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from edgevid.errors import SourceError
from edgevid.modelfile.manifest import Manifest
from edgevid.records import Frame, Prediction
from edgevid.runtime.model import Stream
from edgevid.runtime.pace import Pace
from edgevid.runtime.preprocess import Preprocess
from edgevid.runtime.watch import Watch
from edgevid.sources import open_source

PUBLISHED_A0 = "movinet_a0_stream_int8.tflite"
_SIDE = 172  # pixels, the input of A0 and A1

Row = dict[str, str]


@dataclass(frozen=True, slots=True, eq=False)
class Clip:
    """One clip, on the model's clock.

    Attributes:
        name: file name.
        label: its Kinetics-600 class, empty when none is known.
        pictures: RGB, uint8, ``[frames, 172, 172, 3]``.
        half: 0 or 1. What is chosen on one half is tried on the other; nobody who is filmed in
            ``gestures`` or ``segments`` is in both.
    """

    name: str
    label: str
    pictures: NDArray[np.uint8]
    half: int


def published_path() -> Path:
    """Returns the published MoViNet-A0-Stream int8 file.

    Raises:
        SourceError: it is in none of the folders of ``EDGEVID_MODELS``.
    """
    for folder in os.environ.get("EDGEVID_MODELS", "").split(os.pathsep):
        path = Path(folder, PUBLISHED_A0)
        if folder and path.exists():
            return path
    raise SourceError(f"no {PUBLISHED_A0}: name its folder in EDGEVID_MODELS")


def rows(collection: str) -> list[tuple[Path, Row]]:
    """Returns the files of ``clips``, ``gestures`` or ``segments`` and what is said of each.

    Raises:
        SourceError: the collection is not there.
    """
    table = published_path().parent.parent / collection / "clips.tsv"
    try:
        with table.open(newline="", encoding="utf-8") as lines:
            found = list(csv.DictReader(lines, delimiter="\t"))
    except OSError as error:
        raise SourceError(f"{table}: cannot be read: {error.strerror}") from error
    return sorted((table.parent / row["file"], row) for row in found)


def labelled(limit: int | None = None, *, most: int | None = None) -> list[Clip]:
    """Reads the clips that show a Kinetics-600 class.

    Args:
        limit: so many of them at most, spread over the alphabet; all when None.
        most: so many frames of each at most.
    """
    files = [(path, row) for path, row in rows("clips") if row["kinetics600_label"]]
    chosen = files if limit is None else files[:: max(1, len(files) // limit)][:limit]
    return read(chosen, most=most)


def read(files: Sequence[tuple[Path, Row]], *, most: int | None = None) -> list[Clip]:
    """Decodes clips, at the frames that fall on the model's clock; ``most`` of each at most."""
    shrink = Preprocess(_SIDE, _SIDE)
    clips = []
    for number, (path, row) in enumerate(tqdm(files, "reading clips", unit="clip", leave=False)):
        with closing(on_clock(path, Manifest.fps)) as frames:
            pictures = [shrink.fit(one.image).copy() for one in itertools.islice(frames, most)]
        person = re.match(r"S(\d+)_", path.name)
        half = (int(person[1]) if person else number) % 2
        clips.append(Clip(path.name, row.get("kinetics600_label", ""), np.stack(pictures), half))
    return clips


def on_clock(path: Path, fps: float) -> Generator[Frame, None, None]:
    """Yields the frames of a video that fall on a clock of so many frames a second.

    Raises:
        SourceError: it cannot be read.
    """
    pace = Pace(fps)
    with open_source(path) as source:
        for frame in source:
            if pace.due(frame.timestamp):
                yield frame


def said(stream: Stream, pictures: Iterable[NDArray[np.uint8]], fps: float) -> list[Prediction]:
    """Returns what a stream says of pictures that come on its model's clock, one of each."""
    watch = Watch(stream, paced=True)
    seen = (watch.take(Frame(one, tick / fps, tick)) for tick, one in enumerate(pictures))
    return [prediction for prediction, _ in seen if prediction is not None]


def shuffled(clips: Iterable[Clip], seed: int) -> list[Clip]:
    """Returns clips in a random order in which no two neighbours have the same label."""
    order = list(clips)
    mix = random.Random(seed)
    for _ in range(1000):
        mix.shuffle(order)
        if all(a.label != b.label or not a.label for a, b in itertools.pairwise(order)):
            break
    return order
