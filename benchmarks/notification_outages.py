"""Has a real HTTP receiver of notifications go away while alerts happen, and prints how it went.

    python -m benchmarks.notification_outages --times 20

Everything is as in the field: the service's own waiting times, two alerts a second, with pictures.
Outages take turns: nobody listens, or the receiver answers 503.
"""

from __future__ import annotations

import random
import threading
import time
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
from tqdm import tqdm

from apps.raspberry_pi import notifications
from apps.raspberry_pi.bus import CameraEvent
from apps.raspberry_pi.config import AlertConfig, NotificationsConfig
from apps.raspberry_pi.hub import Hub
from benchmarks import report
from benchmarks.parts.broker import wait_for
from benchmarks.parts.receiver import Receiver
from edgevid import Event, Frame, Prediction, Score

_PERIOD_S = 0.5


def main() -> None:
    """Runs the command."""
    report.interruptions(__doc__ or "", interrupt)


def interrupt(times: int, folder: Path, period_s: float = _PERIOD_S) -> dict[str, float]:
    """Has the receiver go away and come back; returns the figures by name."""
    hub = Hub(["door"], alerts=[AlertConfig(level="alert")])
    picture = np.random.default_rng(0).integers(0, 255, (480, 640, 3)).astype(np.uint8)
    frame = Frame(picture, time.monotonic(), 0)
    hub.record_step("door", frame, [Prediction(frame.timestamp, 0, (Score("falling", 0.9),), 1.0)])
    sent: list[str] = []
    held_up: list[float] = []
    ended, chance = threading.Event(), random.Random(0)

    def note(found: CameraEvent) -> None:
        sent.append(found.id)

    hub.bus.listen(note)

    def happen() -> None:
        while not ended.wait(period_s):
            event = Event("start", "falling", time.monotonic(), 0.9)
            began = time.monotonic()
            hub.bus.publish("door", event)
            held_up.append(time.monotonic() - began)

    urls = folder / "urls"
    with Receiver() as receiver:
        urls.write_text(receiver.address)
        urls.chmod(0o600)
        settings = NotificationsConfig(urls_file=urls, keep=10_000)
        told = notifications.start(settings, hub, folder)
        thread = threading.Thread(target=happen)
        thread.start()
        recovery = []

        def more_than(count: int) -> bool:
            return len(receiver.received) > count

        for number in tqdm(range(times), unit=" outages"):
            known = len(receiver.received)
            wait_for(partial(more_than, known))
            if number % 2:
                receiver.status = 503
            else:
                receiver.stop()
            time.sleep(chance.uniform(4, 8) * period_s)
            if number % 2:
                receiver.status = 200
            else:
                receiver.start()
            back, known = time.monotonic(), len(receiver.received)
            wait_for(partial(more_than, known))
            recovery.append(time.monotonic() - back)
        ended.set()
        thread.join()
        wait_for(lambda: len(receiver.received) >= len(sent))
        time.sleep(1)  # for any that come twice
        told.stop(1.0)
    received = [one.id for one in receiver.received]
    place = {number: at for at, number in enumerate(sent)}
    return {
        "outages": times,
        "alerts sent": len(sent),
        "notifications received": len(received),
        "with their picture": sum(bool(one.picture) for one in receiver.received),
        "notifications lost": len(set(sent) - set(received)),
        "notifications received twice": len(received) - len(set(received)),
        "notifications out of order": sum(place[a] > place[b] for a, b in pairwise(received)),
        "seconds from receiver up to next, median": round(sorted(recovery)[times // 2], 2),
        "seconds from receiver up to next, longest": round(max(recovery), 2),
        "milliseconds that an alert took the watcher, median": round(
            1000 * sorted(held_up)[len(held_up) // 2], 1
        ),
        "milliseconds that an alert took the watcher, longest": round(1000 * max(held_up), 1),
    }


if __name__ == "__main__":
    main()
