"""``python -m benchmarks.latency [MODEL...]``: the time of a step on this machine, part by part.

One thread. Each model has a process of its own, in which it is loaded cold and then steps through
a clip, over and over: back to back, and paced as by a camera at the model's frame rate, when
caches and clocks have gone to sleep in between. The parts of a step: capture (here: decoding the
clip), preprocessing, inference (the runtime's ``invoke``), the rest of the step (states into
place, scene, five best labels), and the overlay for those who look.

A file that was published is timed as edgevid prepares it, and compared with itself as published
on the same pictures.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import math
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from benchmarks import machine, remote, report
from benchmarks.clips import on_clock
from edgevid import Frame, Model, load_model, open_source
from edgevid.errors import ModelError, UsageError
from edgevid.models import locate
from edgevid.runtime.model import Stream
from edgevid.sinks.overlay import draw as draw_overlay
from edgevid.support import command

KNOWN = ("movinet-a0", "movinet-a1", "movinet-a2")
PERCENTILES = (50, 90, 95, 99, 100)
PARTS = ("capture", "preprocess", "inference", "rest", "overlay")
_WARM_UP = 20  # steps
_PARITY = 50  # frames


@dataclass(frozen=True, slots=True)
class Effort:
    """How long to measure: at least so many steps and seconds back to back, and seconds paced."""

    steps: int
    seconds: float
    paced_seconds: float


FULL, QUICK = Effort(1024, 60, 60), Effort(64, 0, 2)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    parser = report.arguments("benchmarks.latency", __doc__)
    parser.add_argument(
        "models", nargs="*", metavar="MODEL",
        help=f"names or .tflite files (default: those of {', '.join(KNOWN)} that are found)",
    )  # fmt: skip
    parser.add_argument(
        "--source", type=Path, help="a video to step through (default: a drawn one)"
    )
    parser.add_argument("--size", default="640x480", help="of the drawn one (default: %(default)s)")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw the percentiles as a PNG")
    remote.add_arguments(parser)
    chosen = parser.parse_args(arguments)

    def run() -> int:
        results = remote.measured(chosen) if chosen.host else _measured(chosen)
        show(results, chosen.plot)
        report.write_json(chosen.json, results)
        return command.OK

    return command.guard(run)


def _measured(chosen: argparse.Namespace) -> dict[str, Any]:
    models = chosen.models or [name for name in KNOWN if locate.find(name) is not None]
    if not models:
        raise UsageError(f"none of {', '.join(KNOWN)} is found: name a .tflite file")
    effort = QUICK if chosen.quick else FULL
    before = machine.read()
    warn(machine.warnings(before, before))
    results = []
    for model in tqdm(models, "models", unit="model", leave=False, disable=len(models) == 1):
        # A process of its own: nothing is loaded, cached or grown by the model before.
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            results.append(pool.submit(measure, model, chosen.source, chosen.size, effort).result())
    return {"machine": machine.facts(before, machine.read()), "models": results}


def warn(lines: Sequence[str]) -> None:
    """Says why figures may be worthless."""
    for line in lines:
        print(f"warning: {line}", file=sys.stderr)


def show(results: dict[str, Any], plot: Path | None) -> None:
    """Prints the tables, and draws the picture if a file for it is named."""
    facts = results["machine"]
    print(f"{facts['board']}, {facts['processor']}, {facts['cores']} cores, {facts['system']}\n")
    print(report.table([row(model, way) for model in results["models"] for way in model["ways"]]))
    print()
    print(report.table([_parts_row(model) for model in results["models"]]))
    print()
    print(report.table([_start_row(model) for model in results["models"]]))
    warn(facts["warnings"])
    if plot is not None:
        draw(results["models"], plot)


def row(model: dict[str, Any], way: str) -> dict[str, Any]:
    """Returns one model's percentiles for one way of stepping, as a line of a table."""
    figures = model["ways"][way]
    return {
        "model": model["model"],
        "weights": model["weights"],
        "way": way,
        "steps": figures["steps"],
        **{f"{name}, ms": figures[name] for name in ("p50", "p90", "p95", "p99", "max")},
        "steps/s": 1000 / figures["p50"],
    }


