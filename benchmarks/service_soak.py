"""Hours of the whole service in minutes: memory, descriptors, threads.

Two cameras, which are files with real actions at 5 frames a second, played many times as fast as
they were taken; each has its process, both share the model; events start clips that are written
and, beyond a small budget, deleted; somebody looks at the page's pictures all the time. Two hours
are 72,000 frames. Events are told to a real MQTT broker, with pictures; alerts, with a picture, to
a real HTTP server in this process. Fails unless, from the first quarter after the warm-up to the
last,

- memory (RSS) of the service and of its capture processes grows by less than 2 MB each;
- there are no more threads and open files;
- the clips keep to their budget;
- every alert was notified, once.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from apps.raspberry_pi import mqtt, notifications
from apps.raspberry_pi.bus import CameraEvent
from apps.raspberry_pi.clips.recorder import Recorder
from apps.raspberry_pi.config import (
    AlertConfig,
    CameraConfig,
    ClipsConfig,
    Config,
    MqttConfig,
    NotificationsConfig,
)
from apps.raspberry_pi.hub import Hub
from apps.raspberry_pi.service import Service
from benchmarks import machine
from benchmarks.clips import Clip, labelled, published_path
from benchmarks.parts.broker import Broker
from benchmarks.parts.receiver import Receiver
from benchmarks.report import arguments, conclude_soak
from edgevid import EdgevidError, Model, load_model, open_video
from edgevid.support.command import guard

FPS = 5.0
_CAMERAS = ("front", "back")
_GROWTH_MB = 2.0
_BUDGET_MB = 5.0
_WARM_UP = 0.2  # of all: until then caches of SQLite and of the encoder fill
_ALERTS = (AlertConfig(level="alert", cool_down=60.0),)  # for each camera and label
_STUCK_S = 30.0


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the benchmark; returns 0 when everything held."""
    parser = arguments("benchmarks.service_soak", __doc__)
    parser.add_argument("--hours", type=float, help="2 unless told; 1/60 when quick")
    parser.add_argument("--speed", type=float, default=20.0, help="times real time (default: 20)")
    chosen = parser.parse_args(argv)

    def run() -> int:
        hours = chosen.hours or (1 / 60 if chosen.quick else 2.0)
        clips = labelled(4 if chosen.quick else 8)
        results = soak(load_model(published_path()), clips, hours, chosen.speed)
        return conclude_soak(chosen.json, results, "quarters")

    return guard(run)


def soak(model: Model, clips: Sequence[Clip], hours: float, speed: float) -> dict[str, Any]:
    """Watches clips for so many hours of their own time; returns what was measured.

    Raises:
        EdgevidError: no frames come any more.
    """
    frames = round(hours * 3600 * FPS * len(_CAMERAS))
    with tempfile.TemporaryDirectory() as name, Receiver() as receiver:
        folder = Path(name)
        videos, kept, urls = folder / "videos", folder / "clips", folder / "urls"
        _write(clips, videos)
        urls.write_text(receiver.address)
        urls.chmod(0o600)
        with Broker(folder) as broker:
            config = Config(
                tuple(CameraConfig(name=name, source=str(videos)) for name in _CAMERAS),
                alerts=_ALERTS,
                mqtt=MqttConfig(host="127.0.0.1", port=broker.port),
                notifications=NotificationsConfig(urls_file=urls, keep=10_000),
                clips=ClipsConfig(kept, before=2.0, after=2.0, budget_mb=_BUDGET_MB),
            )
            hub = Hub(_CAMERAS, alerts=config.alerts)
            counted = _Counted(receiver)
            leave = hub.bus.keep(counted.take)  # before the one that notifies
            recorder = Recorder(config.clips, hub.bus, FPS)
            service = Service(config, model, hub, recorder.take, speed=speed)
            told = mqtt.start(config.mqtt, hub, folder, service.fail)
            notified = notifications.start(config.notifications, hub, folder)
            running = threading.Thread(
                target=service.run, args=([recorder, told, notified],), name="service"
            )
            running.start()
            began = time.monotonic()
            try:
                looks = _look_until(hub, frames, counted)
                took = time.monotonic() - began
                leave()
                counted.wait()
            finally:
                service.stop()
                running.join()
        left = [path.name for path in kept.iterdir()]
        clips_mb = sum((kept / name).stat().st_size for name in left) / 1e6
    quarters = _quarters(looks)
    cameras = hub.status.cameras()
    return {
        "hours": hours,
        "minutes that it took": took / 60,
        "frames stepped": sum(camera.steps for camera in cameras),
        "ticks skipped": sum(camera.skipped for camera in cameras),
        "cameras lost": sum(camera.losses for camera in cameras),
        "events": counted.events,
        "alerts": counted.alerts,
        "alerts notified": counted.alerts - len(counted.waiting),
        "alerts notified twice": counted.twice,
        "clips left, MB": clips_mb,
        "quarters": [
            {"quarter after the warm-up": number, **asdict(quarter)}
            for number, quarter in enumerate(quarters, 1)
        ],
        "held": bool(
            _is_steady(quarters)
            and clips_mb <= _BUDGET_MB
            and not counted.waiting
            and not counted.twice
            and not [name for name in left if name.startswith(".")]
        ),
    }


