"""Labelled clips, in the forms in which people keep them."""

from __future__ import annotations

import csv
import math
import random
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from edgevid.errors import SourceError, UsageError

VIDEO_SUFFIXES = frozenset(
    (".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".gif", ".mpg", ".mpeg", ".ts", ".wmv",
     ".flv", ".3gp", ".ogv", ".mts", ".m2ts")
)  # fmt: skip
PICTURE_SUFFIXES = frozenset((".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"))


@dataclass(frozen=True)
class Clip:
    """One action.

    Attributes:
        path: a video, a folder of numbered pictures, or a TFRecord file.
        label: the action's name.
        start: seconds into the video at which it starts.
        end: seconds at which it ends.
        group: who or what must not be on both sides of a split: a person, a source video.
        record: where in a TFRecord file it starts, in bytes; None elsewhere.
    """

    path: Path
    label: str
    start: float = 0.0
    end: float = math.inf
    group: str = ""
    record: int | None = None

    @property
    def place(self) -> tuple[Path, float, int | None]:
        """Where it is: two clips with the same place are one."""
        return self.path.resolve(), self.start, self.record


def read(source: Path, *, root: Path | None = None, labels: Sequence[str] = ()) -> list[Clip]:
    """Reads clips from whatever ``source`` is.

    Args:
        source: a folder with a folder for each class; a text file of ``path label`` lines
            (MMAction2; also its raw-frame form ``folder frames label``, and UCF101's split
            files, whose label may be missing since the path holds it); a CSV file with the
            columns of Kinetics (``label``, ``youtube_id``, ``time_start``, ``time_end``); or a
            TFRecord file of SequenceExamples, or a folder of such files.
        root: where the paths of a list start; the list's own folder when None.
        labels: names for numeric labels, from 0.

    Raises:
        SourceError: nothing there, or a file that is none of these.
    """
    if source.is_dir():
        shards = sorted(path for path in source.iterdir() if _is_tfrecord(path))
        if not shards:
            return _folders(source)
        return [clip for shard in shards for clip in _tfrecord(shard, source, labels)]
    if not source.is_file():
        raise SourceError(f"{source}: no such folder or list of clips")
    if _is_tfrecord(source):
        reader = _tfrecord
    else:
        reader = _kinetics if source.suffix.lower() == ".csv" else _list
    found = reader(source, root or source.parent, labels)
    if not found:
        raise SourceError(f"{source}: names no clip")
    return found


def _folders(folder: Path) -> list[Clip]:
    found = []
    for class_folder in sorted(path for path in folder.iterdir() if path.is_dir()):
        entries = sorted(class_folder.iterdir())
        usable = [path for path in entries if path.suffix.lower() in VIDEO_SUFFIXES]
        usable += [path for path in entries if path.is_dir() and _holds_pictures(path)]
        if not usable:
            raise SourceError(
                f"{class_folder}: a class without a video; add some, or remove the folder"
            )
        found += [Clip(path, class_folder.name) for path in usable]
    if not found:
        raise SourceError(f"{folder}: no videos; expected {folder}/<class>/<video>.mp4")
    return found


def _holds_pictures(folder: Path) -> bool:
    return any(path.suffix.lower() in PICTURE_SUFFIXES for path in folder.iterdir())


def _list(source: Path, root: Path, labels: Sequence[str]) -> list[Clip]:
    found = []
    for number, line in enumerate(_text(source).splitlines(), start=1):
        words = line.split()
        if not words:
            continue
        place = f"{source} line {number}"
        if len(words) == 1:  # UCF101's test lists: the class is the folder
            path, label = words[0], Path(words[0]).parent.name
            if not label:
                raise SourceError(f"{place}: a path without a label")
        elif len(words) == 3 and words[1].isdecimal():
            path, label = words[0], _name(words[2], labels, place)
        else:
            path, label = " ".join(words[:-1]), _name(words[-1], labels, place)
        if _ucf101_group(path):  # its numbers count from 1, and its test lists have none
            label = Path(path).parent.name or label
        found.append(Clip(root / path, label, group=_ucf101_group(path)))
    return found


def _name(label: str, labels: Sequence[str], place: str) -> str:
    if not labels or not label.isdecimal():
        return label
    if int(label) >= len(labels):
        raise SourceError(f"{place}: label {label}, but there are {len(labels)} names, from 0")
    return labels[int(label)]


def _ucf101_group(path: str) -> str:
    """The source video of a UCF101 clip: of ``v_Archery_g08_c01.avi`` it is ``Archery_g08``."""
    found = re.search(r"v_(\w+_g\d+)_c\d+", path)
    return found[1] if found else ""


