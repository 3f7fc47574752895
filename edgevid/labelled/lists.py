"""Lists of clips as text: a clip a line.

What separates the columns is found out from the lines themselves, not from the file's suffix:
tabs, commas, semicolons, or spaces. The columns are named in a heading (see ``columns``), or are
one of these:

- ``path label``; the path or the label in quotes where it holds the separator;
- ``folder label``, ``folder count label`` and ``folder offset count label`` (MMAction2's raw
  frames): a folder of pictures, or so many of them;
- ``path`` alone, whose folder is the class (UCF101's test lists).
"""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from edgevid.errors import SourceError
from edgevid.labelled import columns, text
from edgevid.labelled import labels as naming
from edgevid.labelled.clip import Clip, Part
from edgevid.sources.folders import PICTURE_SUFFIXES, VIDEO_SUFFIXES, is_hidden

_SEPARATORS = ("\t", ",", ";", "")  # the last: spaces
_WORD = re.compile(r""""([^"]+)"(?=\s|$)|'([^']+)'(?=\s|$)|(\S+)""")
_NOT_CLIPS = ("__MACOSX", ".ipynb_checkpoints")


class Line(NamedTuple):
    """One line of a list, taken apart."""

    place: str  # file and number, for messages
    fields: list[str]


def read(source: Path, root: Path, labels: Sequence[str] = ()) -> list[Clip]:
    """Reads a list.

    Args:
        source: the list.
        root: where its paths start.
        labels: names for numeric labels, from 0.

    Raises:
        SourceError: it cannot be read, or a line cannot be understood.
    """
    numbered = [
        (f"{source} line {number}", line.strip(" \r"))
        for number, line in enumerate(text.read(source).split("\n"), start=1)
    ]
    numbered = [(place, line) for place, line in numbered if line.strip() and line[:2] != "# "]
    if numbered and numbered[0][1][0] in "{[<":
        raise SourceError(f"{numbered[0][0]}: JSON, XML or HTML; expected lines of path and label")
    separator = _separator([line for _, line in numbered])
    lines = [Line(place, _split(line, separator, place)) for place, line in numbered]
    heading = columns.heading(lines[0], lines[1:], is_media) if lines else None
    if heading:
        del lines[0]
    if heading and (separator or not heading.ends_with_label):
        found = columns.clips(heading, lines, root, labels)
    else:  # between spaces too: there a path or a label may be several words
        found = [_clip(line, root, labels, spaced=not separator) for line in lines]
    return [clip for clip in found if not _is_foreign(clip.path)]


def is_media(name: str) -> bool:
    """Whether a name is that of a video or a picture."""
    return Path(name).suffix.lower() in VIDEO_SUFFIXES | PICTURE_SUFFIXES


def _separator(lines: Sequence[str]) -> str:
    """What splits most lines into columns; above all such that a file's name is one of them."""

    def fit(separator: str) -> int:
        points = 0
        for line in lines[:1000]:
            fields = _fields(line, separator)
            if len(fields) > 1:
                points += 1 + 2 * any(map(is_media, fields))
        return points

    return max(_SEPARATORS, key=fit) if any(map(fit, _SEPARATORS)) else ""


def _fields(line: str, separator: str) -> list[str]:
    if not separator:
        return [next(filter(None, found.groups())) for found in _WORD.finditer(line)]
    try:
        fields = next(csv.reader([line], delimiter=separator, skipinitialspace=True, strict=True))
    except csv.Error:
        return []
    return [field.strip() for field in fields]


def _split(line: str, separator: str, place: str) -> list[str]:
    fields = _fields(line, separator)
    while fields and not fields[-1]:  # spreadsheets fill short rows up
        fields.pop()
    if not fields:
        raise SourceError(f"{place}: cannot be taken apart: a quote that is not closed?")
    return fields


def _clip(line: Line, root: Path, labels: Sequence[str], *, spaced: bool) -> Clip:
    path, rest = _path(line, root) if spaced else (line.fields[0], line.fields[1:])
    place = line.place
    if not spaced and len(rest) == 1 and is_media(rest[0]) and not is_media(path):
        path, rest = rest[0], [path]
    if not path:
        raise SourceError(f"{place}: no path")
    whole = root / path
    is_folder = whole.is_dir() if os.path.lexists(whole) else not is_media(path)
    numbers: list[int] = []
    while is_folder and len(rest) > 1 and rest[0].isdecimal():
        numbers.append(int(rest.pop(0)))
    if len(numbers) > 2 or (len(rest) > 1 and all(word.isdecimal() for word in rest)):
        several = " ".join(map(str, [*numbers, *rest]))
        raise SourceError(f"{place}: several labels ({several}), but a clip has one: leave one")
    if len(rest) > 1 and (not spaced or rest[0].isdecimal()):
        raise SourceError(
            f"{place}: {path!r} is followed by {', '.join(map(repr, rest))}: expected a label; "
            "quote one that holds the separator, or name the columns in a heading"
        )
    label = _label(path, " ".join(rest), labels, place)
    part = Part(*([0] * (2 - len(numbers)) + numbers)) if numbers else None
    if part and part.count == 0:
        raise SourceError(f"{place}: 0 pictures")
    return Clip(whole, label, group=ucf101_group(path), part=part)


def _label(path: str, label: str, labels: Sequence[str], place: str) -> str:
    folder = Path(path).parent.name
    if ucf101_group(path):  # its numbers count from 1, and its test lists have none
        return folder or naming.name(label, labels, place)
    if not label and not (is_media(path) and folder):
        raise SourceError(f"{place}: a path without a label")
    return naming.name(label or folder, labels, place)


def _path(line: Line, root: Path) -> tuple[str, list[str]]:
    """Where the path ends among words, and what follows it.

    It ends with what is a file's name; or with the longest that is there; or before the numbers.
    """
    words = line.fields
    ends = [place for place, word in enumerate(words, 1) if is_media(word)]
    if not ends:
        at_most = max(1, len(words) - 1)
        there = (n for n in range(1, at_most + 1) if os.path.lexists(root / " ".join(words[:n])))
        ends = [*there]
    if not ends:
        end = max(1, len(words) - 1)
        while end > 1 and words[end - 1].isdecimal():
            end -= 1
        ends = [end]
    return " ".join(words[: ends[-1]]), words[ends[-1] :]


def ucf101_group(path: str) -> str:
    """The source video of a UCF101 clip: of ``v_Archery_g08_c01.avi`` it is ``Archery_g08``."""
    found = re.search(r"v_(\w+_g\d+)_c\d+", path)
    return found[1] if found else ""


def _is_foreign(path: Path) -> bool:
    """Whether a list names what a system left beside the clips."""
    return is_hidden(path) or any(part in _NOT_CLIPS for part in path.parts)
