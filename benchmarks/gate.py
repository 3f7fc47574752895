"""The effect of the gate on time and on predictions, against stepping every frame.

Each footage goes through the command's own way twice, as one camera's endless stream:

- drawn: a real room's picture, made still, with what makes a still picture change: sensor noise,
  a codec, rain, a lamp that flickers, a clock in the picture, a camera that sets its exposure;
- real: fixed cameras before people (``segments``, ``gestures``) and labelled clips, each after 40
  seconds of its own first picture with sensor noise, for which the gate closes.

The columns: the share of steps and of processor time that is left, and action starts with every
picture stepped. Then by how much probabilities differ from those, in 99 % of the ticks and at most;
how many of the starts never come, how many come besides, and the longest delay in seconds. The
real footage is watched a third time, with every picture stepped but other noise before each clip:
what that changes is what noise alone does.
"""

from __future__ import annotations

import itertools
import math
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from benchmarks.clips import Clip, labelled, published_path, read, rows
from benchmarks.report import arguments, table, write_json
from edgevid.models.load import load_model
from edgevid.records import Event, Frame, Prediction
from edgevid.runtime.model import Model
from edgevid.runtime.watch import Watch
from edgevid.sinks import open_video
from edgevid.sources import open_source
from edgevid.support.command import OK, guard
from edgevid.support.opencv import cv2

Picture = NDArray[np.uint8]
Footage = Callable[[int], Iterable[Picture]]
Change = Callable[[Picture, int], Picture]

REAL = ("labelled clips", "segments", "gestures")

_FPS = 5.0
_NOISES = 32  # pictures of noise, of which each shot takes one,
_SHIFT = 16  # shifted at random by so many pixels at most
_STILL_S = 40.0  # of a clip shrunk to 172 pixels, where noise is a quarter of what it was
_SENSOR = 5.0  # of 255: the standard deviation of a small sensor's noise in a lit room
_WITHIN_S = 3.0  # an action that starts so much later is another one


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the benchmark; returns its exit code."""
    parser = arguments("benchmarks.gate", __doc__)
    parser.add_argument("--minutes", type=float, default=10.0, help="of each drawn footage")
    parser.add_argument("--still-minutes", type=float, default=60.0, help="of the still room")
    chosen = parser.parse_args(argv)

    def run() -> int:
        model = load_model(published_path())
        minutes = 1.0 if chosen.quick else chosen.minutes
        still = 1.0 if chosen.quick else chosen.still_minutes
        found = []
        for name, footage in [*drawn(minutes, still), *real(quick=chosen.quick)]:
            again = name in REAL
            found.append({"footage": name, **compare(model, footage, again=again)})
            print(table(found[-1:]), flush=True)
        print(f"\n{table(found)}")
        write_json(chosen.json, {"footage": found})
        return OK

    return guard(run)


def compare(model: Model, footage: Footage, *, again: bool = False) -> dict[str, Any]:
    """Watches the same footage twice, side by side; returns a row of the table.

    Args:
        model: what watches.
        footage: makes the pictures, for a seed of the noise.
        again: watch it a third time, with every picture stepped and other noise.
    """
    watches = [Watch(model.stream(), gated=gated) for gated in (False, True)]
    seeds = [0, 0]
    if again:
        watches.append(Watch(model.stream()))
        seeds.append(1)
    # Each has pictures of its own: one that was just made is in the processor's cache, as one
    # that a camera just gave is.
    pictures = [iter(footage(seed)) for seed in seeds]
    took = [0.0] * len(watches)
    events: list[list[Event]] = [[] for _ in watches]
    differences: list[list[float]] = [[] for _ in watches]
    bar = tqdm(unit="tick", leave=False)
    for tick in itertools.count():
        said: list[Prediction] = []
        for number, watch in enumerate(watches):
            picture = next(pictures[number], None)
            if picture is None:
                break
            frame = Frame(picture, tick / _FPS, tick)
            started = time.process_time()
            prediction, came = watch.take(frame)
            took[number] += time.process_time() - started
            events[number] += [event for event in came if event.state == "start"]
            said += [prediction] if prediction else []
        if len(said) < len(watches):
            break
        bar.update()
        for number, prediction in enumerate(said):
            differences[number].append(_distance(said[0], prediction))
    bar.close()
    row = {
        "minutes": tick / _FPS / 60,
        "steps": 1 - watches[1].saved / tick,
        "processor time": took[1] / took[0],
        "starts": len(events[0]),
    }
    for number, name in list(enumerate(("", "gated", "other noise")))[1:]:
        found: dict[str, Any] = dict.fromkeys(("99 % differ by under", "most"), math.nan)
        found |= dict.fromkeys(("missed", "more", "late, s"), "-")
        if number < len(watches):
            delays, more = _matched(events[0], events[number])
            found = {
                "99 % differ by under": float(np.quantile(differences[number], 0.99)),
                "most": max(differences[number]),
                "missed": len(events[0]) - len(delays),
                "more": more,
                "late, s": max(delays, default=0.0),
            }
        row |= {f"{name}: {what}": value for what, value in found.items()}
    return row


def _distance(one: Prediction, other: Prediction) -> float:
    """Returns the largest difference of a probability; only labels that both list can be told."""
    others = {score.label: score.probability for score in other.scores}
    return max(
        (abs(s.probability - others[s.label]) for s in one.scores if s.label in others),
        default=1.0,
    )


def _matched(starts: Sequence[Event], gated: Sequence[Event]) -> tuple[list[float], int]:
    """Returns the delays of the starts that came gated too, and how many came only gated."""
    rest, delays = list(gated), []
    for start in starts:
        for other in rest:
            if other.label == start.label and (abs(other.timestamp - start.timestamp) <= _WITHIN_S):
                delays.append(other.timestamp - start.timestamp)
                rest.remove(other)
                break
    return delays, len(rest)


def drawn(minutes: float, still_minutes: float) -> Iterator[tuple[str, Footage]]:
    """Yields the drawn footages, by name."""
    room = _room()
    ticks = round(minutes * 60 * _FPS)
    still = round(still_minutes * 60 * _FPS)

    def coded(seed: int) -> Iterable[Picture]:
        return encoded(noisy(room, _SENSOR, ticks, _nothing, seed))

    yield "still room, sensor noise", partial(noisy, room, _SENSOR, still, _nothing)
    yield "still room, noise of a dark room", partial(noisy, room, 3 * _SENSOR, ticks, _nothing)
    yield "still room, noise, H.264", coded
    for name, change in (
        ("rain", _rain),
        ("a lamp that flickers", _lamp),
        ("a clock in the picture", _clock),
        ("exposure, 3 % in steps", _exposure_in_steps),
        ("exposure, 10 % in a minute", _exposure_that_drifts),
    ):
        yield f"still room, noise, {name}", partial(noisy, room, _SENSOR, ticks, change)


def noisy(
    room: Picture,
    deviation: float,
    ticks: int,
    change: Change,
    seed: int = 0,
) -> Iterator[Picture]:
    """Yields a picture with fresh noise each time, more of it where there is light."""
    chance = np.random.default_rng(seed)
    height, width = room.shape[:2]
    light = np.sqrt(np.pad(room, ((0, _SHIFT), (0, _SHIFT), (0, 0)), "edge") / 128.0 + 0.1)
    noises = [
        np.rint(chance.normal(0, deviation, light.shape) * light).astype(np.int16)
        for _ in range(_NOISES)
    ]
    for tick in range(ticks):
        down, right = chance.integers(0, _SHIFT, 2)
        noise = noises[chance.integers(_NOISES)]
        shifted = noise[down : down + height, right : right + width]
        shot = cv2.add(change(room, tick).astype(np.int16), shifted)
        yield np.clip(shot, 0, 255).astype(np.uint8)


def encoded(pictures: Iterable[Picture]) -> Iterator[Picture]:
    """Yields pictures after they have been an H.264 file."""
    with TemporaryDirectory() as folder:
        path = Path(folder, "room.mp4")
        video = open_video(path)
        video.start(_FPS)
        for number, picture in enumerate(pictures):
            video.show(cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), number / _FPS)
        video.finish()
        with open_source(path) as source:
            for frame in source:
                yield frame.image


def real(*, quick: bool) -> Iterator[tuple[str, Footage]]:
    """Yields the real footages, by name."""
    gestures = [(path, row) for path, row in rows("gestures") if row["split"] == "test"]
    for name, clips in (
        (REAL[0], labelled(3 if quick else None)),
        (REAL[1], read(rows("segments")[:: 10 if quick else 1])),
        (REAL[2], read(gestures[:: 30 if quick else 3])),
    ):
        yield name, partial(_after_a_while, clips)


def _after_a_while(clips: Sequence[Clip], seed: int) -> Iterator[Picture]:
    """Yields clips, each after its first picture with noise, for as long as a gate needs."""
    for clip in clips:
        yield from noisy(clip.pictures[0], _SENSOR / 4, round(_STILL_S * _FPS), _nothing, seed)
        yield from clip.pictures


def _room() -> Picture:
    """Returns a picture of a real room, as large as a camera's."""
    with open_source(rows("segments")[11][0]) as source:
        picture = next(iter(source)).image
    return np.asarray(cv2.resize(picture, (640, 480), interpolation=cv2.INTER_CUBIC), np.uint8)


