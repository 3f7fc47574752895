"""The tables of docs/regions.md."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.tables.reading import Rows, one_decimal, read, three_decimals


def _gate() -> Rows:
    return [
        {
            "footage": row["footage"],
            "minutes": f"{row['minutes']:.0f}",
            "steps": f"{row['steps']:.1%}",
            "processor time": f"{row['processor time']:.1%}",
            "starts of actions": row["starts"],
            "missed": row["gated: missed"],
            "late, s": f"{row['gated: late, s']:.1f}",
            "99 % of probabilities differ by under": f"{row['gated: 99 % differ by under']:.3f}",
            "other noise: missed": row["other noise: missed"],
            "late, s ": one_decimal(row["other noise: late, s"]),
            "differ by under": three_decimals(row["other noise: 99 % differ by under"]),
        }
        for row in read("gate.json")["footage"]
    ]


def _follow() -> Rows:
    return [
        {
            "watched": row["way"],
            "sides": row["sides"],
            "named right": f"{row['named right']:.2f}",
            "of what told gives": f"{row['of told']:.2f}",
            "tracks": f"{row['tracks']:.1f}",
        }
        for row in read("follow.json")["pairs"]
    ]


def _follow_gestures() -> Rows:
    found = read("follow_gestures.json")["gestures"]
    rows = []
    for way in dict.fromkeys(row["way"] for row in found):
        shown: dict[str, Any] = {"what is looked at": way if " " in way else f"`{way}`"}
        for row in found:
            if row["way"] == way:
                more = row["more than whole"]
                beside = f" ({more:+.3f} ± {row['standard error']:.3f})" if more else ""
                shown[row["distance"].replace("m", " m")] = f"{row['told right']:.3f}{beside}"
        rows.append(shown)
    return rows


def _follow_people() -> Rows:
    found = read("follow.json")["people"]
    rows = [
        {
            "followed by": row["way"],
            "clip": row["clip"],
            "boxes": row["boxes"],
            "IoU 0.5 or more": f"{row['found']:.2f}",
            "people found": row["people"],
            "changes of track, at most, of one": row["most changes of one"],
        }
        for row in found
    ]
    for way in ("motion", "people"):
        of = [row for row in found if row["way"] == way]
        boxes = sum(row["boxes"] for row in of)
        rows.append(
            {
                "followed by": way,
                "clip": "**all**",
                "boxes": boxes,
                "IoU 0.5 or more": f"{sum(row['boxes'] * row['found'] for row in of) / boxes:.2f}",
                "people found": sum(row["people"] for row in of),
                "changes of track, at most, of one": max(row["most changes of one"] for row in of),
            }
        )
    return rows


TABLES: dict[str, Callable[[], Rows]] = {
    "gate": _gate,
    "follow": _follow,
    "follow gestures": _follow_gestures,
    "follow people": _follow_people,
}
