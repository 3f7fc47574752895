"""``python -m export.finetune``: labelled clips become a float network for their classes."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras

from edgevid.errors import SourceError
from edgevid.modelfile import label_files
from edgevid.support.command import OK, ArgumentParser, guard
from export import metrics, report
from export.data import clips
from export.data.clips import Clip
from export.data.frames import Frames, Unreadable, Watched, gather, tell, watch
from export.model import checkpoint, initialize
from export.model.batch_norm import measure_statistics, restore_statistics
from export.model.network import FPS, INPUT_SIZE, STYLES, Architecture
from export.model.predict import Pictures, at_the_end, keras_predictor, pictures
from export.training.hardware import PRECISIONS, Precision, training_on
from export.training.trainer import Recipe, Trainer, examples

_STATISTICS_CLIPS = 48


@dataclass(frozen=True)
class Job:
    """One training.

    Attributes:
        data: clips to train on, as ``clips.read`` takes them.
        out: folder for all that comes out.
        init: where the weights come from, as ``start.load`` takes it.
        size: ``a0``, ``a1`` or ``a2``.
        style: ``relu6`` or ``hard_swish``.
        test: clips to measure on once, at the very end.
        root: where the paths in a list start.
        names: file with the names of numeric labels, one a line.
        group: regular expression for what must not be on both sides of a split.
        validation: share of the training clips, or of their groups, held out; 0 for none.
        cache: folder for decoded frames.
        precision: of what flows between the layers in training, as ``training_on`` takes it.
        recipe: how to train.
    """

    data: Path
    out: Path
    init: str = "none"
    size: str = "a0"
    style: str = "relu6"
    test: Path | None = None
    root: Path | None = None
    names: Path | None = None
    group: str = ""
    validation: float = 0.2
    cache: Path | None = None
    precision: Precision = "auto"
    recipe: Recipe = field(default_factory=Recipe)

    def clips(self, source: Path) -> list[Clip]:
        """Reads clips with this job's names and root.

        Raises:
            SourceError: there are none.
            LabelsError: the names cannot be read.
        """
        return clips.read(source, root=self.root, labels=self.labels())

    def labels(self) -> tuple[str, ...]:
        """Returns the names of numeric labels, from 0; none where no file was named."""
        return label_files.read(self.names) if self.names else ()


def finetune(job: Job) -> dict[str, Any]:
    """Trains, writes the network and the report, and returns the figures.

    Called again with the same job it goes on where it was interrupted.

    Raises:
        EdgevidError: the data, the weights or the output folder are not usable; one line says
            what.
    """
    if job.init == "none":  # then the first stages know nothing that could be kept
        job = replace(job, recipe=replace(job.recipe, frozen=0))
    tf.config.experimental.enable_op_determinism()
    tf_keras.utils.set_random_seed(job.recipe.seed)
    train, validation, test = _split(job)
    labels = clips.check(train, [*validation, *test], job.labels())
    architecture = Architecture(job.size, job.style, len(labels))  # type: ignore[arg-type]
    cache = job.cache or job.out / "frames"
    trained_on, unreadable = gather(train, cache)
    held, lost = gather(validation, cache)
    shown, lost_too = watch(test, size=architecture.input_size, fps=FPS)
    unreadable += lost + lost_too
    everything: list[tuple[Clip, Frames | Watched]] = [*trained_on, *held, *shown]
    tell(everything, unreadable)
    _refuse_empty(trained_on, labels, unreadable)

    data = examples(trained_on, labels, FPS)
    with training_on("float32" if job.recipe.quantization_aware else job.precision):
        network, lacks_statistics = initialize.load(job.init, architecture)
        trainer = Trainer(network, job.recipe, data, size=architecture.input_size, fps=FPS)
    if lacks_statistics:
        restore_statistics(network, trainer.samples(_STATISTICS_CLIPS))
        trainer.restart_average()
    saved = job.out / "training.npz"
    if saved.exists():
        trainer.restore(saved)
        print(f"going on after epoch {trainer.epoch} of {job.recipe.epochs}")
    seen = [pictures(frames, size=architecture.input_size, fps=FPS) for _, frames in held]
    truth = np.array([labels.index(clip.label) for clip, _ in held], np.intp)
    while trainer.epoch < job.recipe.epochs:
        _epoch(trainer, seen, truth)
        trainer.save(saved)

    trainer.exchange()
    if job.init == "none":
        measure_statistics(network, trainer.samples(_STATISTICS_CLIPS))
    checkpoint.save(job.out / "network.npz", network, labels)
    network, _ = checkpoint.load(job.out / "network.npz")  # what is measured is what was kept
    figures: dict[str, Any] = {
        "settings": _settings(job),
        "labels": labels,
        "history": trainer.history,
        "unreadable": [{"path": str(u.clip.path), "reason": u.reason} for u in unreadable],
        "partial": [
            {"path": str(clip.path), "reason": frames.lacking}
            for clip, frames in everything
            if frames.lacking
        ],
    }
    for name, measured_on in (
        ("validation", list(zip([clip for clip, _ in held], seen, strict=True))),
        ("test", [(clip, watched.pictures) for clip, watched in shown]),
    ):
        if measured_on:
            predict = keras_predictor(network, job.recipe.memory)
            logits = at_the_end(predict, [shown_of_it for _, shown_of_it in measured_on])
            true = np.array([labels.index(clip.label) for clip, _ in measured_on], np.intp)
            figures[name] = metrics.classification(logits, true, labels)
            figures[name]["files"] = _answers([clip for clip, _ in measured_on], logits, labels)
            counts = metrics.confusion(logits, true)
            report.plot_confusion(job.out / f"{name}_confusion.png", counts, labels)
    report.plot_curves(job.out / "curves.png", trainer.history)
    report.write_json(job.out / "metrics.json", figures)
    report.write_training(job.out / "report.md", figures)
    return figures


def _split(job: Job) -> tuple[list[Clip], list[Clip], list[Clip]]:
    found = job.clips(job.data)
    test = job.clips(job.test) if job.test else []
    if job.group:
        found, test = clips.with_groups(found, job.group), clips.with_groups(test, job.group)
    if not job.validation:
        return found, [], test
    train, validation = clips.hold_out(found, job.validation, job.recipe.seed)
    return train, validation, test


def _refuse_empty(
    found: Sequence[tuple[Clip, Frames]], labels: Sequence[str], unreadable: Sequence[Unreadable]
) -> None:
    if not found and unreadable:
        raise SourceError(
            f"none of the {len(unreadable)} clips can be read, for one {unreadable[0].reason}; "
            "--root says where the paths of a list start"
        )
    for label in labels:
        if not any(clip.label == label for clip, _ in found):
            reason = next(u.reason for u in unreadable if u.clip.label == label)
            raise SourceError(f"class {label!r} has no clip that can be read ({reason})")


def _epoch(trainer: Trainer, validation: list[Pictures], truth: np.ndarray[Any, Any]) -> None:
    done: dict[str, float] = {"loss": trainer.run_epoch(), "epoch": trainer.epoch}
    if validation and (trainer.epoch % 5 == 0 or trainer.epoch == trainer.recipe.epochs):
        trainer.exchange()
        predict = keras_predictor(trainer.network, trainer.recipe.memory)
        done["top1"] = float((at_the_end(predict, validation).argmax(1) == truth).mean())
        trainer.exchange()
    trainer.history.append(done)
    print("  ".join(f"{key} {value:.4g}" for key, value in done.items()), flush=True)


def _answers(
    measured_on: Sequence[Clip], logits: np.ndarray[Any, Any], labels: Sequence[str]
) -> list[dict[str, str]]:
    return [
        {"path": str(clip.path), "true": clip.label, "predicted": labels[int(row.argmax())]}
        for clip, row in zip(measured_on, logits, strict=True)
    ]


def _settings(job: Job) -> dict[str, Any]:
    settings = asdict(job)
    recipe = settings.pop("recipe")
    return {key: str(value) for key, value in (settings | recipe).items()}


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit code."""
    options = _parser().parse_args(arguments)
    return guard(lambda: _run(options))


