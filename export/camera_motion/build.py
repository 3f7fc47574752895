"""Makes the bundled model: trains, converts, verifies, and writes the report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from edgevid.errors import ModelError
from edgevid.modelfile import manifest
from edgevid.modelfile.manifest import EventRules
from edgevid.models.catalog import CAMERA_MOTION
from edgevid.models.load import load_model
from edgevid.support.atomic_file import atomic_file
from export import report
from export.camera_motion.moves import LABELS
from export.camera_motion.synthetic import SyntheticClip
from export.camera_motion.train import Recipe, Trainer, held_out, measure
from export.conversion.export import export_tflite
from export.data.dataset import EvaluationSet
from export.model import checkpoint
from export.model.network import FPS, Network
from export.model.predict import file_predictor, keras_predictor
from export.verification.comparison import Comparison, compare
from export.verification.limits import Limits
from export.verification.table import table

_EPOCH = 200  # steps between measurements
_VALIDATION, _TEST, _CALIBRATION = 160, 400, 64  # clips

# One file for every board: that for a Raspberry Pi 4, the slowest. What the others would have
# gained by a form of their own, a few per cent of a small network, is not worth two more files.
_TARGET = "pi4"

# Chosen on real pictures that no benchmark sees, moves over the clips of gestures/train: many
# announced within a second, few wrongly. The memory is longer than in training, where what was true
# two frames ago may be so no more.
_MEMORY = 4.0  # frames
_EVENTS = EventRules(
    on_threshold=0.5, off_threshold=0.3, smoothing=0.0, min_duration=0.2, cool_down=0.2
)


def run(recipe: Recipe, out: Path, target: Path) -> None:
    """Makes the file.

    Raises:
        ModelError: the file does not do what the network does.
    """
    network, history = train(recipe, out)
    data = export_tflite(
        network, LABELS, [clip.pictures for clip in held_out(recipe, _CALIBRATION, part=1)],
        memory=_MEMORY, name=CAMERA_MOTION.name, target=_TARGET,
    )  # fmt: skip
    drawn = out / f"{CAMERA_MOTION.name}.tflite"
    described = manifest.read(data)
    assert described is not None
    described = replace(
        described,
        follow_scene=False,
        clip_s=recipe.frames / FPS,
        events=_EVENTS,
        provenance={**described.provenance, "trained_on": "drawn clips", **asdict(recipe)},
    )
    with atomic_file(drawn, make_folder=True) as file:
        file.write(manifest.write(data, described))
    test = held_out(recipe, _TEST, part=2)
    compared = _compared(network, drawn, test, _MEMORY)
    counts = measure(network, test, _MEMORY)
    figures = {"drawn_clips": _frames(counts), **asdict(compared)}
    with atomic_file(drawn) as file:
        file.write(manifest.write(data, replace(described, metrics=figures)))
    _write_report(out, history, counts, figures)
    print(table({drawn.name: compared}))
    if failures := compared.failures(Limits()):
        raise ModelError(f"{drawn}: {'; '.join(failures)}")
    with atomic_file(target, make_folder=True) as file:
        file.write(drawn.read_bytes())
    print(f"{target}: {target.stat().st_size / 1e6:.2f} MB")


def train(recipe: Recipe, out: Path) -> tuple[Network, list[dict[str, float]]]:
    """Trains, or goes on; returns the averaged network, and what was measured on the way."""
    trainer = Trainer(recipe)
    state = trainer.state
    kept = out / "training.npz"
    if kept.exists():
        state.restore(kept)
    validation = held_out(recipe, _VALIDATION)
    while state.step < recipe.all_steps:
        loss = trainer.run(_EPOCH)
        state.exchange()
        checkpoint.save(out / "network.npz", trainer.network, LABELS)
        right = _frames(measure(trainer.network, validation, recipe.memory))
        state.exchange()
        state.history.append({"epoch": state.step / _EPOCH, "loss": loss, **right})
        state.save(kept)
        print(f"step {state.step} of {recipe.all_steps}: loss {loss:.3f}, {right}", flush=True)
    return checkpoint.load(out / "network.npz")[0], state.history


def _compared(
    network: Network, file: Path, clips: Sequence[SyntheticClip], memory: float
) -> Comparison:
    """The file against the float network, on clips that end in something to say."""
    asked = [clip for clip in clips if clip.weights[-1] > 0]
    evaluation = EvaluationSet(
        "test",
        pictures=tuple(clip.pictures for clip in asked),
        truth=np.array([clip.labels[-1] for clip in asked], np.intp),
    )
    return compare(
        keras_predictor(network, memory), file_predictor(load_model(file), memory), evaluation,
        memory=memory,
    )  # fmt: skip


def _frames(counts: Any) -> dict[str, float]:
    """How many frames are right, over all and as a mean over the labels."""
    right = np.diag(counts) / np.maximum(counts.sum(1), 1)
    return {"top1": float(np.diag(counts).sum() / counts.sum()), "mean": float(right.mean())}


def _write_report(
    out: Path, history: list[dict[str, float]], counts: Any, figures: dict[str, Any]
) -> None:
    """Writes the curves, the confusion matrix, the figures and a page with all of them."""
    report.plot_curves(out / "curves.png", history)
    report.plot_confusion(out / "confusion.png", counts, LABELS)
    report.write_json(out / "metrics.json", {"figures": figures, "history": history})
    right = _frames(counts)
    page = f"""# camera-motion: how it was trained

On drawn clips it never saw, a frame at a time: top-1 {right["top1"]:.3f}, mean over the labels
{right["mean"]:.3f}. On real pictures: `python -m benchmarks.camera_motion`.

The int8 file against the float network, at the clips' ends: agreement
{figures["agreement"]:.3f}, divergence {figures["divergence"]:.4f} nats.

![learning curves](curves.png)

![confusion matrix](confusion.png)
"""
    with atomic_file(out / "report.md", make_folder=True) as file:
        file.write(page.encode())
