"""The tables of docs/robustness.md."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.tables.reading import REFERENCE, Rows, read


def _attack() -> Rows:
    tried = {
        "videos": "damaged and odd videos",
        "model_files": "damaged model files",
        "cameras": "hostile cameras",
        "requests": "hostile requests to the page",
        "kills": "kills, with broker stops and a slow disk",
    }
    rows = []
    for name, what in tried.items():
        if not (REFERENCE / f"attack_{name}.json").exists():  # nothing is said of what was not run
            continue
        found = read(f"attack_{name}.json")
        rows.append(
            {
                "campaign": what,
                "tried": f"{_tried(found):,}",
                "promises broken": str(len(found["broken"])),
            }
        )
    return rows


def _tried(found: dict[str, Any]) -> int:
    """Returns how much was tried: what the campaign says, else a row for each trial."""
    for key in ("files", "requests", "kills"):
        if key in found:
            return int(found[key])
    rows: Rows = found["rows"]
    return sum(int(row.get("files", 1)) for row in rows)


TABLES: dict[str, Callable[[], Rows]] = {
    "attack": _attack,
}
