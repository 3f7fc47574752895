"""The tables of docs/models.md and docs/memory.md."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.tables.reading import Rows, processor, read, three_decimals


def _memory() -> Rows:
    shown = {
        ("as published", "-"): "as published",
        ("1 s", "-"): "1 s",
        ("2 s", "-"): "2 s",
        ("4 s", "-"): "4 s",
        ("10 s", "-"): "10 s",
        ("4 s", "followed"): "**4 s, no further back than the scene** (default)",
    }
    found = read("memory.json")
    rows = [
        _memory_row(shown[row["memory"], row["scenes"]], row)
        for row in found["cuts"]
        if (row["memory"], row["scenes"]) in shown
    ]
    (fading,) = [
        row for row in found["fades"] if (row["memory"], row["scenes"]) == ("4 s", "followed")
    ]
    return [*rows, _memory_row("the same, where each clip fades into the next over 2 s", fading)]


def _memory_row(name: str, row: dict[str, Any]) -> dict[str, Any]:
    after = row["right after, s"]
    return {
        "memory": name,
        "top-1": f"{row['top-1']:.3f}",
        "top-5": f"{row['top-5']:.3f}",
        "seconds until the right label is on top": "never" if after is None else f"{after:.1f}",
    }


def _formats() -> Rows:
    return [
        {
            "file": row["file"].replace("_", " "),
            "partitions": f"{row['partitions before']} -> {row['partitions']}",
            "time of a step": f"{row['ratio']:.2f}",
            "divergence": three_decimals(row["divergence"]),
            "same label": f"{row['agree']} of {row['clips']}",
            "with its sums kept": three_decimals(row["sums kept"]),
            "from float32: as exported, prepared": "-"
            if row["before"] is None
            else f"{row['before']:.3f}, {row['after']:.3f}",
        }
        for row in read("formats.json")["rows"]
    ]


TABLES: dict[str, Callable[[], Rows]] = {
    "memory": _memory,
    "formats": _formats,
}

FIGURES: dict[str, Callable[[], str]] = {"formats processor": processor("formats.json")}
