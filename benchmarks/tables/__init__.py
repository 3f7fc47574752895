"""The tables of the pages, a module for each page, from the files in ``benchmarks/reference``."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.tables import (
    camera_motion,
    events,
    models,
    performance,
    phone,
    regions,
    robustness,
    teaching,
)
from benchmarks.tables.reading import Rows

TABLES: dict[str, Callable[[], Rows]] = {
    **performance.TABLES,
    **models.TABLES,
    **events.TABLES,
    **teaching.TABLES,
    **robustness.TABLES,
    **regions.TABLES,
    **phone.TABLES,
    **camera_motion.TABLES,
}

# Within a sentence.
FIGURES: dict[str, Callable[[], str]] = {
    **performance.FIGURES,
    **models.FIGURES,
    **phone.FIGURES,
}