def _kinetics(source: Path, root: Path, labels: Sequence[str]) -> list[Clip]:
    del labels
    rows = list(csv.DictReader(_text(source).splitlines()))
    wanted = ("label", "youtube_id", "time_start", "time_end")
    if rows and (missing := [column for column in wanted if column not in rows[0]]):
        raise SourceError(f"{source}: no column {missing[0]!r}; expected {', '.join(wanted)}")
    found = []
    for number, row in enumerate(rows, start=2):
        try:
            start, end = float(row["time_start"]), float(row["time_end"])
        except (TypeError, ValueError) as error:
            raise SourceError(f"{source} line {number}: times must be seconds") from error
        name, label = row["youtube_id"], row["label"]
        trimmed = f"{name}_{int(start):06d}_{int(end):06d}"
        cut = [root / label / f"{trimmed}.mp4", root / f"{trimmed}.mp4"]
        path = next((path for path in cut if path.exists()), None)
        if path is not None:  # the usual download scripts have cut it out already
            found.append(Clip(path, label, group=name))
        else:
            whole = [root / label / f"{name}.mp4", root / f"{name}.mp4"]
            path = next((path for path in whole if path.exists()), whole[-1])
            found.append(Clip(path, label, start, end, group=name))
    return found


def _is_tfrecord(path: Path) -> bool:
    """Whether a file's name says so; ``train.tfrecord-00003-of-00010`` is one of several."""
    return ".tfrecord" in path.name.lower() and path.is_file()


def _tfrecord(source: Path, root: Path, labels: Sequence[str]) -> list[Clip]:
    from export import tfrecord  # here, for it needs TensorFlow, and other lists do not

    del root
    found = []
    for offset, example in tfrecord.records(source):
        try:
            label = tfrecord.label_of(example, labels)
        except SourceError as error:
            raise SourceError(f"{source} at byte {offset}: {error}") from error
        found.append(Clip(source, label, group=tfrecord.media_of(example), record=offset))
    return found


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"{path}: cannot be read as text: {error}") from error


def with_groups(clips: Iterable[Clip], pattern: str) -> list[Clip]:
    """Groups clips by a part of their file's name; of a record's, by that of ``clip/media_id``.

    Args:
        clips: the clips.
        pattern: a regular expression with one group, such as ``^(S[0-9]+)_`` for a person.

    Raises:
        UsageError: the pattern is none, or does not fit a clip's name.
    """
    try:
        expression = re.compile(pattern)
    except re.error as error:
        raise UsageError(f"group pattern {pattern!r}: {error}") from error
    if expression.groups != 1:
        raise UsageError(f"group pattern {pattern!r} needs one pair of parentheses")
    grouped = []
    for clip in clips:
        name = clip.path.name if clip.record is None else clip.group
        found = expression.search(name)
        if found is None:
            raise UsageError(f"group pattern {pattern!r} does not fit {name!r}")
        grouped.append(replace(clip, group=found[1]))
    return grouped


def hold_out(clips: Sequence[Clip], share: float, seed: int = 0) -> tuple[list[Clip], list[Clip]]:
    """Splits clips for training and validation; whole groups where clips have one.

    Args:
        clips: all clips.
        share: of the groups (or of each class's clips, where there are no groups) to hold out.
        seed: of the choice.

    Raises:
        UsageError: nothing would be left on one side.
    """
    chance = random.Random(seed)
    key: Callable[[Clip], str]
    if all(clip.group for clip in clips):
        key = lambda clip: clip.group  # noqa: E731
        names = sorted({clip.group for clip in clips})
        chance.shuffle(names)
        held = set(names[: max(1, round(share * len(names)))])
    else:
        key = lambda clip: str(clip.place)  # noqa: E731
        held = set()
        for label in sorted({clip.label for clip in clips}):
            names = sorted({key(clip) for clip in clips if clip.label == label})
            chance.shuffle(names)
            held |= set(names[: round(share * len(names))])
    train = [clip for clip in clips if key(clip) not in held]
    validation = [clip for clip in clips if key(clip) in held]
    if not train or not validation:
        raise UsageError(f"holding out {share:.0%} of {len(clips)} clips leaves one side empty")
    return train, validation


def check(train: Sequence[Clip], held: Sequence[Clip]) -> tuple[str, ...]:
    """Checks a split, and returns the labels in order.

    Raises:
        UsageError: one class only; a group or a clip on both sides; a class to be tested that is
            never trained.
    """
    labels = tuple(sorted({clip.label for clip in train}))
    if len(labels) < 2:
        raise UsageError(f"two classes or more are needed, found {', '.join(labels) or 'none'}")
    if both := {clip.group for clip in train} & {clip.group for clip in held} - {""}:
        raise UsageError(
            f"group {sorted(both)[0]} is on both sides of the split: the result would be too good"
        )
    places = {clip.place for clip in train}
    if twice := [clip for clip in held if clip.place in places]:
        raise UsageError(f"{twice[0].path} is on both sides of the split")
    if unknown := {clip.label for clip in held} - set(labels):
        raise UsageError(f"class {sorted(unknown)[0]!r} is tested but never trained")
    return labels
