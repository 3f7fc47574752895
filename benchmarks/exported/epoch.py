"""``python -m benchmarks.exported.epoch CONFIG``: what an epoch costs in processor time.

Of the config's training, with new variations of the clips in every epoch and with variations that
are kept, and with more stages frozen. Some of the longer clips are trained on, 16 frames of each:
for an epoch that does not count, in which the graph is traced, and for one that does. The time of
all threads is counted.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks import report
from edgevid.support.command import OK, guard
from export.config import read_config
from export.data import clips
from export.data.augment import Augmentation
from export.data.frames import gather
from export.model import initialize
from export.model.network import FPS, INPUT_SIZE, Architecture
from export.training.trainer import Recipe, Trainer, examples

_CLIPS = 24
_FRAMES = 16
_FROZEN = (5, 8)  # up to A0's blocks 1 and 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures; returns its exit code."""
    parser = report.arguments("benchmarks.exported.epoch", __doc__)
    parser.add_argument("config", type=Path)
    return guard(lambda: _run(parser.parse_args(arguments)))


def _run(chosen: Any) -> int:
    with tempfile.TemporaryDirectory() as folder:
        found = measure(chosen.config, Path(folder), 8 if chosen.quick else _CLIPS)
    print(report.table(found))
    report.write_json(chosen.json, {"epochs": found})
    return OK


def measure(config: Path, folder: Path, count: int) -> list[dict[str, Any]]:
    """Trains with each number of frozen stages, with and without what they make being kept.

    Args:
        config: of ``export.run``.
        folder: for frames and features.
        count: how many clips to train on.
    """
    job = read_config(config, folder).job
    listed = clips.read(job.data, root=job.root)
    decoded, _ = gather(listed[:: max(1, len(listed) // (2 * count))], folder)
    decoded = [each for each in decoded if len(each[1].paced(FPS)) > _FRAMES][:count]
    labels = tuple(sorted({clip.label for clip, _ in decoded}))
    even = Augmentation(
        seconds=_FRAMES / FPS, speed=(1.0, 1.0), shorten=0.0
    )  # few lengths to trace
    rows = []
    for frozen in _FROZEN:
        for variations in (0, 1):
            recipe = Recipe(epochs=2, frozen=frozen, variations=variations, augmentation=even)
            recipe = replace(recipe, batch=min(recipe.batch, len(decoded)))
            network, _ = initialize.load(job.init, Architecture(job.size, job.style, len(labels)))  # type: ignore[arg-type]
            before = time.process_time()
            trainer = Trainer(
                network, recipe, examples(decoded, labels, FPS), size=INPUT_SIZE[job.size], fps=FPS,
                cache=folder,
            )  # fmt: skip
            making = time.process_time() - before
            trainer.run_epoch()
            before = time.process_time()
            trainer.run_epoch()
            clip_ms = (time.process_time() - before) / (trainer.steps * recipe.batch) * 1e3
            row = {"frozen": frozen, "variations": "kept" if variations else "new"}
            once = making / len(decoded) * 1e3 if variations else "-"
            rows.append({**row, "a clip, ms": clip_ms, "once for each variation, ms": once})
    return rows


if __name__ == "__main__":
    sys.exit(main())