def _parts_row(model: dict[str, Any]) -> dict[str, Any]:
    parts = model["parts_p50_ms"]
    step = sum(parts[name] for name in ("preprocess", "inference", "rest"))
    return {
        "model": model["model"],
        **{f"{name}, ms": parts[name] for name in PARTS},
        "step less inference": f"{1 - parts['inference'] / step:.0%}",
    }


def _start_row(model: dict[str, Any]) -> dict[str, Any]:
    agreement = model["agrees_with_published"]
    return {
        "model": model["model"],
        "load, ms": model["load_ms"],
        "first step, ms": model["first_step_ms"],
        "RSS, MB": model["rss_mb"],
        "top-1 as published": math.nan if agreement is None else agreement,
        "sha256": model["sha256"][:12],
    }


def measure(name: str, source: Path | None, size: str, effort: Effort) -> dict[str, Any]:
    """Measures one model in this process, which should be a fresh one."""
    began = time.perf_counter()
    model = load_model(name)
    load_ms = (time.perf_counter() - began) * 1000
    path = locate.locate(name)
    pictures = _read(source, model) if source is not None else drawn(size)
    stream = model.stream()
    began = time.perf_counter()
    stream.step(Frame(pictures[0], 0.0, 0))
    first_step_ms = (time.perf_counter() - began) * 1000
    paced = effort.paced_seconds * model.manifest.fps
    ways = {
        "back to back": _stepped(model, pictures, effort.steps, effort.seconds, None),
        f"at {model.manifest.fps:g} fps": _stepped(
            model, pictures, round(paced), 0, model.manifest.fps
        ),
    }
    return {
        "model": path.stem,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "weights": model.manifest.provenance.get("weights", "trained"),
        "input": [model.signature.height, model.signature.width, model.signature.image.dtype],
        "picture": list(pictures[0].shape[:2]),
        "ways": ways,
        "parts_p50_ms": _parts(model, pictures, source, min(effort.steps, 512)),
        "load_ms": load_ms,
        "first_step_ms": first_step_ms,
        "rss_mb": machine.held_by_process().rss_mb,
        "agrees_with_published": _agreement(model, path, pictures),
        "metrics": dict(model.manifest.metrics),
    }


def drawn(size: str) -> list[NDArray[np.uint8]]:
    """Returns fifty pictures in which everything moves, as a busy camera's.

    Raises:
        UsageError: not a size.
    """
    width, _, height = size.partition("x")
    if not (width.isdigit() and height.isdigit() and int(width) and int(height)):
        raise UsageError(f"--size must be WIDTHxHEIGHT in pixels, such as 640x480, not {size!r}")
    wide = np.random.default_rng(0).integers(0, 256, (int(height), int(width) + 400, 3), np.uint8)
    return [np.ascontiguousarray(wide[:, 8 * n : 8 * n + int(width)]) for n in range(50)]


def _read(source: Path, model: Model) -> list[NDArray[np.uint8]]:
    with closing(on_clock(source, model.manifest.fps)) as frames:
        return [frame.image for frame in itertools.islice(frames, 100)]


def _stepped(
    model: Model,
    pictures: Sequence[NDArray[np.uint8]],
    steps: int,
    seconds: float,
    fps: float | None,
) -> dict[str, Any]:
    """Steps until both so many steps and seconds are over; returns percentiles in ms."""
    stream, taken = model.stream(), []
    began = due = time.perf_counter()
    for number in itertools.count():
        if fps is not None:
            due += 1 / fps
            time.sleep(max(0.0, due - time.perf_counter()))
        started = time.perf_counter()
        stream.step(Frame(pictures[number % len(pictures)], 0.0, number))
        ended = time.perf_counter()
        taken.append((ended - started) * 1000)
        if number + 1 >= steps + _WARM_UP and ended - began >= seconds:
            break
    return percentiles(taken[_WARM_UP:])


def percentiles(taken: Sequence[float]) -> dict[str, Any]:
    """Returns how many there are, and what each share of them does not exceed."""
    values = np.percentile(taken, PERCENTILES)
    names = [f"p{share}" if share < 100 else "max" for share in PERCENTILES]
    return {"steps": len(taken), **dict(zip(names, map(float, values), strict=True))}


