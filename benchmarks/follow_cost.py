"""What two people who are followed cost, beside one stream that watches the whole picture.

Three footages of a minute, each of two people: fencers before a camera that is held by hand;
two who gesture, side by side; and one who falls beside one who squats. Counted are

- processor time a second of footage: all ways take turns, second by second, and of each second the
  least of several rounds counts;
- with ``--root``, instructions a tick on an emulated Raspberry Pi 4 and 5, and what ticks in which
  the detector looks take beyond the others. Both are means over all but the first second.
"""

from __future__ import annotations

import itertools
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from benchmarks.arm import follow_guest
from benchmarks.arm.boards import BOARDS
from benchmarks.arm.emulation import count
from benchmarks.clips import on_clock, published_path, rows
from benchmarks.follow import DETECTOR, finder
from benchmarks.machine import family
from benchmarks.report import arguments, table, write_json
from edgevid.models.load import load_model
from edgevid.prepare import prepare
from edgevid.records import Frame
from edgevid.regions.following import FollowingWatch
from edgevid.runtime.model import Model
from edgevid.runtime.watch import Watch
from edgevid.support.command import OK, guard
from edgevid.support.opencv import cv2

Picture = NDArray[np.uint8]

WAYS = ("one stream", "motion", "people")
_FPS = 5.0
_SECOND = round(_FPS)
_SECONDS = 60
_ARM_SECONDS = 21  # the detector looks every fourth, at the least
_LOOK = 1.5  # times the median of a tick: the detector looks in what takes longer


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the benchmark; returns its exit code."""
    parser = arguments("benchmarks.follow_cost", __doc__)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--root", type=Path, help="made by benchmarks.arm.sysroot: counts, too")
    chosen = parser.parse_args(argv)

    def run() -> int:
        model = load_model(published_path())
        seconds = 6 if chosen.quick else _SECONDS
        results: dict[str, Any] = {"processor": family(), "cost": []}
        for name, pictures in footage(seconds).items():
            results["cost"] += cost(model, name, pictures, 2 if chosen.quick else chosen.rounds)
        print(table(results["cost"]), flush=True)
        if chosen.root:
            seconds = 3 if chosen.quick else _ARM_SECONDS
            results["arm"] = instructions(footage(seconds), chosen.root.resolve())
            print(f"\n{table(results['arm'])}")
        write_json(chosen.json, results)
        return OK

    return guard(run)


def footage(seconds: int) -> dict[str, list[Picture]]:
    """Returns the pictures of each footage, on the model's clock."""
    shared = published_path().parent.parent
    gestures = shared / "gestures" / "test" / "no"
    clips = {
        "two fence": [shared / "clips" / "YOWOv2__v_Fencing_g01_c06.mp4"],
        "two gesture": [gestures / "S2_no_2_4m_full.mp4", gestures / "S10_no_2_4m_full.mp4"],
        "one falls, one squats": [path for path, _ in rows("segments")[3:10:6]],
    }
    return {
        name: [
            _beside(both)
            for both in zip(*(_long(path, seconds * _SECOND) for path in paths), strict=True)
        ]
        for name, paths in clips.items()
    }


def _long(path: Path, length: int) -> list[Picture]:
    """Returns so many pictures of a clip that goes forth and back."""
    clip = [frame.image.copy() for frame in on_clock(path, _FPS)]
    return list(itertools.islice(itertools.cycle([*clip, *clip[::-1]]), length))


def _beside(pictures: Sequence[Picture]) -> Picture:
    """Returns one picture as it is; the middles of two side by side in one of 640x480."""
    if len(pictures) == 1:
        return pictures[0]
    return np.hstack([np.asarray(cv2.resize(one, (640, 480)))[:, 160:480] for one in pictures])


def cost(model: Model, name: str, pictures: Sequence[Picture], rounds: int) -> list[dict[str, Any]]:
    """Measures processor time on one footage; returns a row for each way."""
    frames = [Frame(one, number / _FPS, number) for number, one in enumerate(pictures)]
    took: dict[str, list[list[float]]] = {way: [] for way in WAYS}
    tracks: Counter[str] = Counter()
    for _ in tqdm(range(rounds), name, unit="round", leave=False):
        watches = {way: _watch(model, way) for way in WAYS}
        for times in took.values():
            times.append([])
        for start in range(0, len(frames), _SECOND):
            for way, watch in watches.items():
                started = time.process_time()
                for frame in frames[start : start + _SECOND]:
                    tracks[way] += watch(frame)
                took[way][-1].append(time.process_time() - started)
    ms = {
        way: 1000 * float(np.mean(np.min(np.array(times)[:, 1:], axis=0)))
        for way, times in took.items()
    }
    return [
        {
            "footage": name,
            "way": way,
            "tracks": tracks[way] / len(frames) / rounds,
            "ms of processor a second": ms[way],
            "of one stream": ms[way] / ms["one stream"],
        }
        for way in WAYS
    ]


def _watch(model: Model, way: str) -> Callable[[Frame], int]:
    """Returns what takes a frame, and says how many things it watches."""
    if way == "one stream":
        one = Watch(model.stream(), paced=True)
        return lambda frame: int(one.take(frame).prediction is not None)
    several = FollowingWatch(model.stream, finder(way, 2), paced=True)
    return lambda frame: len(several.take(frame).predictions or [])


def instructions(footage: dict[str, list[Picture]], root: Path) -> list[dict[str, Any]]:
    """Counts instructions on emulated boards; returns a row for each footage and board."""
    published = published_path()
    found = []
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder, name) for name in ("model.tflite", "pictures.npy")]
        cases = [(name, board) for name in footage for board in BOARDS]
        for name, board in tqdm(cases, "emulating", unit="run", leave=False):
            prepared = prepare(published.read_bytes(), name="a0", target=board.name)
            paths[0].write_bytes(prepared.data)
            np.save(paths[1], np.stack(footage[name]))
            one, people = (
                count(follow_guest.__file__, [str(paths[0]), detector, str(paths[1])], board, root)[
                    _SECOND:
                ]
                for detector in ("", str(published.parent / DETECTOR))
            )
            usual = float(np.median(people))
            looks = [ticks for ticks in people if ticks > _LOOK * usual]
            found.append(
                {
                    "footage": name,
                    "board": board.title,
                    "one stream": float(np.mean(one)),
                    "two people": float(np.mean(people)),
                    "of which looks": sum(ticks - usual for ticks in looks) / len(people),
                    "of one stream": float(np.mean(people) / np.mean(one)),
                }
            )
    return found


if __name__ == "__main__":
    sys.exit(main())
