"""Labelled clips become a float network for their classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import tensorflow as tf
import tf_keras

from edgevid.errors import UsageError
from edgevid.modelfile import label_files
from edgevid.regions import FOLLOWS
from export import metrics, report
from export.data import dataset
from export.data.dataset import Dataset, EvaluationSet
from export.data.frames import check_fps
from export.model import checkpoint, initialize
from export.model.batch_norm import measure_statistics, restore_statistics
from export.model.network import FPS, INPUT_SIZE, STYLES, Architecture, Network
from export.model.predict import Logits, at_the_end, keras_predictor
from export.training.hardware import MixedPrecision, training_on
from export.training.trainer import Recipe, Trainer, examples

_STATISTICS_CLIPS = 48
_VALIDATE_EVERY = 5  # epochs


@dataclass(frozen=True, kw_only=True)
class Job:
    """One training.

    Attributes:
        data: clips to train on, as ``clips.read`` takes them.
        out: folder for all that comes out.
        init: where the weights come from, as ``initialize.load`` takes it.
        size: ``a0``, ``a1`` or ``a2``.
        style: ``relu6`` or ``hard_swish``.
        test: clips to measure on once, at the very end.
        root: where the paths in a list start.
        names: file with the names of numeric labels, one a line.
        group: regular expression for what must not be on both sides of a split.
        validation: share of the training clips, or of their groups, held out; 0 for none.
        cache: folder for decoded frames, and for what frozen stages make of them; ``frames`` in
            ``out`` when None.
        mixed_precision: of what flows between the layers in training, as ``training_on`` takes it.
        follow: as ``edgevid.follow`` takes it, to train on what a stream sees that follows that;
            empty for the whole picture.
        fps: frames a second that the network is to see: more tell quick movements apart, and take
            as many more steps.
        recipe: how to train.

    Raises:
        UsageError: an unknown size or style, something that cannot be followed, or frames that
            are too many or none.
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
    mixed_precision: MixedPrecision = "auto"
    follow: str = ""
    fps: float = FPS
    recipe: Recipe = field(default_factory=Recipe)

    def __post_init__(self) -> None:
        for name, value, known in (("size", self.size, INPUT_SIZE), ("style", self.style, STYLES)):
            if value not in known:
                raise UsageError(f"{name} must be one of {', '.join(known)}, not {value!r}")
        if self.follow and self.follow not in FOLLOWS:
            raise UsageError(f"follow must be {' or '.join(FOLLOWS)}, not {self.follow!r}")
        check_fps(self.fps)

    @property
    def decoded(self) -> Path:
        """The folder for decoded frames, and for what frozen stages make of them."""
        return self.cache or self.out / "frames"

    def load(self) -> Dataset:
        """Reads and decodes the clips, each once.

        Raises:
            SourceError: there are none, or none of a class that can be read.
            UsageError: they cannot be split like that.
            LabelsError: the names cannot be read.
        """
        return dataset.load(
            self.data,
            cache=self.decoded,
            size=INPUT_SIZE[self.size],
            fps=self.fps,
            test=self.test,
            root=self.root,
            names=label_files.read(self.names) if self.names else (),
            group=self.group,
            validation=self.validation,
            seed=self.recipe.seed,
            follow=self.follow,
        )


@dataclass(frozen=True)
class Trained:
    """What a training brought.

    Attributes:
        network: in float32, with the weights that were kept.
        labels: of its classes.
        figures: settings, history and what was measured, as in ``metrics.json``.
    """

    network: Network
    labels: tuple[str, ...]
    figures: dict[str, Any]


