"""Hostile network cameras, each watched by the real service beside a camera that works.

Promised of each: that it gives no pictures is noticed and told, within a bounded time; what its
capture process and the service hold is bounded; the other camera is watched throughout; its
password is told nowhere; the log is not filled. Fails when a promise is broken.
"""

from __future__ import annotations

import logging
import random
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tqdm import tqdm

from apps.raspberry_pi.log import Limit
from benchmarks import machine
from benchmarks.attack.ending import conclude
from benchmarks.attack.hostile_cameras import PASSWORD, Hostile, all_cameras, served
from benchmarks.parts.steady import steady_video
from benchmarks.parts.two_cameras import TwoCameras
from benchmarks.report import arguments, table
from edgevid import Model, load_model
from edgevid.support import command

NOTICED_S = 25.0  # a camera may take twenty to give its first picture
_WATCHED_S = 3.0  # of one that gives pictures
_CAPTURE_MB = 1400  # of the capture process: RLIMIT_DATA, and the libraries
_SERVICE_MB = 300  # more than before, of the service
_LONGEST_GAP_S = 5.0  # between two steps of the other camera, on a machine that is busy
_LINES = 60  # of the log


def main(given: Sequence[str] | None = None) -> int:
    """Runs the campaign; returns its exit code."""
    parser = arguments("benchmarks.attack.cameras", __doc__)
    parser.add_argument("--count", type=int, help="cameras (default: every kind once)")
    chosen = parser.parse_args(given)

    def run() -> int:
        before = machine.read()
        cameras = all_cameras()
        if chosen.count or chosen.quick:
            count = min(chosen.count or 6, len(cameras))
            cameras = random.Random(chosen.seed).sample(cameras, count)
        model = load_model("camera-motion")  # comes with edgevid
        rows: list[dict[str, Any]] = []
        broken: list[dict[str, str]] = []
        with tempfile.TemporaryDirectory() as folder:
            steady = steady_video(Path(folder, "steady.mp4"))
            for camera in tqdm(cameras, "hostile cameras", leave=False):
                seen = attack(camera, model, steady)
                rows.append(seen.row())
                broken += [{"camera": camera.name, "broken": one} for one in seen.broken]
        print(table(rows))
        if broken:
            print(table(broken))
        return conclude(chosen.json, before, {"rows": rows, "broken": broken})

    return command.guard(run)


@dataclass(slots=True)
class Seen:
    """What came of one camera.

    Attributes:
        name: the camera's.
        told: how the service called it in the end, and why.
        after_s: seconds until it was so.
        capture_mb: the most that a capture process held, RSS.
        gap_s: the longest time between two steps of the other camera.
        lines: that the log took.
        broken: promises.
    """

    name: str
    told: str = ""
    after_s: float = 0.0
    capture_mb: float = 0.0
    gap_s: float = 0.0
    lines: int = 0
    broken: list[str] = field(default_factory=list)

    def row(self) -> dict[str, Any]:
        """Returns it as a row of a table."""
        return {
            "camera": self.name,
            "told": self.told,
            "after, s": round(self.after_s, 1),
            "capture process, MB": round(self.capture_mb),
            "longest gap of the other, s": round(self.gap_s, 2),
            "lines in the log": self.lines,
        }


def attack(camera: Hostile, model: Model, steady: Path) -> Seen:
    """Has the service watch one hostile camera; returns what came of it."""
    seen = Seen(camera.name)
    held = machine.rss_mb()
    with (
        served(camera) as address,
        _logged() as log,
        TwoCameras(model, address, steady) as watching,
    ):
        deadline = time.monotonic() + NOTICED_S
        began = time.monotonic()
        while time.monotonic() < deadline:
            time.sleep(0.02)
            seen.capture_mb = max(seen.capture_mb, machine.largest_child_mb())
            status = watching.failing
            if status.state == "live" and camera.gives_pictures is not False:
                deadline = min(deadline, time.monotonic() + _WATCHED_S)
            elif status.state == "lost" and camera.gives_pictures is not True:
                break
        seen.after_s = time.monotonic() - began
        watching.look()
        seen.gap_s = watching.longest_gap
        status = watching.failing
    seen.told = f"{status.state}: {status.problem}".removesuffix(": ")
    seen.lines = len(log)
    promises = {
        f"never noticed: {seen.told}": status.losses > 0
        or (camera.gives_pictures is not False and status.steps > 0),
        "gives pictures that are not seen": camera.gives_pictures is not True or status.steps > 0,
        "lost without a reason": status.state != "lost" or bool(status.problem),
        f"{seen.capture_mb:.0f} MB in a capture process": seen.capture_mb < _CAPTURE_MB,
        "the service holds more and more": machine.rss_mb() - held < _SERVICE_MB,
        f"the other camera waited {seen.gap_s:.1f} s": seen.gap_s < _LONGEST_GAP_S,
        "the other camera was lost": watching.steady.losses == 0,
        "tells the password": PASSWORD not in "\n".join([seen.told, *log]),
        f"{seen.lines} lines in the log": seen.lines < _LINES,
    }
    seen.broken = [promise for promise, is_kept in promises.items() if not is_kept]
    return seen


@contextmanager
def _logged() -> Iterator[list[str]]:
    """Gives the lines that the service's log takes."""
    lines: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())  # type: ignore[method-assign]
    handler.addFilter(Limit(handler.emit))
    logger = logging.getLogger("edgevid")
    propagates, logger.propagate = logger.propagate, False
    logger.addHandler(handler)
    try:
        yield lines
    finally:
        logger.removeHandler(handler)
        logger.propagate = propagates


if __name__ == "__main__":
    sys.exit(main())
