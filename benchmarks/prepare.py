"""``python -m benchmarks.prepare``: the effect of each pass of ``edgevid.prepare`` on this machine.

Times are of edgevid's whole step, from a uint8 picture of the model's size to the five best
labels, on one thread. All stages take turns in one process, so their ratios hold on a busy machine
too; the times themselves do not. ``benchmarks.step`` compares with the official example's loop.
"""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

import edgevid.prepare
from benchmarks import clips, report
from benchmarks.clips import Clip
from edgevid.modelfile import flatbuffer
from edgevid.models.load import load_model
from edgevid.records import Frame
from edgevid.runtime.model import Model
from edgevid.runtime.partitions import partitions
from edgevid.support import command

Picture = NDArray[np.uint8]


class Stage(NamedTuple):
    """A model after some of the passes, and what the last of them changed."""

    name: str
    change: str
    model: Model
    partitions: int


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the benchmark; returns its exit code."""
    parser = command.ArgumentParser(prog="python -m benchmarks.prepare", description=__doc__)
    parser.add_argument("model", type=Path, help="a published file")
    parser.add_argument("--accuracy", action="store_true", help="measured over real clips, too")
    parser.add_argument("--target", choices=edgevid.prepare.TARGETS)
    parser.add_argument("--rounds", type=int, default=300, help="steps of each stage")
    parser.add_argument("--json", type=Path, help="write the figures here too")
    chosen = parser.parse_args(arguments)
    return command.guard(lambda: _run(chosen))


def _run(chosen: argparse.Namespace) -> int:
    with tempfile.TemporaryDirectory() as folder:
        stages = _stages(chosen, Path(folder))
        size = stages[0].model.signature.height
        pictures = list(np.random.default_rng(0).integers(0, 256, (8, size, size, 3), np.uint8))
        figures: dict[str, Any] = {"stages": _times(chosen, stages, pictures)}
        _print_times(figures["stages"])
        if chosen.accuracy:
            published, prepared = stages[0].model, stages[-1].model
            played = clips.labelled()
            figures["accuracy"] = [
                {"file": name, **_accuracy(model, played)}
                for name, model in (("published", published), ("prepared", prepared))
            ]
            print("\nclip by clip\n", report.table(figures["accuracy"]), sep="\n")
    report.write_json(chosen.json, figures)
    return command.OK


def _stages(chosen: argparse.Namespace, folder: Path) -> list[Stage]:
    """Returns the model after each pass."""
    data = flatbuffer.load(chosen.model)
    published = load_model(chosen.model, prepare=False)
    stages = [Stage("as published", "", published, partitions(data))]
    passes = edgevid.prepare.passes_for(chosen.target or edgevid.prepare.this_machine())
    for count in range(1, len(passes) + 1):
        prepared = edgevid.prepare.prepare(data, name="stage", passes=passes[:count])
        name, change = prepared.report[-1]
        path = folder / f"{count}.tflite"
        path.write_bytes(prepared.data)
        model = load_model(path, prepare=False)
        stages.append(Stage(name, change, model, partitions(prepared.data)))
    return stages


def _times(
    chosen: argparse.Namespace, stages: list[Stage], pictures: list[Picture]
) -> list[dict[str, Any]]:
    loops = [_loop(stage.model) for stage in stages]
    seconds = np.zeros((chosen.rounds, len(loops)))
    for row in tqdm(seconds, desc="steps", leave=False, disable=not sys.stderr.isatty()):
        for place, step in enumerate(loops):
            for picture in pictures[:2]:  # the first brings the caches back from the loop before
                started = time.perf_counter()
                step(picture)
                row[place] = time.perf_counter() - started
    best, middle = seconds.min(0), np.median(seconds, axis=0)
    ratios = np.median(seconds / seconds[:, :1], axis=0)
    return [
        {
            "stage": stage.name,
            "change": stage.change,
            "partitions": stage.partitions,
            "best_ms": round(1000 * best[place], 3),
            "median_ms": round(1000 * middle[place], 3),
            "of_published": round(float(ratios[place]), 3),
        }
        for place, stage in enumerate(stages)
    ]


def _loop(model: Model) -> Callable[[Picture], Any]:
    stream = model.stream()
    return lambda picture: stream.step(Frame(picture, 0.0, 0))


def _accuracy(model: Model, played: Sequence[Clip]) -> dict[str, float]:
    """Returns a model's accuracy at the end of each clip, starting anew for each."""
    ranks, likelihoods = [], []
    for clip in tqdm(played, "clips", unit="clip", leave=False):
        stream = model.stream(memory=math.inf)
        logits = [stream.logits(picture) for picture in clip.pictures][-1].astype(np.float64)
        label = model.manifest.labels.index(clip.label)
        ranks.append(int((logits > logits[label]).sum()))
        likelihoods.append(float(logits[label] - np.logaddexp.reduce(logits)))
    return {
        "clips": len(ranks),
        "top-1": float(np.mean(np.array(ranks) == 0)),
        "top-5": float(np.mean(np.array(ranks) < 5)),
        "log-likelihood": float(np.mean(likelihoods)),
    }


def _print_times(rows: list[dict[str, Any]]) -> None:
    print(f"{'stage':22} {'best ms':>8} {'median':>8} {'ratio':>6} {'parts':>6}  changed")
    for row in rows:
        print(
            f"{row['stage'].replace('_', ' '):22} {row['best_ms']:8.3f} {row['median_ms']:8.3f} "
            f"{row['of_published']:6.2f} {row['partitions']:6}  {row['change']}"
        )


if __name__ == "__main__":
    sys.exit(main())