def finetune(job: Job, data: Dataset) -> Trained:
    """Trains; writes the network and the report.

    Called again with the same job it goes on where it was interrupted.

    Args:
        job: what to do.
        data: what ``job.load`` gave.

    Raises:
        EdgevidError: the weights or the output folder are not usable; one line says what.
    """
    if job.init == "none":  # then the first stages know nothing that could be kept
        job = replace(job, recipe=replace(job.recipe, frozen=0))
    tf.config.experimental.enable_op_determinism()
    tf_keras.utils.set_random_seed(job.recipe.seed)
    trainer = _trainer(job, data)
    network, state = trainer.network, trainer.state
    saved = job.out / "training.npz"
    if saved.exists():
        state.restore(saved)
        print(f"going on after epoch {trainer.epoch} of {job.recipe.epochs}")
    while trainer.epoch < job.recipe.epochs:
        _epoch(trainer, data.validation)
        state.save(saved)
    state.exchange()
    if job.init == "none":
        measure_statistics(network, trainer.samples(_STATISTICS_CLIPS))
    checkpoint.save(job.out / "network.npz", network, data.labels)
    network, labels = checkpoint.load(job.out / "network.npz")  # what is measured is what was kept
    figures: dict[str, Any] = {
        "settings": _settings(job),
        "labels": labels,
        "history": state.history,
        "unreadable": [{"path": str(x.clip.path), "reason": x.reason} for x in data.unreadable],
        "partial": [{"path": str(x.clip.path), "reason": x.reason} for x in data.partial],
    }
    for evaluation in (data.validation, data.test):
        if len(evaluation):
            logits = _logits(network, evaluation, trainer.memory)
            figures[evaluation.name] = {
                **metrics.classification(logits, evaluation.truth, labels),
                "files": _answers(evaluation, logits, labels),
            }
            counts = metrics.confusion(logits, evaluation.truth)
            report.plot_confusion(job.out / f"{evaluation.name}_confusion.png", counts, labels)
    if data.validation.name in figures:
        state.history[-1]["top1"] = figures[data.validation.name]["top1"]
    report.plot_curves(job.out / "curves.png", state.history)
    report.write_training(job.out, figures)
    return Trained(network, labels, figures)


def _trainer(job: Job, data: Dataset) -> Trainer:
    architecture = Architecture(job.size, job.style, len(data.labels))  # type: ignore[arg-type]
    clips = examples(data.train, data.labels, data.fps)
    with training_on("float32" if job.recipe.quantization_aware else job.mixed_precision):
        network, lacks_statistics = initialize.load(job.init, architecture)
        trainer = Trainer(
            network, job.recipe, clips, size=data.size, fps=data.fps, cache=job.decoded
        )
    if lacks_statistics:
        restore_statistics(network, trainer.samples(_STATISTICS_CLIPS))
        trainer.state.restart_average()
    return trainer


def _epoch(trainer: Trainer, validation: EvaluationSet) -> None:
    loss = trainer.run_epoch()
    done: dict[str, float] = {"loss": loss, "epoch": trainer.epoch}
    last = trainer.epoch == trainer.recipe.epochs  # what is kept is measured after it
    if len(validation) and trainer.epoch % _VALIDATE_EVERY == 0 and not last:
        trainer.state.exchange()
        logits = _logits(trainer.network, validation, trainer.memory)
        done["top1"] = float((logits.argmax(1) == validation.truth).mean())
        trainer.state.exchange()
    trainer.state.history.append(done)
    print("  ".join(f"{key} {value:.4g}" for key, value in done.items()), flush=True)


def _logits(network: Network, evaluation: EvaluationSet, memory: float) -> Logits:
    """After each clip's last frame, ``[clips, classes]``."""
    return at_the_end(keras_predictor(network, memory), evaluation.pictures)


def _answers(
    evaluation: EvaluationSet, logits: Logits, labels: Sequence[str]
) -> list[dict[str, str]]:
    return [
        {"path": str(clip.path), "true": clip.label, "predicted": labels[int(row.argmax())]}
        for clip, row in zip(evaluation.clips, logits, strict=True)
    ]


def _settings(job: Job) -> dict[str, Any]:
    settings = asdict(job)
    recipe = settings.pop("recipe")
    return {key: str(value) for key, value in (settings | recipe).items()}
