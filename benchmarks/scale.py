"""``python -m benchmarks.scale``: cost by number of streams, frame size, classes and hours.

Streams: 1 to 256 of one model in one process take turns, each with a camera's pictures of its
own; on one core, and on two, each with half of the streams on a model of its own. What a stream
adds to memory is the growth of the process (RSS) by the number of streams.
"""

from __future__ import annotations

import argparse
import json
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from benchmarks import clips, machine, report
from benchmarks.latency import drawn
from edgevid import Frame, load_model
from edgevid.runtime.model import Stream
from edgevid.runtime.topk import TopK
from edgevid.support import command

STREAMS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
SIZES = ("172x172", "320x240", "640x480", "1280x720", "1920x1080")
CLASSES = (10, 100, 600, 6000)
SOAK = Path(__file__).with_name("reference") / "soak.json"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    parser = report.arguments("benchmarks.scale", __doc__)
    chosen = parser.parse_args(arguments)
    return command.guard(lambda: _run(chosen))


def _run(chosen: argparse.Namespace) -> int:
    seconds = 0.2 if chosen.quick else 3.0
    before = machine.read()
    cases = [(count, cores) for cores in (1, 2) for count in STREAMS if count >= cores]
    if chosen.quick:
        cases = [(1, 1), (32, 1), (32, 2)]
    streams = []
    for count, cores in tqdm(cases, "streams", unit="case", leave=False):
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            streams.append(pool.submit(many, count, cores, seconds).result())
    stream = load_model(clips.published_path()).stream()
    tables = {
        "streams": streams,
        "frame size": [frame_size(stream, size, seconds) for size in SIZES],
        "classes": [classes(count, seconds) for count in CLASSES],
        "hours": _hours(),
    }
    for rows in tables.values():
        print(report.table(rows), end="\n\n")
    facts = machine.facts(before, machine.read())
    report.write_json(chosen.json, {"machine": facts, **tables})
    return command.OK


def many(count: int, cores: int, seconds: float) -> dict[str, Any]:
    """Measures so many streams in this process, which should be a fresh one."""
    pictures = drawn("172x172")
    models = [load_model(clips.published_path()) for _ in range(cores)]
    first = [model.stream() for model in models]
    for stream in first:
        for number in range(30):  # past everything that is made once, scenes included
            stream.step(Frame(pictures[number], 0.0, number))
    before = machine.held_by_process().rss_mb
    groups = [
        [one, *(model.stream() for _ in range(count // cores - 1))]
        for one, model in zip(first, models, strict=True)
    ]
    for group in groups:
        for stream in group:
            for number in range(12):
                stream.step(Frame(pictures[number], 0.0, number))
    added = machine.held_by_process().rss_mb - before
    done = [0] * cores
    ready = threading.Barrier(cores)

    def work(core: int) -> None:
        ready.wait()
        until = time.perf_counter() + seconds
        while time.perf_counter() < until:
            for stream in groups[core]:
                stream.step(Frame(pictures[done[core] % 50], 0.0, 0))
                done[core] += 1

    began = time.perf_counter()
    threads = [threading.Thread(target=work, args=(core,)) for core in range(cores)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rate = sum(done) / (time.perf_counter() - began)
    more = count - cores
    return {
        "streams": count,
        "cores": cores,
        "steps/s": rate,
        "at 5 fps each": "yes" if rate >= 5 * count else "no",
        "MB each further": added / more if more else float("nan"),
    }


def frame_size(stream: Stream, size: str, seconds: float) -> dict[str, Any]:
    """Measures the step from pictures of one size."""
    pictures = drawn(size)[:8]
    milliseconds = _median(lambda number: _step(stream, pictures[number % 8]), seconds)
    return {"picture": size, "step, ms": milliseconds}


def classes(count: int, seconds: float) -> dict[str, Any]:
    """Measures what so many classes cost behind the network."""
    ranking = TopK([str(number) for number in range(count)])
    logits = np.random.default_rng(0).normal(size=(8, count)).astype(np.float32)
    milliseconds = _median(lambda number: ranking.top(logits[number % 8]), seconds)
    return {"classes": count, "five best, ms": milliseconds}


def _step(stream: Stream, picture: NDArray[np.uint8]) -> None:
    stream.step(Frame(picture, 0.0, 0))


def _median(call: Callable[[int], Any], seconds: float) -> float:
    taken: list[float] = []
    until = time.perf_counter() + seconds
    while len(taken) < 20 or time.perf_counter() < until:
        began = time.perf_counter()
        call(len(taken))
        taken.append((time.perf_counter() - began) * 1000)
    return float(np.median(taken))


def _hours() -> list[dict[str, Any]]:
    """Returns the first and the last hour of the day that ``benchmarks.soak`` played."""
    soaked = json.loads(SOAK.read_text("utf-8"))
    return [
        {"hour": hour["hour"], "top-1": hour["top-1"], "RSS growth, MB": growth}
        for hour, growth in (
            (soaked["hours"][0], 0.0),
            (soaked["hours"][-1], soaked["RSS growth, MB"]),
        )
    ]


if __name__ == "__main__":
    sys.exit(main())
