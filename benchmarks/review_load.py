"""What teaching costs the watching: ticks that are skipped, and memory.

A service watches two cameras, which play ``segments``; by its page's addresses it is taught again
and again for some seconds, then left alone for as many, in turns. Other work on the machine falls
on both alike. Then the model that was taught last is used, taken back and used again, so many
times, and memory is looked at.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.clips import published_path
from benchmarks.parts.reviewed import Reviewed
from benchmarks.report import arguments, table, write_json
from edgevid.support.command import OK, guard

_ROUNDS, _SECONDS = 4, 40.0
_SWAPS = 20


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the benchmark; returns its exit code."""
    parser = arguments("benchmarks.review_load", __doc__)
    chosen = parser.parse_args(argv)

    def run() -> int:
        with tempfile.TemporaryDirectory() as folder:
            found = measured(Path(folder), *((1, 10.0) if chosen.quick else (_ROUNDS, _SECONDS)))
        print(table(found["rows"]))
        print()
        print(table([{"what": k, "value": v} for k, v in found.items() if k != "rows"]))
        write_json(chosen.json, found)
        return OK

    return guard(run)


def measured(folder: Path, rounds: int, seconds: float) -> dict[str, Any]:
    """Returns rows for the seconds in which it was taught, and for those in which it was not."""
    segments = published_path().parent.parent / "segments"
    service = Reviewed(folder, {"front": segments, "back": segments})
    service.start()
    try:
        service.review()
        service.teach()  # once, so that all is loaded that ever is
        time.sleep(5.0)
        idle, taught = _Sum(), _Sum()
        memory = {"before": _memory_mb(service)}
        for _ in range(rounds):
            for what in (idle, taught):
                before, began = _figures(service), time.monotonic()
                while time.monotonic() - began < seconds:
                    if what is taught:
                        service.teach()
                        what.taught += 1
                    else:
                        time.sleep(1.0)
                what.add(before, _figures(service), time.monotonic() - began)
            memory[f"taught {taught.taught} times"] = _memory_mb(service)
        newest = service.get("teaching")["models"][0]["number"]
        before, began = _figures(service), time.monotonic()
        for _ in range(_SWAPS):
            service.post("use", {"number": newest})
            service.post("undo")
        changes = _Sum()
        changes.taught = 2 * _SWAPS
        changes.add(before, _figures(service), time.monotonic() - began)
        memory[f"after {2 * _SWAPS} changes of the model"] = _memory_mb(service)
        lost = service.total("edgevid_camera_losses_total")
    finally:
        service.kill()
    return {
        "rows": [
            idle.row("left alone"),
            taught.row("taught meanwhile"),
            changes.row("given another model"),
        ],
        **{f"memory {when}, MB": round(mb, 1) for when, mb in memory.items()},
        "cameras lost": lost,
    }


def _figures(service: Reviewed) -> tuple[int, int]:
    """Returns steps (taken, and saved as nothing changed), and ticks skipped, so far."""
    steps = service.total("edgevid_steps_total") + service.total("edgevid_saved_steps_total")
    return steps, service.total("edgevid_skipped_ticks_total")


def _memory_mb(service: Reviewed) -> float:
    return service.metrics()["process_resident_memory_bytes"] / 2**20


class _Sum:
    """Steps and skipped ticks of several windows of time."""

    def __init__(self) -> None:
        self.steps = self.skipped = self.taught = 0
        self.seconds = 0.0

    def add(self, before: tuple[int, int], after: tuple[int, int], seconds: float) -> None:
        self.steps += after[0] - before[0]
        self.skipped += after[1] - before[1]
        self.seconds += seconds

    def row(self, name: str) -> dict[str, Any]:
        return {
            "the service is": name,
            "seconds": round(self.seconds),
            "times": self.taught,
            "steps": self.steps,
            "ticks skipped": self.skipped,
            "share": f"{self.skipped / max(1, self.steps + self.skipped):.2%}",
        }


if __name__ == "__main__":
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    sys.exit(main())