def _parts(
    model: Model, pictures: Sequence[NDArray[np.uint8]], source: Path | None, steps: int
) -> dict[str, float]:
    """Returns the median milliseconds of each part of a step, and of what goes on around it."""
    stream = model.stream()
    clock = _Clock(stream)
    taken: dict[str, list[float]] = {name: [] for name in PARTS}
    frames = [Frame(picture, 0.0, number) for number, picture in enumerate(pictures)]
    for number in range(steps + _WARM_UP):
        clock.start()
        stream.step(frames[number % len(frames)])
        for name, milliseconds in clock.stop().items():
            taken[name].append(milliseconds)
    clock.remove()
    taken = {name: values[_WARM_UP:] for name, values in taken.items()}
    for frame in frames:
        prediction = stream.step(frame)
        began = time.perf_counter()
        draw_overlay(frame, prediction)
        taken["overlay"].append((time.perf_counter() - began) * 1000)
    taken["capture"] = _captures(source) if source is not None else [math.nan]
    return {name: float(np.median(values)) for name, values in taken.items()}


class _Clock:
    """Times the parts of a stream's step by standing between them."""

    def __init__(self, stream: Stream) -> None:
        self._stream, self._backend = stream, stream.model._backend
        self._spent: dict[str, float] = {}
        self._preprocess, self._invoke = stream._preprocess, self._backend.invoke
        timed: Any = SimpleNamespace(
            fit=self._timed("preprocess", self._preprocess.fit),
            write=self._timed("preprocess", self._preprocess.write),
        )
        stream._preprocess = timed
        self._backend.invoke = self._timed("inference", self._invoke)  # type: ignore[method-assign]

    def start(self) -> None:
        self._spent.clear()
        self._began = time.perf_counter()

    def stop(self) -> dict[str, float]:
        whole = (time.perf_counter() - self._began) * 1000
        return {**self._spent, "rest": whole - sum(self._spent.values())}

    def remove(self) -> None:
        self._stream._preprocess = self._preprocess
        self._backend.invoke = self._invoke  # type: ignore[method-assign]

    def _timed(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*arguments: Any) -> Any:
            began = time.perf_counter()
            result = call(*arguments)
            spent = (time.perf_counter() - began) * 1000
            self._spent[name] = self._spent.get(name, 0.0) + spent
            return result

        return timed


def _captures(source: Path) -> list[float]:
    """Returns the milliseconds that each frame of a video took to come."""
    taken: list[float] = []
    with open_source(source) as frames:
        iterator: Iterator[Frame] = iter(frames)
        while len(taken) < 300:
            began = time.perf_counter()
            if next(iterator, None) is None:
                break
            taken.append((time.perf_counter() - began) * 1000)
    return taken


def _agreement(model: Model, path: Path, pictures: Sequence[NDArray[np.uint8]]) -> float | None:
    """Returns the share of frames whose top-1 is that of the same file, not prepared.

    None where the file is timed as it is.
    """
    try:
        published = load_model(path, labels=model.manifest.labels, prepare=False)
        if published.signature.alpha is not None or model.signature.alpha is None:
            return None
        one, other = model.stream(memory=math.inf), published.stream()
    except (ModelError, UsageError):
        return None
    shown = pictures[:_PARITY]
    same = sum(one.logits(p).argmax() == other.logits(p).argmax() for p in shown)
    return float(same / len(shown))


def draw(models: Sequence[dict[str, Any]], path: Path) -> None:
    """Draws each model's percentiles as a line from the median to the slowest step."""
    rows = [
        (f"{model['model']}, {way}", model["ways"][way])
        for model in models
        for way in model["ways"]
    ]
    figure, axes = report.figure(7, 0.8 + 0.4 * len(rows))
    for place, (_, figures) in enumerate(rows):
        axes.plot([figures["p50"], figures["max"]], [place, place], color="#8d99ae")
        for mark, colour in (("p50", "#d1495b"), ("p95", "#edae49"), ("p99", "#00798c")):
            axes.plot(figures[mark], place, "o", color=colour, label=None if place else mark)
    axes.set_yticks(range(len(rows)), [name for name, _ in rows])
    axes.set_ylim(-0.6, len(rows) - 0.4)
    report.logarithmic(axes, "one step, ms; the line ends at the slowest")
    figure.legend(loc="outside upper center", ncols=3, frameon=False)
    report.save_figure(figure, path)


if __name__ == "__main__":
    sys.exit(main())
