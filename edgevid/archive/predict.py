"""Labels for clips: the mean over a clip, and how many are right where the truth is known."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from edgevid.archive import libraries, processes
from edgevid.archive.recordings import Recording
from edgevid.archive.work import Settings
from edgevid.errors import EdgevidError, LabelsError, SourceError, UsageError
from edgevid.records import Score
from edgevid.runtime.watch import Watch
from edgevid.sources import open_source

FORMATS = (".csv", ".jsonl", ".parquet")
BY_FOLDER = "folders"
_COUNTED = 20  # labels of a step that the mean is made from; the rest are nearly zero


@dataclass(frozen=True)
class Labelled:
    """What was said of a clip.

    Attributes:
        source: its path or address.
        scores: the labels with the highest mean probability over its steps, best first.
        truth: the label that it has; empty when that is not known.
    """

    source: str
    scores: tuple[Score, ...]
    truth: str = ""


@dataclass(frozen=True)
class Measured:
    """How good labels are.

    Attributes:
        clips: whose truth is known.
        top_1: share of them whose first label is right.
        top_5: share of them that have the right one among the first five.
        mean_class: mean over the classes of the share of their clips that are right.
        confusion: how many clips of a class, first, were given a label, second.
    """

    clips: int
    top_1: float
    top_5: float
    mean_class: float
    confusion: Mapping[tuple[str, str], int]


def predict(
    recordings: Sequence[Recording],
    settings: Settings | None = None,
    *,
    top_k: int = 5,
    workers: int | None = None,
) -> Iterator[tuple[Recording, Labelled | EdgevidError]]:
    """Yields what is to be said of each clip, in their order as they end.

    Args:
        recordings: from ``recordings.find``.
        settings: which model watches them.
        top_k: labels for each clip.
        workers: processes; as many as there are cores when None.
    """
    settings = settings or Settings()
    settings.load()  # what is wrong with it is said once
    work = partial(label, settings, top_k)
    yield from processes.run(work, recordings, workers or processes.cores())


def label(settings: Settings, top_k: int, recording: Recording) -> Labelled:
    """Returns what is to be said of a clip.

    The mean of the probabilities over its steps: of 33 real clips it was right on one more than
    the network's own answer at the end.

    Raises:
        SourceError: it cannot be read to its end.
    """
    watch = Watch(settings.load().stream(top_k=max(top_k, _COUNTED)))
    total: dict[str, float] = defaultdict(float)
    steps = 0
    try:
        with recording.at_hand() as path, open_source(path) as source:
            for frame in source:
                prediction = watch.take(frame).prediction
                if prediction is not None:
                    steps += 1
                    for score in prediction.scores:
                        total[score.label] += score.probability
    except SourceError as error:
        said = str(error).removeprefix(f"{path}: ")
        raise SourceError(f"{recording.name}: {said}") from error
    best = sorted(total.items(), key=lambda pair: (-pair[1], pair[0]))[:top_k]
    return Labelled(recording.address, tuple(Score(name, sum_ / steps) for name, sum_ in best))


def truths(told: str, recordings: Sequence[Recording], labels: Sequence[str]) -> dict[str, str]:
    """Returns the label of each recording whose truth is known, by address.

    Args:
        told: ``folders`` where each lies in a folder of its label's name, or a ``.csv`` or ``.tsv``
            file whose columns are a path (its end is enough) and a label.
        recordings: whose truths are wanted.
        labels: the model's.

    Raises:
        SourceError: the file cannot be read.
        LabelsError: it names labels that the model lacks.
    """
    if told == BY_FOLDER:
        found = {one.address: Path(one.address).parent.name for one in recordings}
    else:
        by_end = _table(Path(told))
        found = {}
        for one in recordings:
            parts = Path(one.address).parts
            ends = ("/".join(parts[-count:]) for count in range(len(parts), 0, -1))
            name = next((end for end in ends if end in by_end), None)
            if name is not None and by_end[name]:
                found[one.address] = by_end[name]
    unknown = sorted(set(found.values()) - set(labels))
    if unknown or not found:
        said = f"the model lacks {', '.join(unknown[:5])}" if unknown else "names none of the clips"
        raise LabelsError(f"{told}: {said}")
    return found


def _table(path: Path) -> dict[str, str]:
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.reader(file, delimiter="\t" if path.suffix == ".tsv" else ","))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        said = getattr(error, "strerror", None) or error
        raise SourceError(f"{path}: cannot be read: {said}") from error
    header = [name.strip().lower() for name in rows[0]] if rows else []
    columns = (0, 1)
    for name in ("file", "path", "source", "clip"):
        if name in header:
            told = next((n for n in header if n.endswith("label") or n == "class"), None)
            if told is not None:
                columns = header.index(name), header.index(told)
                rows = rows[1:]
                break
    return {
        row[columns[0]].strip(): row[columns[1]].strip() for row in rows if len(row) > max(columns)
    }


def measure(labelled: Sequence[Labelled]) -> Measured:
    """Returns how good labels are, over the clips whose truth is known.

    Example:
        >>> clip = Labelled("a.mp4", (Score("jumping", 0.8), Score("falling", 0.1)), "falling")
        >>> measured = measure([clip])
        >>> measured.top_1, measured.top_5
        (0.0, 1.0)
    """
    known = [one for one in labelled if one.truth]
    if not known:
        raise UsageError("no clip has a label to be compared with")
    right: dict[str, list[bool]] = defaultdict(list)
    for one in known:
        right[one.truth].append(one.scores[0].label == one.truth)
    among = [any(score.label == one.truth for score in one.scores[:5]) for one in known]
    return Measured(
        clips=len(known),
        top_1=sum(sum(marks) for marks in right.values()) / len(known),
        top_5=sum(among) / len(known),
        mean_class=sum(sum(marks) / len(marks) for marks in right.values()) / len(right),
        confusion=Counter((one.truth, one.scores[0].label) for one in known),
    )


def write(labelled: Sequence[Labelled], kind: str, file: BinaryIO) -> None:
    """Writes labels: ``.csv`` a row for each label, ``.jsonl`` and ``.parquet`` one for each clip.

    Raises:
        MissingDependencyError: ``.parquet``, and PyArrow is not installed.
    """
    if kind == ".parquet":
        pa = libraries.pyarrow()
        pa.parquet.write_table(pa.Table.from_pylist([_row(one) for one in labelled]), file)
    elif kind == ".jsonl":
        for one in labelled:
            file.write(
                (json.dumps(_row(one), ensure_ascii=False) + "\n").encode("utf-8", "replace")
            )
    else:
        rows = [("source", "rank", "label", "probability", "truth")]
        for one in labelled:
            rows += [
                (one.source, str(rank), score.label, f"{score.probability:.6f}", one.truth)
                for rank, score in enumerate(one.scores, 1)
            ]
        write_rows(rows, file)


def write_rows(rows: Sequence[Sequence[str]], file: BinaryIO) -> None:
    """Writes CSV."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(rows)
    file.write(text.getvalue().encode("utf-8", "replace"))


def _row(one: Labelled) -> dict[str, Any]:
    row: dict[str, Any] = {
        "source": one.source,
        "labels": [score.label for score in one.scores],
        "probabilities": [round(score.probability, 6) for score in one.scores],
    }
    return {**row, "truth": one.truth} if one.truth else row
