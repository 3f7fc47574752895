"""The service, killed at random moments while its broker stops and its disk is slow.

Every event that anybody could have heard of, in the log or on the page, must reach the broker;
what was sent twice must have the same ``id``.
"""

from __future__ import annotations

import json
import random
import signal
import subprocess
import time
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any

from benchmarks.attack.killed import SLOW_DISK, Outcome, end, hidden, video
from benchmarks.parts.broker import Broker, Listener
from benchmarks.parts.cut_line import CutLine
from benchmarks.parts.told_service import ToldService, write_colours

_CAMERAS = ("front", "back")
_ARRIVES_S = 60.0
_SETTINGS = """
[mqtt]
host = "127.0.0.1"
port = {port}
[clips]
folder = "{folder}/clips"
before = 0.4
after = 0.4
budget_mb = 2
"""


class Attack:
    """One campaign against the service.

    Args:
        folder: an empty one, for everything.
        chance: when what happens.
        slow: whether the disk can be slowed down.
    """

    def __init__(self, folder: Path, chance: random.Random, *, slow: bool) -> None:
        self.outcome = Outcome()
        self._broker_ends = 0
        self._folder, self._chance, self._slow = folder, chance, slow
        self._place = ToldService(folder)
        (folder / "clips").mkdir()
        write_colours(folder / "actions.mp4", (("r", 2), ("b", 4), ("r", 2)), seconds=60)
        write_colours(folder / "nothing.mp4", (("k", 1),), seconds=60)

    def run(self, count: int, deadline: float) -> dict[str, Any]:
        """Kills the service so many times, or until a moment; returns a row of the report."""
        with ExitStack() as ends:
            broker_folder = self._folder / "broker"
            broker_folder.mkdir()
            self._folder.chmod(0o755)
            self._broker = ends.enter_context(Broker(broker_folder))
            self._listener = ends.enter_context(Listener(self._broker.port, "edgevid/+/event"))
            self._line = ends.enter_context(CutLine(self._broker.port))
            for number in range(count):
                if time.monotonic() > deadline:
                    break
                self._kill_once(number)
            received = self._drain()
        sent = [told.id for told in self._place.told()]
        self._compare(sent, received)
        return {
            **self.outcome.row("service"),
            "broker ended": self._broker_ends,
            "events told": len(sent),
            "events received": len(set(received)),
            "events lost": len(set(sent) - set(received)),
            "received twice": len(received) - len(set(received)),
        }

    def _kill_once(self, number: int) -> None:
        drag = self._slow and number % 3 == 2
        self.outcome.slow += drag
        left = self._unfinished()
        with self._service("actions.mp4", SLOW_DISK if drag else ()) as process:
            if self._chance.random() < 0.2:
                time.sleep(self._chance.uniform(0, 2))  # while it starts
            else:
                known = len(self._place.told())
                self._place.wait(lambda: len(self._place.told()) > known, process)
                self.outcome.broken += [f"not swept: {name}" for name in left & self._unfinished()]
                self._disturb()
            end(process, self._chance, self.outcome)
        self.outcome.leftovers += len(self._unfinished() - left)

    def _disturb(self) -> None:
        """Lets some time pass, in which the broker may end, or be away when the service is."""
        time.sleep(self._chance.uniform(0, 1.5))
        fate = self._chance.random()
        if fate > 0.4:
            return
        self._broker_ends += 1
        how = signal.SIGKILL if fate < 0.2 else signal.SIGTERM
        with self._line.closed():  # so that the listener misses nothing that is passed on
            time.sleep(0.05)
            self._broker.restart(self._listener, how, self._chance.uniform(0, 0.5))
        if self._chance.random() < 0.7:
            time.sleep(self._chance.uniform(0, 2.5))

    def _drain(self) -> list[str]:
        """Lets a service send what waits, while nothing happens; returns all that was received."""
        with self._service("nothing.mp4", ()) as process:
            sent = {told.id for told in self._place.told()}
            give_up = time.monotonic() + _ARRIVES_S
            while sent - set(self._received()) and time.monotonic() < give_up:
                time.sleep(0.05)
            time.sleep(2.0)  # for any that come twice
            process.send_signal(signal.SIGTERM)
            process.wait(30)
        self.outcome.broken += [f"left behind: {name}" for name in sorted(self._unfinished())]
        self.outcome.broken += _wrong_clips(self._folder / "clips")
        return self._received()

    def _received(self) -> list[str]:
        return [json.loads(content)["id"] for _, content, _ in list(self._listener.heard)]

    def _compare(self, sent: list[str], received: list[str]) -> None:
        known = set(received)
        self.outcome.broken += [f"lost: event {id_}" for id_ in sent if id_ not in known]
        twice = len(received) - len(known)
        if twice > self.outcome.kills + self._broker_ends:
            self.outcome.broken.append(f"{twice} came twice, more than connections were cut")
        unknown = len(known - set(sent))
        if unknown > self.outcome.kills:  # one may be kept, and its service killed before it told
            self.outcome.broken.append(f"{unknown} came of which nobody had heard")
        order = {id_: place for place, id_ in enumerate(sent)}
        firsts = [order[id_] for id_ in dict.fromkeys(received) if id_ in order]
        if firsts != sorted(firsts):
            self.outcome.broken.append("they came out of order")

    def _unfinished(self) -> set[str]:
        return hidden(self._folder / "clips") | hidden(self._folder / "state")

    def _service(
        self, video_name: str, before: tuple[str, ...]
    ) -> AbstractContextManager[subprocess.Popen[bytes]]:
        cameras = "".join(
            f'[[camera]]\nname = "{name}"\nsource = "{self._folder}/{video_name}"\n'
            for name in _CAMERAS
        )
        settings = _SETTINGS.format(folder=self._folder, port=self._line.port)
        return self._place.running(cameras + settings, before)


def _wrong_clips(folder: Path) -> list[str]:
    """Returns what is wrong with clips: one without its JSON file, or the other way round."""
    found = []
    stems = {path.stem for path in folder.iterdir()}
    for stem in sorted(stems):
        clip, described = folder / f"{stem}.mp4", folder / f"{stem}.json"
        if not clip.exists() or not described.exists():
            found.append(f"{stem}: one file of two")
        elif wrong := video(clip):
            found.append(f"{clip.name}: {wrong}")
        else:
            json.loads(described.read_text("utf-8"))
    return found
