"""The end of every campaign: writes the results, and returns 1 if a promise was broken."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks import machine
from benchmarks.report import write_json
from edgevid.support import command


def conclude(path: Path | None, before: machine.Reading, results: dict[str, Any]) -> int:
    """Writes what a campaign found; returns its exit code.

    Args:
        path: the JSON file to be; None for none.
        before: the machine, before it began.
        results: with ``broken``, the promises that were broken.

    Raises:
        OutputError: the file cannot be written.
    """
    write_json(path, {"machine": machine.facts(before, machine.read()), **results})
    return command.FAILED if results["broken"] else command.OK
