"""Answers that were marked in a search become examples to teach: no video is read again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from edgevid.archive import marks, search
from edgevid.archive.marks import RIGHT, Marked
from edgevid.archive.search import Seen
from edgevid.archive.store import Archive
from edgevid.archive.tables import CAMERA
from edgevid.errors import UsageError
from edgevid.models.load import load_model
from edgevid.runtime.feature_file import Network
from edgevid.teach.data import BACKGROUND, Recording, Span
from edgevid.teach.examples import Example

_NO_PLACE = (12, 12)


def model_of(folder: Path, named: str | Path | None) -> str | Path:
    """Returns the model that an archive was made with, or another name for it.

    Raises:
        SourceError: it is no archive.
        UsageError: it was made with another model.
    """
    known = Archive(folder).description
    name = named or known.model
    if not Network.of(load_model(name)).is_that_of(known.network):
        raise UsageError(
            f"{folder} was made with {known.network.model}, which {name} is not: "
            "name that with --model"
        )
    return name


def examples(file: Path, folder: Path, label: str) -> list[Example]:
    """Returns what is marked in a file: right answers show the label, wrong ones are background.

    Args:
        file: from ``python -m edgevid.archive search ARCHIVE ... --marks FILE``.
        folder: that archive.
        label: what right answers show.

    Raises:
        SourceError: the file or the archive cannot be read.
        UsageError: nothing is marked, nothing of it is in the archive, or this is no label.
    """
    if label.strip().lower() in (*BACKGROUND, ""):
        raise UsageError(f"--label {label!r}: name what the right answers show")
    marked = [one for one in marks.read(file) if one.mark]
    if not marked:
        raise UsageError(f"{file}: nothing is marked right or wrong")
    seen = search.seen(Archive(folder), [one.answer for one in marked])
    found = [
        _example(one, what, label)
        for one, what in zip(marked, seen, strict=True)
        if what is not None
    ]
    if not found:
        raise UsageError(f"{file}: nothing that is marked is in {folder}")
    return found


def _example(one: Marked, seen: Seen, label: str) -> Example:
    answer = one.answer
    track = "" if answer.track is None else f"#{answer.track}"
    where = f"{answer.start:g}-{answer.end:g}"
    if answer.source.startswith(CAMERA):  # which has many recordings of the same name
        where = f"{answer.time:%Y-%m-%dT%H:%M:%S}+{answer.end - answer.start:g}"
    name = f"{answer.source}{track}@{where}"
    spans: Sequence[Span] = (Span(label),) if one.mark == RIGHT else ()
    # What was seen in one recording is learned from or measured on, never both.
    return Example(
        Recording(name, tuple(spans), is_clip=True, group=answer.source),
        seen.seconds - seen.seconds[0],
        seen.features,
        seen.breaks,
        pictures=(),
        place=np.zeros(_NO_PLACE, np.uint8),
    )
