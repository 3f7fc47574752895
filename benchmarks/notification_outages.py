"""Has a real HTTP receiver of notifications go away while alerts happen, and prints how it went.

    python -m benchmarks.notification_outages --times 20

Everything is as in the field: the service's own waiting times, two alerts a second, with pictures.
Outages take turns: nobody listens, or the receiver answers 503.
"""

from __future__ import annotations

import random
import threading
import time
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
from benchmarks.parts.ending import Stoppable
from benchmarks.parts.receiver import Receiver
from edgevid import Event, Frame, Prediction, Score

_PERIOD_S = 0.5


def main() -> None:
    """Runs the command."""
    report.interruptions("benchmarks.notification_outages", __doc__, interrupt)


def interrupt(times: int, folder: Path, period_s: float = _PERIOD_S) -> dict[str, float]:
    """Has the receiver go away and come back; returns the figures by name."""
    hub = Hub(["door"], alerts=[AlertConfig(level="alert")])
    picture = np.random.default_rng(0).integers(0, 255, (480, 640, 3)).astype(np.uint8)
    frame = Frame(picture, time.monotonic(), 0)
    hub.record_step("door", frame, [Prediction(frame.timestamp, 0, (Score("falling", 0.9),), 1.0)])
    urls, chance, recovery = folder / "urls", random.Random(0), []
    with Receiver() as receiver:
        urls.write_text(receiver.address)
        urls.chmod(0o600)
        settings = NotificationsConfig(urls_file=urls, keep=10_000)
        told = notifications.start(settings, hub, folder)
        with _Alerts(hub, period_s) as alerts:
            for number in tqdm(range(times), unit=" outages"):
                _wait_for_next(receiver)
                if number % 2:
                    receiver.status = 503
                else:
                    receiver.stop()
                time.sleep(chance.uniform(4, 8) * period_s)
                if number % 2:
                    receiver.status = 200
                else:
                    receiver.start()
                back = time.monotonic()
                _wait_for_next(receiver)
                recovery.append(time.monotonic() - back)
        wait_for(lambda: len(receiver.received) >= len(alerts.sent))
        time.sleep(1)  # for any that come twice
        told.stop(1.0)
    received = [one.id for one in receiver.received]
    place = {number: at for at, number in enumerate(alerts.sent)}
    return {
        "outages": times,
        "alerts sent": len(alerts.sent),
        "notifications received": len(received),
        "with their picture": sum(bool(one.picture) for one in receiver.received),
        "notifications lost": len(set(alerts.sent) - set(received)),
        "notifications received twice": len(received) - len(set(received)),
        "notifications out of order": sum(place[a] > place[b] for a, b in pairwise(received)),
        **report.spread("seconds from receiver up to next", recovery, 2),
        **report.spread("milliseconds that an alert took the watcher", alerts.held_up_ms, 1),
    }


def _wait_for_next(receiver: Receiver) -> None:
    known = len(receiver.received)
    wait_for(lambda: len(receiver.received) > known)


class _Alerts(Stoppable):
    """Something that happens before the door again and again.

    Attributes:
        sent: the alerts' ids, in order.
        held_up_ms: how long each held up who told of it.
    """

    def __init__(self, hub: Hub, period_s: float) -> None:
        self.sent: list[str] = []
        self.held_up_ms: list[float] = []
        self._hub, self._period_s = hub, period_s
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._happen)
        hub.bus.listen(self._note)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._ended.set()
        self._thread.join()

    def _note(self, found: CameraEvent) -> None:
        self.sent.append(found.id)

    def _happen(self) -> None:
        while not self._ended.wait(self._period_s):
            event = Event("start", "falling", time.monotonic(), 0.9)
            began = time.monotonic()
            self._hub.bus.publish("door", event)
            self.held_up_ms.append(1000 * (time.monotonic() - began))


if __name__ == "__main__":
    main()