def _run(options: argparse.Namespace) -> int:
    recipe = Recipe()
    chosen = {k: v for k, v in vars(options).items() if v is not None and hasattr(recipe, k)}
    if "memory" in chosen:
        chosen["memory"] *= FPS
    job = Job(
        options.data, options.out, options.init, options.size, options.style, options.test,
        options.root, options.labels, options.group, options.validation, options.cache,
        options.mixed_precision, replace(recipe, **chosen),
    )  # fmt: skip
    figures = finetune(job)
    for name in ("validation", "test"):
        if name in figures:
            print(f"{name}: top-1 {figures[name]['top1']:.3f} on {figures[name]['clips']} clips")
    print(f"network: {options.out / 'network.npz'}   report: {options.out / 'report.md'}")
    return OK


def _parser() -> argparse.ArgumentParser:
    parser = ArgumentParser(prog="python -m export.finetune", description=__doc__)
    add, recipe = parser.add_argument, Recipe()
    add("data", type=Path, help="a folder per class, or a list or CSV of clips")
    add("--out", type=Path, required=True, help="folder for the network and the report")
    add("--init", default="none", help="published .tflite, .npz, Model Garden prefix, or none")
    add("--size", choices=list(INPUT_SIZE), default="a0")
    add("--style", choices=STYLES, default="relu6", help="relu6 suits int8 best")
    add("--test", type=Path, help="clips to measure on once, at the end")
    add("--root", type=Path, help="where the paths in a list start; default: the list's folder")
    add("--labels", type=Path, help="names of numeric labels, one a line, from 0")
    add("--group", default="", help="what must stay on one side, such as '^(S[0-9]+)_'")
    add("--validation", type=float, default=0.2, help="share to hold out; 0 for none")
    add("--cache", type=Path, help="folder for decoded frames; default: OUT/frames")
    add("--mixed-precision", choices=PRECISIONS, default="auto", help="default: %(default)s")
    add("--epochs", type=int, help=f"default: {recipe.epochs}")
    add("--batch", type=int, help=f"clips a step; default: {recipe.batch}")
    add("--learning-rate", type=float, help=f"default: {recipe.learning_rate}")
    add("--frozen", type=int, help=f"stages that keep their weights; default: {recipe.frozen}")
    add(
        "--quantization-aware", action="store_true", default=None,
        help="a few epochs more, with --init OUT/network.npz, where int8 loses too much",
    )  # fmt: skip
    add("--memory", type=float, help=f"seconds; default: {recipe.memory / FPS:g}")
    add("--seed", type=int, help=f"default: {recipe.seed}")
    return parser


if __name__ == "__main__":
    sys.exit(main())
