"""The training loop: one epoch after the other, and exactly the same after a kill.

Every random choice follows from the seed, the epoch and the step, and the state of the optimizer
is part of the checkpoint: a run that was interrupted ends like one that was not.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras
from numpy.typing import NDArray
from tqdm import tqdm

from edgevid.errors import ModelError, UsageError
from edgevid.support.atomic_file import atomic_file
from export.data.augment import Augmentation, Box, mix, moving_part, vary
from export.data.clips import Clip
from export.data.frames import Frames
from export.data.prefetch import prefetched
from export.model.checkpoint import named_weights
from export.model.network import Network, alphas
from export.training.quantization_aware import quantized

_AHEAD = 2  # batches prepared while one is trained on
_PAD_TO = 4  # frames: fewer lengths of batches, fewer graphs to trace


@dataclass(frozen=True)
class Recipe:
    """How to train.

    Attributes:
        epochs: passes over the training clips.
        batch: clips a step.
        learning_rate: at its highest; it rises over the first twentieth and falls as a cosine.
        weight_decay: AdamW's.
        frozen: so many of the network's first stages keep their weights (A0 has 16).
        batch_norm: whether batch norm above the frozen stages uses each batch's own statistics;
            otherwise it is a fixed scale and shift that are trained.
        quantization_aware: whether the network is rounded to int8 while it learns; batch norm is
            fixed then.
        label_smoothing: share of the target spread over all classes, 0 to 1.
        mixed: share of the clips through which another of the batch is seen, 0 to 1.
        dropout: share of the pooled features dropped, 0 to 1.
        averaging: decay a step of the weights' running average, which is what is kept.
        memory: of the running means, in frames; ``inf`` averages over the clip.
        augmentation: how clips are varied.
        seed: of every random choice.
    """

    epochs: int = 45
    batch: int = 8
    learning_rate: float = 7e-4
    weight_decay: float = 0.01
    frozen: int = 5
    batch_norm: bool = True
    quantization_aware: bool = False
    label_smoothing: float = 0.1
    mixed: float = 0.5
    dropout: float = 0.2
    averaging: float = 0.97
    memory: float = 15.0  # three seconds: clips seldom last longer, streams do
    augmentation: Augmentation = field(default_factory=Augmentation)
    seed: int = 0

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.batch < 1 or self.frozen < 0:
            raise UsageError("epochs and batch must be 1 or more, frozen 0 or more")
        if not self.memory >= 1:
            raise UsageError(f"memory must be one frame or more, not {self.memory}")
        for name in ("label_smoothing", "mixed", "dropout", "averaging"):
            if not 0 <= getattr(self, name) < 1:
                raise UsageError(f"{name} must be 0 or more and below 1")


@dataclass(frozen=True)
class Example:
    """One training clip, with what varying it needs."""

    frames: Frames
    label: int
    box: Box
    length: int  # frames at the network's rate: clips of like length share a batch


Batch = tuple[NDArray[np.uint8], NDArray[np.float32], NDArray[np.float32]]
"""Pictures ``[clips, frames, size, size, 3]``, alphas ``[clips, frames]``, targets
``[clips, classes]``."""


def examples(
    clips: Sequence[tuple[Clip, Frames]], labels: Sequence[str], fps: float
) -> list[Example]:
    """Prepares decoded clips for training."""
    progress = tqdm(clips, desc="finding what moves", unit="clip", leave=False)
    return [
        Example(frames, labels.index(clip.label), moving_part(frames, fps), len(frames.paced(fps)))
        for clip, frames in progress
    ]


class Trainer:
    """Trains a network in place, on all devices of the strategy in whose scope both are made.

    Attributes:
        network: with the weights of the last step, which ``averaged`` exchanges for the average.
        epoch: how many epochs are done.
        history: what was measured after each epoch.
    """

    def __init__(
        self, network: Network, recipe: Recipe, data: Sequence[Example], *, size: int, fps: float
    ) -> None:
        """Prepares; ``size`` is the input's in pixels, ``fps`` the network's frame rate.

        Raises:
            UsageError: fewer clips than one batch, or a batch that the devices cannot share.
        """
        if len(data) < recipe.batch:
            raise UsageError(
                f"{len(data)} training clips are fewer than a batch of {recipe.batch}: "
                "add clips or train with a smaller batch"
            )
        self._strategy = tf.distribute.get_strategy()
        if recipe.batch % self._strategy.num_replicas_in_sync:
            raise UsageError(
                f"a batch of {recipe.batch} cannot be shared equally by "
                f"{self._strategy.num_replicas_in_sync} devices"
            )
        self.network = network
        self.recipe = recipe
        self.epoch = 0
        self.history: list[dict[str, float]] = []
        self._data, self._size, self._fps = data, size, fps
        above = [*network.stages[recipe.frozen :], network.head, network.classifier_head]
        self._variables = [v for layer in above for v in layer.trainable_variables]
        self._tracked = [v for layer in above for v in layer.variables]
        self._average = [tf.Variable(v, trainable=False) for v in self._tracked]
        steps = recipe.epochs * self.steps
        self._optimizer = tf_keras.optimizers.AdamW(
            tf_keras.optimizers.schedules.CosineDecay(
                0.0, steps, warmup_target=recipe.learning_rate, warmup_steps=max(1, steps // 20)
            ),
            weight_decay=recipe.weight_decay,
            clipnorm=1.0,
        )
        if network.compute_dtype == "float16":  # whose small gradients would be 0
            self._optimizer = tf_keras.mixed_precision.LossScaleOptimizer(self._optimizer)
        self._optimizer.build(self._variables)
        self._step = tf.function(self._train_step, reduce_retracing=False)

    @property
    def steps(self) -> int:
        """Steps an epoch."""
        return len(self._data) // self.recipe.batch

    def samples(self, count: int) -> Iterator[dict[str, Any]]:
        """Inputs of the network made from about ``count`` training clips."""
        for number, members in enumerate(self._order(0)[: -(-count // self.recipe.batch)]):
            image, alpha, _ = self._batch(0, number, members)
            yield {"image": tf.cast(image, tf.float32) / 255, "alpha": tf.constant(alpha)}

    def restart_average(self) -> None:
        """Lets the running average start from the network's weights as they are now."""
        for average, variable in zip(self._average, self._tracked, strict=True):
            average.assign(variable)

    def run_epoch(self) -> float:
        """Trains one epoch; returns its mean loss."""
        losses = []
        batches = prefetched(
            lambda step: self._batch(self.epoch, *step), enumerate(self._order(self.epoch)), _AHEAD
        )
        title = f"epoch {self.epoch + 1}/{self.recipe.epochs}"
        progress = tqdm(batches, total=self.steps, desc=title, unit="step", leave=False)
        for number, batch in enumerate(progress):
            seed = tf.constant([self.recipe.seed, self.epoch * self.steps + number])
            loss = self._step(*(self._shared(part) for part in batch), seed)
            losses.append(float(loss))
            progress.set_postfix(loss=f"{np.mean(losses):.3f}")
        for variable in self._tracked:  # batch norm's moving means differ from device to device
            variable.assign(tf.identity(variable))
        self.epoch += 1
        return float(np.mean(losses))

    def _shared(self, values: NDArray[Any]) -> Any:
        """Part of a batch, dealt out to the devices."""
        devices = self._strategy.num_replicas_in_sync
        return self._strategy.experimental_distribute_values_from_function(
            lambda device: tf.constant(values[device.replica_id_in_sync_group :: devices])
        )

    def _train_step(self, image: Any, alpha: Any, target: Any, seed: Any) -> Any:
        losses = self._strategy.run(self._device_step, (image, alpha, target, seed))
        keep = self.recipe.averaging
        for average, variable in zip(self._average, self._tracked, strict=True):
            average.assign(keep * average + (1 - keep) * variable)
        return self._strategy.reduce("sum", losses, axis=None)

    def _device_step(self, image: Any, alpha: Any, target: Any, seed: Any) -> Any:
        """One device's part of a step; returns its part of the loss."""
        recipe, network, optimizer = self.recipe, self.network, self._optimizer
        classes = network.architecture.classes
        scaled = isinstance(optimizer, tf_keras.mixed_precision.LossScaleOptimizer)
        rounding = quantized(network) if recipe.quantization_aware else nullcontext()
        with tf.GradientTape(watch_accessed_variables=False) as tape, rounding:
            tape.watch(self._variables)
            mean, _ = network.pooled(
                {"image": tf.cast(image, tf.float32) / 255, "alpha": alpha},
                training=recipe.batch_norm and not recipe.quantization_aware,
                frozen=recipe.frozen,
            )
            features = mean[:, -1]
            if recipe.dropout:
                device = tf.distribute.get_replica_context().replica_id_in_sync_group
                seed = seed * [1, self._strategy.num_replicas_in_sync] + [0, device]
                features = tf.nn.experimental.stateless_dropout(features, recipe.dropout, seed)
            target = target * (1 - recipe.label_smoothing) + recipe.label_smoothing / classes
            losses = tf.nn.softmax_cross_entropy_with_logits(target, network.classify(features))
            loss = tf.reduce_sum(losses) / recipe.batch
            watched = optimizer.get_scaled_loss(loss) if scaled else loss
        gradients = tape.gradient(watched, self._variables)
        if scaled:
            gradients = optimizer.get_unscaled_gradients(gradients)
        optimizer.apply_gradients(zip(gradients, self._variables, strict=True))
        return loss

    def exchange(self) -> None:
        """Exchanges the network's weights with their running average; twice changes nothing."""
        for average, variable in zip(self._average, self._tracked, strict=True):
            kept = tf.identity(variable)
            variable.assign(average)
            average.assign(kept)

    def _order(self, epoch: int) -> list[list[int]]:
        """Which clips each step sees: like lengths together, or padding costs a third more."""
        random = np.random.default_rng([self.recipe.seed, epoch])
        longest = self.recipe.augmentation.frames
        lengths = np.array([min(longest, example.length) for example in self._data])
        chosen = random.permutation(len(self._data))[: self.steps * self.recipe.batch]
        order = chosen[np.argsort(lengths[chosen] + random.uniform(-2, 2, len(chosen)))]
        batches = order.reshape(self.steps, self.recipe.batch).tolist()
        return [batches[i] for i in random.permutation(self.steps)]

    def _batch(self, epoch: int, number: int, members: Sequence[int]) -> Batch:
        random = np.random.default_rng([self.recipe.seed, epoch, number])
        clips = []
        for member in members:
            other = self._data[int(random.integers(len(self._data)))].frames.picture(0)
            example = self._data[member]
            clips.append(
                vary(
                    example.frames, example.box, other, size=self._size, fps=self._fps,
                    augmentation=self.recipe.augmentation, random=random,
                )
            )  # fmt: skip
        classes = np.eye(self.network.architecture.classes, dtype=np.float32)
        target = classes[[self._data[member].label for member in members]]
        clips, target = mix(clips, target, share=self.recipe.mixed, random=random)
        frames = -(-max(map(len, clips)) // _PAD_TO) * _PAD_TO
        image = np.zeros((len(clips), frames, self._size, self._size, 3), np.uint8)
        alpha = np.zeros((len(clips), frames), np.float32)  # 0: padding changes no mean
        for place, clip in enumerate(clips):
            image[place, : len(clip)] = clip
            alpha[place, : len(clip)] = alphas(len(clip), self.recipe.memory)
        return image, alpha, target

    def save(self, path: Path) -> None:
        """Writes all that is needed to go on.

        Raises:
            OutputError: it cannot be written.
        """
        arrays = {f"weight/{name}": v.numpy() for name, v in named_weights(self.network).items()}
        for kind, variables in self._lists().items():
            arrays |= {f"{kind}/{i}": v.numpy() for i, v in enumerate(variables)}
        state = {"epoch": self.epoch, "history": self.history, "recipe": _plain(self.recipe)}
        with atomic_file(path, make_folder=True) as file:
            np.savez(file, state=np.array(json.dumps(state)), **arrays)

    def restore(self, path: Path) -> None:
        """Goes on from where ``save`` was called.

        Raises:
            ModelError: the file is damaged, or of another recipe or network.
        """
        try:
            with np.load(path, allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files}
            state = json.loads(str(arrays.pop("state")))
            if state["recipe"] != _plain(self.recipe):
                raise ModelError(f"{path} was trained by another recipe: choose another folder")
            for name, variable in named_weights(self.network).items():
                variable.assign(arrays[f"weight/{name}"])
            for kind, variables in self._lists().items():
                for i, variable in enumerate(variables):
                    variable.assign(arrays[f"{kind}/{i}"])
            self.epoch, self.history = state["epoch"], state["history"]
        except ModelError:
            raise
        except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
            raise ModelError(
                f"{path} does not fit this training, or is damaged: {error}"
            ) from error

    def _lists(self) -> dict[str, Sequence[Any]]:
        kept = {"average": self._average, "optimizer": self._optimizer.variables}
        if isinstance(self._optimizer, tf_keras.mixed_precision.LossScaleOptimizer):
            scale = self._optimizer._loss_scale  # the only way to write it
            kept["scale"] = [scale.current_loss_scale, scale.counter]
        return kept


def _plain(recipe: Recipe) -> Any:
    return json.loads(json.dumps(asdict(recipe)))
