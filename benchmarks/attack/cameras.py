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
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tqdm import tqdm

from apps.raspberry_pi.config import CameraConfig, Config
from apps.raspberry_pi.hub import Hub
from apps.raspberry_pi.log import Limit
from apps.raspberry_pi.service import Service
from benchmarks import machine
from benchmarks.attack.ending import conclude
from benchmarks.attack.hostile_cameras import PASSWORD, Hostile, all_cameras, served
from benchmarks.parts.steady import steady_video
from benchmarks.report import arguments, table
from edgevid import Frame, Model, load_model
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
    with served(camera) as address, _logged() as log, _watching(address, model, steady) as watching:
        deadline = time.monotonic() + NOTICED_S
        began = time.monotonic()
        hub = watching.hub
        while time.monotonic() < deadline:
            time.sleep(0.02)
            seen.capture_mb = max(seen.capture_mb, machine.largest_child_mb())
            status = hub.status.camera("hostile")
            assert status
            if status.state == "live" and camera.gives_pictures is not False:
                deadline = min(deadline, time.monotonic() + _WATCHED_S)
            elif status.state == "lost" and camera.gives_pictures is not True:
                break
        seen.after_s = time.monotonic() - began
        watching.look()
        seen.gap_s = watching.longest_gap
        status = hub.status.camera("hostile")
        assert status
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
        "the other camera was lost": watching.other_losses == 0,
        "tells the password": PASSWORD not in "\n".join([seen.told, *log]),
        f"{seen.lines} lines in the log": seen.lines < _LINES,
    }
    seen.broken = [promise for promise, is_kept in promises.items() if not is_kept]
    return seen


class _Watching:
    """The service at work on a hostile camera and on one that works."""

    def __init__(self, address: str, model: Model, steady: Path) -> None:
        cameras = (
            CameraConfig(name="hostile", source=address),
            CameraConfig(name="steady", source=str(steady)),
        )
        self.hub = Hub(camera.name for camera in cameras)
        self.longest_gap = 0.0
        self._stepped = 0.0
        self._service = Service(Config(cameras), model, self.hub, self._take)
        self._thread = threading.Thread(target=self._service.run)
        self._thread.start()

    @property
    def other_losses(self) -> int:
        status = self.hub.status.camera("steady")
        assert status
        return status.losses

    def look(self) -> None:
        """Counts the time since the last step as a gap, too."""
        if self._stepped:
            self.longest_gap = max(self.longest_gap, time.monotonic() - self._stepped)

    def stop(self) -> None:
        self._service.stop()
        self._thread.join()

    def _take(self, name: str, frame: Frame) -> None:
        if name == "steady":
            self.look()
            self._stepped = time.monotonic()


@contextmanager
def _watching(address: str, model: Model, steady: Path) -> Iterator[_Watching]:
    watching = _Watching(address, model, steady)
    try:
        yield watching
    finally:
        watching.stop()


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
