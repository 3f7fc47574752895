"""``python -m benchmarks.exported.parity``: does int8 keep what a training taught?

For each size and style a network is trained for a few minutes, exported as int8 and compared with
its float self on clips that it has not seen. Where that is past a limit, it is trained on for a
little with rounding (``--quantization-aware``), exported and compared again. The accuracy says only
that there is something to lose.

With ``--data`` the clips are a folder's, by person or scene (``--group``), and the weights start
from the published file's: squeeze-and-excitation, which that file lacks, starts neutral. Without,
the clips are made here, squares of four colours that wander in four directions, and the weights
start at random.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras

from benchmarks import report
from edgevid.models.load import load_model
from edgevid.support.command import OK, guard
from edgevid.support.opencv import cv2
from export.conversion.export import export_tflite
from export.data import clips
from export.data.augment import Augmentation
from export.data.clips import Clip
from export.data.dataset import EvaluationSet, choose
from export.data.frames import Frames, gather
from export.model import checkpoint, recover
from export.model.batch_norm import measure_statistics, restore_statistics
from export.model.network import FPS, STYLES, Architecture, Network
from export.model.predict import file_predictor, keras_predictor
from export.training.trainer import Recipe, Trainer, examples
from export.verification.comparison import compare
from export.verification.limits import Limits

Decoded = list[tuple[Clip, Frames]]
WANDERERS = {  # how far a frame, and in which colour: a few minutes teach the one or the other
    "down": ((0, 6), (220, 60, 60)),
    "left": ((-6, 0), (60, 200, 60)),
    "right": ((6, 0), (60, 60, 220)),
    "up": ((0, -6), (230, 220, 60)),
}
LITTLE = Augmentation(  # for the classes are of different colours
    speed=(0.8, 1.25), zoom=(0.6, 1.0), aspect=0.12, turn=8.0, bend=0.0, light=0.3, hue=0.0,
    overlay=0.0,
)  # fmt: skip
ROUNDED = {"epochs": 3, "learning_rate": 1e-4, "quantization_aware": True}


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the proof; returns its exit code."""
    parser = report.arguments("benchmarks.exported.parity", __doc__)
    add = parser.add_argument
    add("--sizes", nargs="+", choices=("a0", "a1", "a2"), default=["a0", "a1", "a2"])
    add("--styles", nargs="+", choices=STYLES, default=list(STYLES))
    add("--init", type=Path, help="a published .tflite file of the same size")
    add("--data", type=Path, help="a folder for each class")
    add("--group", default="", help="as export.finetune has it")
    add("--pixels", type=int, default=96, help="of the input (default: 96)")
    add("--epochs", type=int, default=6)
    add("--folder", type=Path, default=Path("out/parity"), help="for the files")
    chosen = parser.parse_args(arguments)
    return guard(lambda: _run(chosen))


def _run(chosen: argparse.Namespace) -> int:
    train, held = _data(chosen)
    rows = []
    for size in chosen.sizes:
        for style in chosen.styles:
            rows += parity(size, style, train, held, chosen)
            print(report.table(rows), flush=True)
            report.write_json(chosen.json, {"rows": rows})
    return OK


