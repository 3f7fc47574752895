"""What was said of clips, as a list that ``edgevid.teach`` and ``export`` read."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from apps.raspberry_pi.clips import kept
from apps.raspberry_pi.review.store import BACKGROUND, WRONG, Store

# An event is announced some time after what it announces began; one without an end in its clip
# lasted for a while.
EARLY_S, LASTS_S = 1.0, 2.0


@dataclass(frozen=True, slots=True)
class Row:
    """A stretch of a clip and what it shows."""

    clip: str
    start: float
    end: float
    label: str


@dataclass(frozen=True, slots=True)
class Lessons:
    """All that can be learned from.

    Attributes:
        rows: of clips.
        background: files of features.
        shown: how many times each label is shown.
        clips: how many clips there are.
        nothing: how many of them show nothing special.
        unsaid: clips that are left out, as they hold an event of a taught label of which nothing
            was said.
        cameras: those whose clips they are.
    """

    rows: tuple[Row, ...]
    background: tuple[Path, ...]
    shown: Mapping[str, int]
    clips: int
    nothing: int
    unsaid: tuple[str, ...]
    cameras: frozenset[str] = frozenset()

    @property
    def problem(self) -> str:
        """Why nothing can be taught; empty when it can."""
        if not self.shown:
            return "Nothing is shown yet: mark a stretch of a clip, or say what an event was."
        if not self.nothing and not self.background and len(self.shown) < 2:
            return (
                "All clips show the same. Say of a few others that an event was wrong, that "
                "nothing special happens, or offer quiet hours."
            )
        return ""

    def table(self, folder: Path | None) -> str:
        """Returns the list as CSV; paths are in a folder, or beside the list in ``clips``."""
        written = io.StringIO()
        table = csv.writer(written, lineterminator="\n")
        table.writerow(["path", "start", "end", "label"])
        for row in self.rows:
            path = folder / row.clip if folder is not None else f"clips/{row.clip}"
            table.writerow([path, f"{row.start:.3f}", f"{row.end:.3f}", row.label])
        return written.getvalue()


def starts(clip: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Returns the events that start in a clip, each with its ``place`` and ``end``, seconds."""
    events, found = clip["events"], []
    for place, event in enumerate(events):
        if event["state"] != "start":
            continue
        ends = (
            other["second"]
            for other in events[place + 1 :]
            if other["state"] == "end" and other["label"] == event["label"]
        )
        end = next(ends, min(event["second"] + LASTS_S, clip["seconds"]))
        found.append({**event, "place": place, "end": max(end, event["second"] + 0.2)})
    return found


def lessons(store: Store) -> Lessons:
    """Returns what can be learned from."""
    said = {(one.clip, one.place): one for one in store.judgements()}
    marks = store.marks()
    spans: dict[str, list[Row]] = {}
    for judged in said.values():
        rows = spans.setdefault(judged.clip, [])
        if judged.verdict != WRONG:
            rows.append(Row(judged.clip, judged.start, judged.end, judged.shows))
    for mark in marks:
        rows = spans.setdefault(mark.clip, [])
        if mark.label != BACKGROUND:
            rows.append(Row(mark.clip, mark.start, mark.end, mark.label))
    nothing_in = {mark.clip for mark in marks if mark.label == BACKGROUND}
    labels = {row.label for rows in spans.values() for row in rows}
    found: list[Row] = []
    unsaid, used, empty, cameras = [], 0, 0, set()
    for name in sorted(spans):
        about = kept.described(store.clip(name).with_suffix(".json"))
        if about is None:  # somebody has taken it away
            continue
        open_ones = [
            event
            for event in starts(about)
            if event["label"] in labels and (name, event["place"]) not in said
        ]
        if open_ones and name not in nothing_in:
            unsaid.append(name)
            continue
        used += 1
        cameras.add(about["camera"])
        if spans[name]:
            found += sorted(spans[name], key=lambda row: (row.start, row.label))
        else:
            empty += 1
            found.append(Row(name, 0.0, max(about["seconds"], 0.2), BACKGROUND))
    background = tuple(
        path for one in store.quiet() if (path := store.folder / "background" / one.file).is_file()
    )
    shown = Counter(row.label for row in found if row.label != BACKGROUND)
    return Lessons(
        tuple(found), background, dict(shown), used, empty, tuple(unsaid), frozenset(cameras)
    )
