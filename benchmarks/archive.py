"""What indexing costs, beside the official example's loop over the same files.

Each file in turn, by each way in turn, so that whatever else the machine does weighs on all of
them; what counts is the processor's time of this process, seconds for an hour of video.

- index: from a file to the two Parquet tables, as ``python -m edgevid.archive index`` does;
- index --follow: the same, with what moves, or people, besides the whole picture;
- decoding alone: the same file read, and no picture of it converted;
- official, at the model's rate: OpenCV reads and converts each picture, five a second go through
  the official Raspberry Pi example's loop, and labels alone come of it;
- official, each picture: as that example does with a camera.

With ``--processes 1 2`` the folder is indexed by one process and by two, on so many cores, some
minutes each, and by the official loop on each picture of it; files come several times, so that the
start of a process counts for little, as in a folder of many. Only on a machine that has nothing
else to do the time on the wall says something; the last column tells whether it had.
"""

from __future__ import annotations

import io
import os
import resource
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.clips import published_path, rows
from benchmarks.peers.official import OfficialLoop
from benchmarks.report import arguments, table, write_json
from edgevid.archive import Settings, find, index, tables
from edgevid.archive.recordings import Recording
from edgevid.models.load import load_model
from edgevid.regions import Follow
from edgevid.runtime.model import Model
from edgevid.runtime.pace import Pace
from edgevid.sources import open_source
from edgevid.support.command import OK, guard
from edgevid.support.opencv import cv2

_SIDE = 172  # pixels of the network's input
_EVERY_PICTURE = 4  # only each fourth file: it takes long
_LONG = ("official, each picture", "index --follow motion", "index --follow people")


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the benchmark; returns its exit code."""
    parser = arguments("benchmarks.archive", __doc__)
    parser.add_argument("--processes", type=int, nargs="+", default=[])
    parser.add_argument("--times", type=int, default=3, metavar="N", help="each file, so often")
    parser.add_argument("--most", type=int, metavar="N", help="so many of the files, the shortest")
    chosen = parser.parse_args(argv)

    def run() -> int:
        clips = [str(path) for path, _ in rows("clips") if path.suffix != ".gif"]
        clips.sort(key=lambda path: Path(path).stat().st_size)
        clips = clips[: 3 if chosen.quick else chosen.most]
        found = find(clips)
        os.sched_setaffinity(0, [min(os.sched_getaffinity(0))] if not chosen.processes else {0, 1})
        measured = compared(found) if not chosen.processes else []
        spread = []
        if chosen.processes:
            with tempfile.TemporaryDirectory() as folder:
                copies = find([str(path) for path in copied(found, chosen.times, Path(folder))])
                spread = [scaled(copies, count) for count in chosen.processes]
            spread.append(official_folder(found))
        print(table(measured or spread))
        write_json(chosen.json, {"index": measured, "processes": spread})
        return OK

    return guard(run)


def compared(recordings: Sequence[Recording]) -> list[dict[str, Any]]:
    """Returns a row for each way."""
    model = load_model(published_path())
    official = OfficialLoop(str(published_path()), model.manifest.labels)
    ways: dict[str, Callable[[Recording], float]] = {
        "index": lambda one: _index(one, model),
        "index --follow motion": lambda one: _index(one, model, Follow("motion")),
        "index --follow people": lambda one: _index(one, model, Follow("people")),
        "decoding alone": _decode,
        "official, at the model's rate": lambda one: _official(one, official, model.manifest.fps),
        "official, each picture": lambda one: _official(one, official, None),
    }
    took: dict[str, float] = defaultdict(float)
    video: dict[str, float] = defaultdict(float)
    mine: dict[str, float] = defaultdict(float)  # of index, on the same files
    for number, recording in enumerate(recordings):
        seconds: dict[str, float] = {}
        length = 0.0
        for name, way in ways.items():
            if name in _LONG and number % _EVERY_PICTURE:
                continue
            started = time.process_time()
            length = way(recording) or length  # the first way, index, tells it
            seconds[name] = time.process_time() - started
            video[name] += length
        for name, value in seconds.items():
            took[name] += value
            mine[name] += seconds["index"]
    return [
        {
            "way": name,
            "files": len(recordings[:: _EVERY_PICTURE if name in _LONG else 1]),
            "processor seconds an hour of video": 3600 * took[name] / video[name],
            "times index": took[name] / mine[name],
        }
        for name in ways
    ]


def _index(recording: Recording, model: Model, follow: Follow | None = None) -> float:
    content = recording.content()
    done = tables.write(recording, content, model, None, io.BytesIO(), io.BytesIO(), follow=follow)
    return done.seconds


def _decode(recording: Recording) -> float:
    with open_source(recording.address) as source:
        for _ in source:
            pass
    return 0.0


def _official(recording: Recording, loop: OfficialLoop, fps: float | None) -> float:
    loop.reset()
    video = cv2.VideoCapture(recording.address)
    rate = video.get(cv2.CAP_PROP_FPS) or 25.0
    pace = Pace(fps) if fps is not None else None
    number = 0
    while True:
        read, picture = video.read()
        if not read:
            break
        if pace is None or pace.due(number / rate):
            small = cv2.resize(picture, (_SIDE, _SIDE))
            loop.step(cv2.cvtColor(small, cv2.COLOR_BGR2RGB))
        number += 1
    video.release()
    return 0.0


def copied(recordings: Sequence[Recording], times: int, folder: Path) -> list[Path]:
    """Returns copies that are taken for recordings of their own, the largest first.

    So no process is left alone with a large one in the end.
    """
    found = []
    for recording in sorted(recordings, key=lambda one: -one.size):
        path = Path(recording.address)
        for number in range(times):
            found.append(folder / f"{number}{path.name}")
            filler = b"".join([(8).to_bytes(4, "big"), b"free"]) * (number + 1)
            found[-1].write_bytes(path.read_bytes() + filler)  # which players pass over
    return found


def official_folder(recordings: Sequence[Recording]) -> dict[str, Any]:
    """Returns a row for the official example's loop over each picture of each file, on one core."""
    model = load_model(published_path())
    loop = OfficialLoop(str(published_path()), model.manifest.labels)
    every = recordings[::_EVERY_PICTURE]
    started, used = time.perf_counter(), time.process_time()
    for recording in every:
        _official(recording, loop, None)
    wall, used = time.perf_counter() - started, time.process_time() - used
    length = 0.0
    for recording in every:
        with open_source(recording.address) as source:
            length += max(frame.timestamp for frame in source)
    return {
        "way": "official, each picture",
        "hours of video a minute": length / 3600 / (wall / 60),
        "processor seconds an hour of video": 3600 * used / length,
        "share of the cores that was had": used / wall,
    }


def scaled(recordings: Sequence[Recording], processes: int) -> dict[str, Any]:
    """Returns a row for so many processes on so many cores."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(cores)[:processes])
    with tempfile.TemporaryDirectory() as folder:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        started = time.perf_counter()
        settings = Settings(str(published_path()))
        report = index(recordings, Path(folder, "archive"), settings, workers=processes)
        wall = time.perf_counter() - started
    os.sched_setaffinity(0, cores)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {
        "way": f"index, {processes} process{'es' if processes > 1 else ''}",
        "hours of video a minute": report.seconds / 3600 / (wall / 60),
        "processor seconds an hour of video": 3600 * used / report.seconds,
        "share of the cores that was had": used / wall / processes,
    }


if __name__ == "__main__":
    sys.exit(main())