def parity(
    size: Any, style: Any, train: Decoded, held: Decoded, chosen: argparse.Namespace
) -> list[dict[str, Any]]:
    """Trains one network, and returns a row for each of its int8 files."""
    tf_keras.utils.set_random_seed(chosen.seed)
    labels = tuple(sorted({clip.label for clip, _ in train}))
    network = Network(Architecture(size, style, len(labels)))
    data = examples(train, labels, FPS)
    recipe = Recipe(epochs=chosen.epochs, frozen=0, mixed=0.0, augmentation=LITTLE)
    if chosen.init:
        _start_from(network, chosen.init)
        trainer = Trainer(network, recipe, data, size=chosen.pixels, fps=FPS)
        restore_statistics(network, trainer.samples(48))
    else:
        for name, variable in checkpoint.named_weights(network).items():
            if name.endswith("rezero/scale"):
                variable.assign(1.0)  # at 0, as published, the first hundred steps teach nothing
    rows = []
    evaluation = EvaluationSet(
        "test",
        pictures=tuple(frames.pictures(size=chosen.pixels, fps=FPS) for _, frames in held),
        truth=np.array([labels.index(clip.label) for clip, _ in held], np.intp),
    )
    picked = {id(clip) for clip in choose([clip for clip, _ in train], 64)}
    calibration = [
        frames.pictures(size=chosen.pixels, fps=FPS) for c, frames in train if id(c) in picked
    ]
    for step in (recipe, replace(recipe, **ROUNDED)):  # type: ignore[arg-type]
        trainer = Trainer(network, step, data, size=chosen.pixels, fps=FPS)
        while trainer.epoch < step.epochs:
            loss = trainer.run_epoch()
        trainer.state.exchange()
        if step is recipe and not chosen.init:
            measure_statistics(network, trainer.samples(48))
        path = chosen.folder / f"{size}_{style}_{'rounded' if step is not recipe else 'plain'}"
        checkpoint.save(path.with_suffix(".npz"), network, labels)
        path.with_suffix(".tflite").write_bytes(
            export_tflite(network, labels, calibration, memory=step.memory, name=path.name)
        )
        found = compare(
            keras_predictor(network, step.memory),
            file_predictor(load_model(path.with_suffix(".tflite")), step.memory),
            evaluation, memory=step.memory,
        )  # fmt: skip
        figures = {key: value for key, value in asdict(found).items() if key != "worst_layers"}
        rows.append({"network": path.name, "loss": loss, **figures, "drift": found.drift[-1]})
        if not found.failures(Limits()):
            break
    return rows


def _start_from(network: Network, path: Path) -> None:
    values = {
        name: variable.numpy()
        for name, variable in checkpoint.named_weights(recover.load(path)).items()
    }
    for name, variable in checkpoint.named_weights(network).items():
        if name in values and values[name].shape == tuple(variable.shape):
            variable.assign(values[name])
        elif "se_expand" in name:  # the gate is 1: hard-sigmoid of 3, whatever is squeezed
            variable.assign(tf.fill(variable.shape, 3.0 if name.endswith("bias") else 0.0))


def _data(chosen: argparse.Namespace) -> tuple[Decoded, Decoded]:
    if chosen.data is None:
        made = [
            (Clip(Path(f"{label}{seed}"), label), _wandering(*how, seed))
            for seed in range(16 if chosen.quick else 80)
            for label, how in WANDERERS.items()
        ]
        return made[: len(made) * 3 // 4], made[len(made) * 3 // 4 :]
    found = clips.read(chosen.data)
    if chosen.group:
        found = clips.with_groups(found, chosen.group)
    train, held = clips.hold_out(found, 0.3, chosen.seed)
    clips.check(train, held)
    return tuple(gather(part, chosen.folder / "frames")[0] for part in (train, held))  # type: ignore[return-value]


def _wandering(
    step: tuple[int, int], colour: tuple[int, int, int], seed: int, frames: int = 10
) -> Frames:
    """A clip of a square that moves over a picture that stands still."""
    rng = np.random.default_rng(seed)
    picture = cv2.resize(rng.integers(0, 256, (9, 12, 3), np.uint8), (128, 96))
    x, y = rng.integers(24, 80), rng.integers(24, 48)
    side = int(rng.integers(24, 48))
    jpegs = []
    for number in range(frames):
        left, top = int(x + step[0] * number) % 128, int(y + step[1] * number) % 96
        shown = cv2.rectangle(picture.copy(), (left, top), (left + side, top + side), colour, -1)
        jpegs.append(cv2.imencode(".jpg", shown[..., ::-1])[1].reshape(-1))
    return Frames(tuple(jpegs), np.arange(frames) / FPS)


if __name__ == "__main__":
    sys.exit(main())
