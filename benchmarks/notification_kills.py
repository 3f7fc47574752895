"""Kills the service with kill -9 while it notifies, and prints what became of its alerts.

    python -m benchmarks.notification_kills --times 20

The whole service watches a camera that gives several alerts a second. A real HTTP server takes a
quarter of a second to answer, so most kills come between its taking a notification and the
service's knowing that. In every third life of the service it answers 503, and the next life begins
with what has waited. In the end the service is left to send what waits.

Every alert that anybody could have heard of, in the log or on the page, must arrive, the first time
in the order in which they happened; one that comes twice must have the same ``id``.
"""

from __future__ import annotations

import random
import sys
import time
from collections import Counter
from itertools import pairwise
from pathlib import Path

from tqdm import tqdm

from benchmarks import report
from benchmarks.parts.broker import wait_for
from benchmarks.parts.receiver import Receiver
from benchmarks.parts.told_service import ToldService, write_colours

_ANSWERS_AFTER_S = 0.25
_LIVES_S = 3.0  # after its first alert, at most
_SETTINGS = """
[[camera]]
name = "door"
source = "{folder}/{video}"
[[alert]]
level = "alert"
[notifications]
urls_file = "{folder}/urls"
keep = 10000
"""


def main() -> None:
    """Runs the command."""
    report.interruptions("benchmarks.notification_kills", __doc__, interrupt)


def interrupt(times: int, folder: Path, lives_s: float = _LIVES_S) -> dict[str, float]:
    """Kills the service so often while it notifies; returns the figures by name."""
    chance = random.Random(0)
    place = ToldService(folder)
    write_colours(folder / "actions.mp4", (("r", 1), ("b", 2), ("r", 1)), seconds=60)
    write_colours(folder / "nothing.mp4", (("k", 1),), seconds=60)
    with Receiver() as receiver:
        receiver.answers_after_s = _ANSWERS_AFTER_S
        (folder / "urls").write_text(receiver.address)
        (folder / "urls").chmod(0o600)

        def alerts() -> list[str]:
            return [one.id for one in place.told() if one.state == "start"]

        for number in tqdm(range(times), unit=" kills", file=sys.stderr):
            receiver.status = 503 if number % 3 == 2 else 200
            known = len(alerts())
            with place.running(_SETTINGS.format(folder=folder, video="actions.mp4")) as process:
                place.wait(lambda known=known: len(alerts()) > known, process)  # type: ignore[misc]
                time.sleep(chance.uniform(0, lives_s))
        receiver.status = 200
        with place.running(_SETTINGS.format(folder=folder, video="nothing.mp4")):
            wait_for(lambda: set(alerts()) <= {one.id for one in receiver.received})
            time.sleep(4 * _ANSWERS_AFTER_S)  # for any that come twice
        told, received = alerts(), [one.id for one in receiver.received]
    often = Counter(received)
    first = [number for number in dict.fromkeys(received) if number in set(told)]
    place_of = {number: at for at, number in enumerate(told)}
    contents = {(one.id, one.title, one.body) for one in receiver.received}
    return {
        "kills": times,
        "alerts that could be heard of": len(told),
        "alerts that were notified": len(often),
        "alerts lost": len(set(told) - set(often)),
        "alerts notified twice, with the same id": sum(count == 2 for count in often.values()),
        "alerts notified more often": sum(count > 2 for count in often.values()),
        "texts that differ for an id": len(contents) - len(often),
        "alerts out of order, the first time": sum(
            place_of[a] > place_of[b] for a, b in pairwise(first)
        ),
    }


if __name__ == "__main__":
    main()