class _Counted:
    """Counts events, alerts, and the notifications that came of them."""

    def __init__(self, receiver: Receiver) -> None:
        self._received = receiver.received
        self.events = self.alerts = self.twice = 0
        self.waiting: set[str] = set()  # alerts that were not yet notified

    def take(self, found: CameraEvent) -> None:
        """Takes an event."""
        self.events += 1
        if found.level == "alert" and found.event.state == "start":
            self.waiting.add(found.id)
            self.alerts += 1

    def look(self) -> None:
        """Counts what was received, and forgets it: it is in this process's memory."""
        while self._received:
            number = self._received.pop(0).id
            self.twice += number not in self.waiting
            self.waiting.discard(number)

    def wait(self) -> None:
        """Waits until every alert was notified, for as long as another still comes."""
        left, changed = len(self.waiting), time.monotonic()
        while self.waiting and time.monotonic() - changed < _STUCK_S:
            time.sleep(0.1)
            self.look()
            if len(self.waiting) < left:
                left, changed = len(self.waiting), time.monotonic()


@dataclass(frozen=True, slots=True)
class _Look:
    """What was held at one moment: MB (2**20 bytes) of memory, threads, open files."""

    service_mb: float
    capture_mb: float
    threads: int
    files: int


def _look_until(hub: Hub, frames: int, counted: _Counted) -> list[_Look]:
    """Looks at process and pictures twice a second, until so many frames were stepped."""
    looks: list[_Look] = []
    seen, changed = 0, time.monotonic()
    with tqdm(total=frames, desc="soaking", unit="frame", mininterval=5) as progress:
        while seen < frames:
            time.sleep(0.5)
            steps = sum(camera.steps for camera in hub.status.cameras())
            if steps > seen:
                changed = time.monotonic()
            elif time.monotonic() - changed > _STUCK_S:
                raise EdgevidError(f"no frames for {_STUCK_S:g} s: {hub.status.cameras()}")
            progress.update(min(steps, frames) - seen)
            seen = min(steps, frames)
            for name in _CAMERAS:
                hub.snapshots.snapshot(name)
            counted.look()
            own = machine.held_by_process()
            looks.append(_Look(own.rss_mb, machine.largest_child_mb(), own.threads, own.files))
    return looks


def _quarters(looks: Sequence[_Look]) -> list[_Look]:
    """Returns what was held in each quarter of the time after the warm-up."""
    looks = looks[int(_WARM_UP * len(looks)) :]
    size = max(1, len(looks) // 4)
    return [_typical(looks[n : n + size]) for n in range(0, 4 * size, size)]


def _is_steady(quarters: Sequence[_Look]) -> bool:
    """Whether no more was held in the last quarter than in the first."""
    first, last = quarters[0], quarters[-1]
    return (
        last.service_mb - first.service_mb < _GROWTH_MB
        and last.capture_mb - first.capture_mb < _GROWTH_MB
        and last.threads <= first.threads
        and last.files <= first.files
    )


def _typical(looks: Sequence[_Look]) -> _Look:
    """Returns median sizes, and the least of what is counted: files come and go with clips."""
    return _Look(
        statistics.median(look.service_mb for look in looks),
        statistics.median(look.capture_mb for look in looks),
        min(look.threads for look in looks),
        min(look.files for look in looks),
    )


def _write(clips: Sequence[Clip], folder: Path) -> None:
    """Writes clips as the videos that the cameras are to be."""
    folder.mkdir()
    for number, clip in enumerate(clips):
        video = open_video(folder / f"{number:03}.mp4")
        video.start(FPS)
        for index, image in enumerate(clip.pictures):
            video.show(image[:, :, ::-1].copy(), index / FPS)
        video.finish()


if __name__ == "__main__":
    sys.exit(main())
