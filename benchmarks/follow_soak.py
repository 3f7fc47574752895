"""A day of people who come and go before one camera: what following them holds.

A drawn room with sensor noise is empty most of the time. Again and again somebody of a real clip
comes in at one of two places, stays for some seconds, and goes, as fast as that can be computed:
432,000 ticks are 24 hours at 5 frames a second. They are followed by ``--follow people`` with the
gate, zones and dwelling, as before a live camera. Fails unless

- memory (RSS) of the last hour is at most 2 MB above that of the first, after a warm-up;
- no thread or file stays open;
- people were followed, and in between nobody.

Ctrl-C ends the day early, and tells what was measured until then.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from benchmarks.clips import published_path, rows
from benchmarks.follow import finder, ticks
from benchmarks.machine import held_by_process
from benchmarks.parts import drawn_room
from benchmarks.report import arguments, conclude_soak
from edgevid.models.load import load_model
from edgevid.records import Frame
from edgevid.regions.following import FollowingWatch
from edgevid.regions.zones import Zone
from edgevid.runtime.model import Model
from edgevid.support.command import guard
from edgevid.support.opencv import cv2

Picture = NDArray[np.uint8]

_FPS = 5.0
_CLIPS = 8
_LONGEST = 40  # pictures of a clip
_PLACES = (10, 250)  # where somebody stands, pixels from the left
_WIDTH = 220  # of what is shown of them, in a room of 480x360
_COMES_IN = 5  # ticks
_STAYS = (25, 150)  # ticks, from, to
_AWAY = (50, 1500)  # ticks, from, to, that a place is empty
_NOISES = 16  # pictures of noise
_NOISE = 4.0  # of 255: its standard deviation
_WARM_UP = 5000  # ticks, after which memory is expected to stand still
_LOOK_EVERY = 500  # ticks
_GROWTH_MB = 2.0


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the benchmark; returns 0 when everything held."""
    parser = arguments("benchmarks.follow_soak", __doc__)
    parser.add_argument("--hours", type=float, default=24.0, help="of 5 ticks a second")
    chosen = parser.parse_args(argv)

    def run() -> int:
        length = 4000 if chosen.quick else round(chosen.hours * 3600 * _FPS)
        people = clips(2 if chosen.quick else _CLIPS)
        results = soak(load_model(published_path()), people, length, seed=chosen.seed)
        return conclude_soak(chosen.json, results, "hours")

    return guard(run)


def clips(count: int) -> list[list[Picture]]:
    """Reads people of fixed cameras, each cut to the middle: RGB, uint8, ``[360, 220, 3]``."""
    found = []
    files = [path for path, row in rows("gestures") if path.name.endswith("_2_4m_full.mp4")]
    for path in files[:: max(1, len(files) // count)][:count]:
        pictures = [cv2.resize(frame.image, (480, 360)) for frame in ticks(path)][:_LONGEST]
        left = (480 - _WIDTH) // 2
        found.append([np.ascontiguousarray(one[:, left : left + _WIDTH]) for one in pictures])
    return found


class _Visits:
    """Who comes and goes at one place."""

    def __init__(self, people: Sequence[list[Picture]], left: int, chance: np.random.Generator):
        self._people = people
        self._left = left
        self._chance = chance
        self._until = int(chance.integers(*_AWAY))
        self._tick = 0
        self._clip: list[Picture] | None = None

    def draw(self, room: Picture) -> None:
        """Puts who is there now into a picture of the room."""
        if self._tick == self._until:
            is_here = self._clip is None
            chosen = int(self._chance.integers(len(self._people)))
            self._clip = self._people[chosen] if is_here else None
            self._tick, self._until = 0, int(self._chance.integers(*(_STAYS if is_here else _AWAY)))
        if self._clip is not None:
            # Forth and back, so that they never jump.
            around = self._tick % (2 * len(self._clip))
            picture = self._clip[min(around, 2 * len(self._clip) - 1 - around)]
            # They come in from below, and go there.
            near = min(self._tick + 1, self._until - self._tick, _COMES_IN)
            shown = round(len(picture) * near / _COMES_IN)
            room[len(room) - shown :, self._left : self._left + _WIDTH] = picture[:shown]
        self._tick += 1


def footage(people: Sequence[list[Picture]], length: int, seed: int) -> Iterator[Picture]:
    """Yields so many pictures of a room in which people come and go, RGB."""
    chance = np.random.default_rng(seed)
    empty = cv2.cvtColor(drawn_room.room(), cv2.COLOR_BGR2RGB)
    noises = [
        np.rint(chance.normal(0, _NOISE, empty.shape)).astype(np.int16) for _ in range(_NOISES)
    ]
    places = [_Visits(people, left, chance) for left in _PLACES]
    for _ in range(length):
        picture = empty.copy()
        for place in places:
            place.draw(picture)
        noise = noises[chance.integers(_NOISES)]
        yield cv2.add(picture, noise, dtype=cv2.CV_8U)


def soak(
    model: Model, people: Sequence[list[Picture]], length: int, *, seed: int = 0
) -> dict[str, Any]:
    """Follows people for so many ticks; returns what was measured, and whether it ``held``."""
    zones = [Zone("left", ((0, 0), (240, 0), (240, 360), (0, 360)))]
    watch = FollowingWatch(
        model.stream, finder("people"), gated=True, paced=True, zones=zones, dwell_s=10.0
    )
    warm = min(_WARM_UP, length // 4)
    hour = min(round(3600 * _FPS), (length - warm) // 2)
    looks = min(_LOOK_EVERY, max(1, hour // 4))
    hours: list[dict[str, Any]] = []
    events = empty = largest = ticks_done = 0
    before = after = held_by_process()
    bar = tqdm(footage(people, length, seed), "a day", length, unit="tick", mininterval=5)
    with suppress(KeyboardInterrupt):  # what was measured until then is told
        for tick, picture in enumerate(bar):
            said, came = watch.take(Frame(picture, tick / _FPS, tick))
            events += sum(event.state == "start" for event in came)
            empty += not said
            largest = max([largest, *(p.track or 0 for p in said or [])])
            ticks_done = tick + 1
            if tick == warm:
                before = held_by_process()
            if tick >= warm and (tick - warm) % hour == 0 and length - tick >= hour:
                hours.append({"hour": len(hours) + 1, "tracks so far": 0, "largest RSS, MB": 0.0})
            if tick >= warm and tick % looks == 0:
                after = held_by_process()
                hours[-1]["tracks so far"] = largest
                hours[-1]["largest RSS, MB"] = max(after.rss_mb, hours[-1]["largest RSS, MB"])
    growth = hours[-1]["largest RSS, MB"] - hours[0]["largest RSS, MB"] if hours else math.inf
    return {
        "ticks": ticks_done,
        "hours": hours,
        "tracks": largest,
        "starts of actions and stays": events,
        "ticks without anybody": empty / max(1, ticks_done),
        "RSS after warm-up, MB": before.rss_mb,
        "RSS, last hour less first, MB": growth,
        "threads more": after.threads - before.threads,
        "open files more": after.files - before.files,
        "held": bool(
            growth <= _GROWTH_MB
            and (after.threads, after.files) == (before.threads, before.files)
            and largest > 1
            and 0 < empty < ticks_done
        ),
    }


if __name__ == "__main__":
    sys.exit(main())
