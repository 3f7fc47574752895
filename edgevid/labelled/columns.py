"""Lists of clips whose columns are named in a heading; that of Kinetics for one."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from edgevid.errors import SourceError
from edgevid.labelled import labels as naming
from edgevid.labelled.clip import Clip, Part

# What the columns are called. Names are taken before numbers where there are both.
_COLUMNS = {
    "path": (
        *("path", "file", "filename", "file_name", "filepath", "file_path", "relative_path"),
        *("video", "video_path", "video_name", "video_file", "clip", "clip_path", "clip_name"),
        *("folder", "frame_dir", "frames_dir", "directory", "name", "video_id", "clip_id", "id"),
    ),
    "label": (
        *("label_name", "class_name", "action_name", "label", "class", "action", "activity"),
        *("category", "gesture", "template", "target", "label_id", "class_id", "label_index"),
        *("class_index", "action_id", "label_idx", "class_idx"),
    ),
    "start": ("start", "time_start", "start_time", "t_start", "begin", "start_s", "start_sec"),
    "end": ("end", "time_end", "end_time", "t_end", "stop", "end_s", "end_sec"),
    "offset": ("offset", "start_frame", "start_index"),
    "count": ("count", "total_frames", "num_frames", "n_frames", "frame_count"),
    "group": ("group", "subject", "person"),
}
_KINETICS = ("label", "youtube_id", "time_start", "time_end")


class Line(Protocol):
    """A line of a list, taken apart."""

    @property
    def place(self) -> str:
        """File and number, for messages."""
        ...

    @property
    def fields(self) -> list[str]:
        """What is in its columns."""
        ...


class Heading(NamedTuple):
    """Where what is: the place of each column, by its meaning or (Kinetics) its name."""

    columns: dict[str, int]
    width: int
    of_kinetics: bool = False

    @property
    def ends_with_label(self) -> bool:
        """Whether the path is the first column, and the label the last."""
        return self.columns.get("path") == 0 and self.columns.get("label") == self.width - 1


def heading(first: Line, others: Sequence[Line], is_media: Callable[[str], bool]) -> Heading | None:
    """Returns what the first line of a list says of its columns; None when it is a clip.

    Raises:
        SourceError: it is a heading, but names no column that could be a path or a label.
    """
    names = [name.strip().lower().replace(" ", "_").replace("-", "_") for name in first.fields]
    if "youtube_id" in names:
        if missing := [name for name in _KINETICS if name not in names]:
            raise SourceError(
                f"{first.place}: no column {missing[0]!r}; expected {', '.join(_KINETICS)}"
            )
        return Heading({name: names.index(name) for name in _KINETICS}, len(names), True)
    columns = _meanings(names)
    if "path" in columns and "label" in columns:
        return Heading(columns, len(names))
    # No name of a file, where most others have one: a heading in somebody's own words.
    with_file = [line for line in others if any(map(is_media, line.fields))]
    if any(map(is_media, names)) or 2 * len(with_file) <= len(others) or not with_file:
        return None
    path = next(place for place, field in enumerate(with_file[0].fields) if is_media(field))
    if len(names) == 2:
        return Heading({"path": path, "label": 1 - path}, 2)
    if "label" in columns and columns["label"] != path:
        return Heading(columns | {"path": path}, len(names))
    if len(names) == 1:
        return None
    raise SourceError(f"{first.place}: no column 'label' in {', '.join(first.fields)}")


def _meanings(names: Sequence[str]) -> dict[str, int]:
    found = {
        meaning: names.index(next(name for name in known if name in names))
        for meaning, known in _COLUMNS.items()
        if any(name in names for name in known)
    }
    ends = [place for place, name in enumerate(names) if name.endswith("_label")]
    if "label" not in found and len(ends) == 1:
        found["label"] = ends[0]
    return found


def clips(head: Heading, lines: Sequence[Line], root: Path, labels: Sequence[str]) -> list[Clip]:
    """Returns the clips of the lines below a heading.

    Raises:
        SourceError: a line lacks columns, or its times or numbers are none.
    """
    return [
        (_of_kinetics if head.of_kinetics else _clip)(line, _row(head, line), root, labels)
        for line in lines
    ]


def _row(head: Heading, line: Line) -> dict[str, str]:
    if len(line.fields) > head.width:
        raise SourceError(
            f"{line.place}: {len(line.fields)} columns, but the heading names {head.width}: quote "
            "what holds the separator"
        )
    fields = [*line.fields, *[""] * (head.width - len(line.fields))]
    return {meaning: fields[place] for meaning, place in head.columns.items()}


def _clip(line: Line, row: dict[str, str], root: Path, labels: Sequence[str]) -> Clip:
    if not row["path"]:
        raise SourceError(f"{line.place}: no path")
    path = root / row["path"]
    label = naming.name(row["label"], labels, line.place)
    start, end = _span(line, row.get("start", ""), row.get("end", ""))
    part = None
    if row.get("count") and path.is_dir():
        part = Part(_number(line, row.get("offset") or "0"), _number(line, row["count"]))
    return Clip(path, label, start, end, group=row.get("group", ""), part=part)


def _of_kinetics(line: Line, row: dict[str, str], root: Path, labels: Sequence[str]) -> Clip:
    name = row["youtube_id"]
    if not name:
        raise SourceError(f"{line.place}: no youtube_id")
    label = naming.name(row["label"], labels, line.place)
    start, end = _span(line, row["time_start"], row["time_end"])
    if not row["time_start"] or not row["time_end"]:
        raise SourceError(f"{line.place}: times must be seconds")
    trimmed = f"{name}_{int(start):06d}_{int(end):06d}.mp4"
    for path in (root / row["label"] / trimmed, root / trimmed):
        if os.path.lexists(path):  # the usual download scripts have cut it out already
            return Clip(path, label, group=name)
    whole = [root / row["label"] / f"{name}.mp4", root / f"{name}.mp4"]
    path = next((path for path in whole if os.path.lexists(path)), whole[-1])
    return Clip(path, label, start, end, group=name)


def _span(line: Line, start: str, end: str) -> tuple[float, float]:
    try:
        span = float(start or 0), float(end or "inf")
    except ValueError as error:
        raise SourceError(f"{line.place}: times must be seconds") from error
    if not 0 <= span[0] < span[1] or math.isinf(span[0]):
        raise SourceError(f"{line.place}: it ends at {end} s, before it starts at {start} s")
    return span


def _number(line: Line, number: str) -> int:
    if not number.isdecimal():
        raise SourceError(f"{line.place}: {number!r} is no number of pictures")
    return int(number)