def _nothing(room: Picture, tick: int) -> Picture:
    return room


def _rain(room: Picture, tick: int) -> Picture:
    chance = np.random.default_rng(tick)
    picture = room.copy()
    for x, y in chance.integers(0, (640, 480), (150, 2)):
        cv2.line(picture, (int(x), int(y)), (int(x) + 3, int(y) + 24), (190, 190, 190), 1)
    return picture


def _lamp(room: Picture, tick: int) -> Picture:
    picture = room.copy()
    if np.random.default_rng(tick).random() < 0.5:
        cv2.circle(picture, (330, 70), 30, (255, 255, 220), -1)
    return picture


def _clock(room: Picture, tick: int) -> Picture:
    picture = room.copy()
    seconds = int(tick / _FPS)
    text = f"12:{seconds // 60 % 60:02}:{seconds % 60:02}"
    cv2.rectangle(picture, (376, 4), (524, 38), (0, 0, 0), -1)
    cv2.putText(picture, text, (380, 30), cv2.FONT_HERSHEY_SIMPLEX, 0.9, (255, 255, 255), 2)
    return picture


def _exposure_in_steps(room: Picture, tick: int) -> Picture:
    return _exposed(room, 1 + 0.03 * (tick // 75 % 2))


def _exposure_that_drifts(room: Picture, tick: int) -> Picture:
    return _exposed(room, 1 + 0.05 * math.sin(2 * math.pi * tick / (120 * _FPS)))


def _exposed(room: Picture, gain: float) -> Picture:
    return np.asarray(cv2.convertScaleAbs(room, alpha=gain), np.uint8)


if __name__ == "__main__":
    sys.exit(main())
