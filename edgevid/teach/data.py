"""What is taught: recordings, and when in them what happens."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from edgevid import labelled
from edgevid.errors import SourceError, UsageError
from edgevid.labelled import Clip
from edgevid.sources import clips as sources_in

BACKGROUND = ("background", "none")  # labels of what is nothing special
_SPLIT = re.compile(r"\.tfrecord", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Span:
    """Something that happens, from one second of a recording to another."""

    label: str
    start: float = 0.0
    end: float = math.inf


@dataclass(frozen=True, slots=True)
class Recording:
    """One video.

    Attributes:
        source: what ``edgevid.open_source`` takes.
        spans: what happens in it; all outside is background.
        is_clip: whether it was cut to what it shows, so that its spans are the whole of it.
        group: who or what must not be on both sides of a split; empty when nobody said.
    """

    source: str
    spans: tuple[Span, ...] = ()
    is_clip: bool = False
    group: str = ""

    @property
    def labels(self) -> frozenset[str]:
        """All that happens in it."""
        return frozenset(span.label for span in self.spans)


def read(
    data: Path | None, background: Iterable[str] = (), *, group: str | None = None
) -> list[Recording]:
    """Reads what is to be taught.

    Args:
        data: a folder with a folder for each class; or a list of clips and labels; or a list
            with columns for path, start, end and label. None for none.
        background: recordings in which nothing special happens, or folders of them.
        group: a regular expression with one group, found in the names of the files of ``data``,
            such as ``^(S[0-9]+)_`` for a person.

    Raises:
        SourceError: nothing there, or a list that cannot be understood.
        UsageError: labels that differ by case alone, or a group that does not fit.
    """
    found: list[Recording] = []
    if data is not None:
        if _SPLIT.search(data.name):
            raise SourceError(f"{data}: TFRecord files are for export.finetune; name their videos")
        clips = labelled.read(data)
        if group is not None:
            clips = labelled.with_groups(clips, group)
        found = _recordings(clips)
        _check_labels(sorted({label for recording in found for label in recording.labels}))
    for source in background:
        found += [Recording(path) for path in sources_in(source)]
    return found


def _recordings(clips: Sequence[Clip]) -> list[Recording]:
    """Joins all that happens in one file."""
    found: dict[object, Recording] = {}
    for clip in clips:
        if clip.part is not None:
            raise SourceError(f"{clip.path}: parts of a folder of pictures are for export.finetune")
        is_clip = clip.start == 0 and clip.end == math.inf
        is_background = clip.label.lower() in BACKGROUND
        spans = () if is_background else (Span(clip.label, clip.start, clip.end),)
        known = found.setdefault(
            clip.path.resolve(), Recording(str(clip.path), (), is_clip, clip.group)
        )
        if known.is_clip != is_clip and not is_background:
            raise SourceError(f"{clip.path}: has a label with times and one without")
        new = tuple(span for span in spans if span not in known.spans)
        found[clip.path.resolve()] = replace(known, spans=(*known.spans, *new))
    return list(found.values())


def _check_labels(labels: Sequence[str]) -> None:
    known: dict[str, str] = {}
    for label in labels:
        other = known.setdefault(label.casefold(), label)
        if other != label:
            raise UsageError(f"labels {other!r} and {label!r} differ by case alone: write one")
