"""What all tables are read from, and written by."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

REFERENCE = Path(__file__).parent.with_name("reference")

Rows = list[dict[str, Any]]


def read(name: str) -> dict[str, Any]:
    """Returns what a file in ``benchmarks/reference`` holds."""
    found: dict[str, Any] = json.loads((REFERENCE / name).read_text("utf-8"))
    return found


def processor(name: str) -> Callable[[], str]:
    """Returns what tells the processor that a file's figures are of, as far as it was noted."""

    def told() -> str:
        machine = read(name)["machine"]
        family, processor = machine.get("family"), machine["processor"]
        return f"{family} ({processor})" if family else f"{processor}, kind not noted"

    return told


def one_decimal(value: Any) -> str:
    """Returns a number as text; a dash for none."""
    return f"{value:.1f}" if isinstance(value, float) else "-"


def three_decimals(value: Any) -> str:
    """Returns a number as text; a dash for none."""
    return f"{value:.3f}" if isinstance(value, float) else "-"
