"""Answers in a text file, in which each is marked right or wrong: what to teach next.

A table with tabs, which spreadsheets open too. Its first column is to be filled in; the others say
which answer it is.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from edgevid.archive.search import Answer
from edgevid.errors import SourceError
from edgevid.labelled import text
from edgevid.records import Box
from edgevid.support.atomic_file import atomic_file

RIGHT, WRONG = "right", "wrong"
MARKS = (RIGHT, WRONG, "")
_COLUMNS = (
    *("mark", "source", "start", "end", "label", "score", "camera", "time"),
    *("track", "box", "content"),
)
_NEEDED = ("mark", "source", "start", "end", "content")
_SAME = 0.5  # of the shorter of two answers: so much of it in the other makes them one


@dataclass(frozen=True, slots=True)
class Marked:
    """An answer and what somebody thinks of it.

    Attributes:
        mark: ``right``, ``wrong``, or nothing.
        answer: what was found.
    """

    mark: str
    answer: Answer


def write(path: Path, marked: Iterable[Marked]) -> None:
    """Writes a file of marks, which appears whole or not at all.

    Raises:
        OutputError: it cannot be written.
    """
    written = io.StringIO()
    table = csv.writer(written, delimiter="\t", lineterminator="\n")
    table.writerow(_COLUMNS)
    for one in marked:
        answer = one.answer
        table.writerow(
            (
                *(one.mark, answer.source, round(answer.start, 3), round(answer.end, 3)),
                *(answer.label, round(answer.score, 6), answer.camera, answer.time.isoformat()),
                *(
                    "" if answer.track is None else answer.track,
                    " ".join(map(str, answer.box or ())),
                ),
                answer.content,
            )
        )
    with atomic_file(path) as file:
        file.write(written.getvalue().encode("utf-8", "surrogateescape"))


def read(path: Path) -> list[Marked]:
    """Reads a file of marks; a spreadsheet may have left commas or semicolons in place of tabs.

    Raises:
        SourceError: it cannot be read, or a line makes no sense.
    """
    content = text.read(path)
    heading = content.partition("\n")[0]
    separator = max("\t;,", key=heading.count)
    lines = csv.DictReader(io.StringIO(content), delimiter=separator, restval="")
    missing = [name for name in _NEEDED if name not in (lines.fieldnames or ())]
    if missing:
        raise SourceError(f"{path}: holds no marks: there is no column {missing[0]!r}")
    found = []
    try:
        for line in lines:
            try:
                found.append(_marked({name: line.get(name) or "" for name in _COLUMNS}))
            except ValueError as error:
                raise SourceError(f"{path} line {lines.line_num}: {error}") from error
    except csv.Error as error:
        raise SourceError(f"{path} line {lines.line_num}: {error}") from error
    return found


def together(marked: Sequence[Marked], answers: Iterable[Answer]) -> list[Marked]:
    """Returns what was there, with its marks, and those answers that are new."""
    found = list(marked)
    for answer in answers:
        if not any(_are_one(one.answer, answer) for one in found):
            found.append(Marked("", answer))
    return found


def _marked(line: dict[str, str]) -> Marked:
    mark = line["mark"].strip().lower()
    if mark not in MARKS:
        raise ValueError(f"the mark must be right, wrong or nothing, not {line['mark']!r}")
    try:
        start, end = float(line["start"]), float(line["end"])
        track = int(line["track"]) if line["track"] else None
        answer = Answer(
            line["camera"],
            line["source"],
            line["content"],
            datetime.fromisoformat(line["time"] or "1970-01-01T00:00:00+00:00"),
            start,
            end,
            float(line["score"] or 0),
            line["label"],
            track,
            _box(line["box"]),
        )
    except ValueError as error:
        raise ValueError(f"is no answer: {error}") from error
    if not 0 <= start <= end or not line["content"]:
        raise ValueError("is no answer")
    return Marked(mark, answer)


def _box(told: str) -> Box | None:
    if not told:
        return None
    x, y, width, height = map(int, told.split())
    return x, y, width, height


def _are_one(one: Answer, other: Answer) -> bool:
    if (one.content, one.track) != (other.content, other.track):
        return False
    shared = min(one.end, other.end) - max(one.start, other.start)
    return shared > _SAME * min(one.end - one.start, other.end - other.start)
