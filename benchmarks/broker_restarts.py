"""Stops and starts a real mosquitto while events happen, and prints how it went.

    python -m benchmarks.broker_restarts --times 20

Everything is as in the field: the service's own waiting times, ten events a second.
"""

from __future__ import annotations

import random
import threading
import time
from functools import partial
from itertools import pairwise
from pathlib import Path

from tqdm import tqdm

from apps.raspberry_pi import mqtt
from apps.raspberry_pi.config import MqttConfig
from apps.raspberry_pi.hub import Hub
from benchmarks import report
from benchmarks.parts.broker import Broker, Listener, wait_for
from benchmarks.parts.cut_line import CutLine
from edgevid import EdgevidError, Event

_PERIOD_S = 0.1


def main() -> None:
    """Runs the command."""
    report.interruptions("benchmarks.broker_restarts", __doc__, restart)


def _fail(error: EdgevidError) -> None:
    raise error


def restart(times: int, folder: Path) -> dict[str, float]:
    """Stops and starts a broker; returns the figures by name."""
    hub, ended = Hub(["door"]), threading.Event()
    sent: list[str] = []
    recovery, chance = [], random.Random(0)

    def happen() -> None:
        while not ended.wait(_PERIOD_S):
            hub.bus.publish("door", Event("start", str(len(sent)), time.monotonic(), 0.5))
            sent.append(str(len(sent)))

    with (
        Broker(folder) as broker,
        Listener(broker.port, "edgevid/+/event") as listener,
        CutLine(broker.port) as line,
    ):

        def more_than(count: int) -> bool:
            return len(listener.heard) > count

        link = mqtt.start(MqttConfig(host="127.0.0.1", port=line.port), hub, folder, _fail)
        thread = threading.Thread(target=happen)
        thread.start()
        for _ in tqdm(range(times), unit=" restarts"):
            known = len(listener.heard)
            wait_for(partial(more_than, known + 5))
            with line.closed():  # so that the listener misses nothing that the broker passes on
                broker.restart(listener, pause=chance.uniform(0, 4))
            up, known = time.monotonic(), len(listener.heard)
            wait_for(partial(more_than, known), 60)
            recovery.append(time.monotonic() - up)
        ended.set()
        thread.join()
        wait_for(lambda: len(listener.heard) >= len(sent), 60)
        time.sleep(1)  # for any that come twice
        link.stop(1.0)
    received = [event["label"] for event in listener.events()]
    return {
        "restarts": times,
        "events sent": len(sent),
        "events received": len(received),
        "events lost": len(set(sent) - set(received)),
        "events received twice": len(received) - len(set(received)),
        "events out of order": sum(int(a) > int(b) for a, b in pairwise(received)),
        **report.spread("seconds from broker up to next event", recovery, 2),
    }


if __name__ == "__main__":
    main()
