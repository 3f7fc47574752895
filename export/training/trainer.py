"""Training on a user's clips: variations of them, and one target a clip, at its end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras
from numpy.typing import NDArray

from edgevid.errors import UsageError
from export.data.augment import Augmentation, Box, mix, moving_part, vary
from export.data.clips import Clip
from export.data.frames import Frames, Pictures
from export.model.network import Network, alphas, in_frames
from export.training.frozen import FrozenFeatures
from export.training.quantization_aware import quantized
from export.training.state import TrainingState

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
        variations: so many of each clip are made beforehand, and what the frozen stages make of
            them is kept (see ``frozen``); 0 makes new ones in every epoch.
        layer_decay: each stage learns at this share of the rate of the one after it; the new
            classifier at the whole rate.
        balanced: whether every class is shown equally often, however many clips it has.
        batch_norm: whether batch norm above the frozen stages uses each batch's own statistics;
            otherwise it is a fixed scale and shift that are trained.
        quantization_aware: whether the network is rounded to int8 while it learns; batch norm is
            fixed then.
        label_smoothing: share of the target spread over all classes, 0 to 1.
        mixed: share of the clips through which another of the batch is seen, 0 to 1.
        dropout: share of the pooled features dropped, 0 to 1.
        averaging: decay a step of the weights' running average, which is what is kept.
        memory: of the running means, in seconds; ``inf`` averages over the clip.
        augmentation: how clips are varied.
        seed: of every random choice.
    """

    epochs: int = 45
    batch: int = 8
    learning_rate: float = 7e-4
    weight_decay: float = 0.01
    frozen: int = 5
    variations: int = 0
    layer_decay: float = 1.0
    balanced: bool = False
    batch_norm: bool = True
    quantization_aware: bool = False
    label_smoothing: float = 0.1
    mixed: float = 0.5
    dropout: float = 0.2
    averaging: float = 0.97
    memory: float = 3.0  # clips seldom last longer, streams do
    augmentation: Augmentation = field(default_factory=Augmentation)
    seed: int = 0

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.batch < 1 or self.frozen < 0:
            raise UsageError("epochs and batch must be 1 or more, frozen 0 or more")
        if self.variations < 0 or (self.variations and self.quantization_aware):
            raise UsageError("variations must be 0 or more, and 0 with quantization_aware")
        if not 0 < self.layer_decay <= 1:
            raise UsageError(f"layer_decay must be above 0 and at most 1, not {self.layer_decay}")
        if not self.memory > 0:
            raise UsageError(f"memory must be more than 0 seconds, not {self.memory}")
        for name in ("label_smoothing", "mixed", "dropout", "averaging"):
            if not 0 <= getattr(self, name) < 1:
                raise UsageError(f"{name} must be 0 or more and below 1")


@dataclass(frozen=True)
class Example:
    """One training clip, with what varying it needs."""

    frames: Frames
    label: int
    fps: float  # of the network

    @cached_property
    def box(self) -> Box:
        """What to keep in view; looked for when it is first asked for."""
        return moving_part(self.frames, self.fps)

    @cached_property
    def length(self) -> int:
        """In frames at the network's rate: clips of like length share a batch."""
        return len(self.frames.paced(self.fps))


Batch = tuple[NDArray[Any], NDArray[np.float32], NDArray[np.float32]]
"""Pictures ``[clips, frames, size, size, 3]``, uint8, or what the frozen stages make of them,
float16; alphas ``[clips, frames]``, targets ``[clips, classes]``."""


def examples(
    decoded: Sequence[tuple[Clip, Frames]], labels: Sequence[str], fps: float
) -> list[Example]:
    """Prepares decoded clips for training."""
    return [Example(frames, labels.index(clip.label), fps) for clip, frames in decoded]


class Trainer:
    """Trains a network in place, on all devices of the strategy in whose scope both are made.

    Attributes:
        network: the network.
        memory: of its running means, in frames.
        state: of the training, with what was measured; ``exchange``, ``save`` and ``restore``.
    """

    def __init__(
        self,
        network: Network,
        recipe: Recipe,
        data: Sequence[Example],
        *,
        size: int,
        fps: float,
        cache: Path | None = None,
    ) -> None:
        """Prepares.

        Args:
            network: to be trained.
            recipe: how.
            data: the clips.
            size: of the input in pixels.
            fps: of the network.
            cache: folder for what the frozen stages make of variations.

        Raises:
            UsageError: fewer clips than one batch, or a batch that the devices cannot share.
        """
        if len(data) < recipe.batch:
            raise UsageError(
                f"{len(data)} training clips are fewer than a batch of {recipe.batch}: "
                "add clips or train with a smaller batch"
            )
        devices = tf.distribute.get_strategy().num_replicas_in_sync
        if recipe.batch % devices:
            raise UsageError(
                f"a batch of {recipe.batch} cannot be shared equally by {devices} devices"
            )
        self.network = network
        self.recipe = recipe
        self.memory = in_frames(recipe.memory, fps)
        self._data, self._size, self._fps = data, size, fps
        self._labels = np.array([example.label for example in data], np.intp)
        self._features: FrozenFeatures | None = None
        if recipe.variations and recipe.frozen:
            assert cache is not None
            self._features = FrozenFeatures(
                network, recipe.frozen, data, cache,
                variations=recipe.variations, size=size, fps=fps,
                augmentation=recipe.augmentation, seed=recipe.seed,
            )  # fmt: skip
        steps = recipe.epochs * self.steps
        rate = tf_keras.optimizers.schedules.CosineDecay(
            0.0, steps, warmup_target=recipe.learning_rate, warmup_steps=max(1, steps // 20)
        )
        self.state = TrainingState(
            network, recipe, self._loss, frozen=recipe.frozen, layer_decay=recipe.layer_decay,
            rate=lambda step: float(rate(step)), averaging=lambda _: recipe.averaging,
        )  # fmt: skip

    @property
    def steps(self) -> int:
        """Steps an epoch."""
        return len(self._data) // self.recipe.batch

    @property
    def epoch(self) -> int:
        """How many epochs are done."""
        return self.state.step // self.steps

    def samples(self, count: int) -> Iterator[dict[str, Any]]:
        """Inputs of the network made from about ``count`` training clips."""
        for number, members in enumerate(self._order(0)[: -(-count // self.recipe.batch)]):
            image, alpha, _ = self._batch(0, number, members, pictures=True)
            yield {"image": tf.cast(image, tf.float32) / 255, "alpha": tf.constant(alpha)}

    def run_epoch(self) -> float:
        """Trains one epoch; returns its mean loss."""
        epoch, begin = self.epoch, self.state.step
        order = self._order(epoch)
        return self.state.train(
            lambda step: self._batch(epoch, step - begin, order[step - begin]), self.steps,
            f"epoch {epoch + 1}/{self.recipe.epochs}",
        )  # fmt: skip

    def _loss(self, image: Any, alpha: Any, target: Any, seed: Any) -> Any:
        """One device's part of the loss of a batch."""
        recipe, network = self.recipe, self.network
        with quantized(network) if recipe.quantization_aware else nullcontext():
            if self._features is None:
                image = tf.cast(image, tf.float32) / 255
            mean, _ = network.pooled(
                {"image": tf.cast(image, tf.float32), "alpha": alpha},
                training=recipe.batch_norm and not recipe.quantization_aware,
                frozen=recipe.frozen,
                start=0 if self._features is None else recipe.frozen,
            )
            features = mean[:, -1]
            if recipe.dropout:
                replica = tf.distribute.get_replica_context()
                seed = seed * [1, replica.num_replicas_in_sync]
                seed += [0, replica.replica_id_in_sync_group]
                features = tf.nn.experimental.stateless_dropout(features, recipe.dropout, seed)
            logits = network.classify(features)
        smoothing = recipe.label_smoothing
        target = target * (1 - smoothing) + smoothing / network.architecture.classes
        losses = tf.nn.softmax_cross_entropy_with_logits(target, logits)
        return tf.reduce_sum(losses) / recipe.batch

    def _order(self, epoch: int) -> list[list[int]]:
        """Which clips each step sees: like lengths together, or padding costs a third more."""
        rng = np.random.default_rng([self.recipe.seed, epoch])
        longest = self.recipe.augmentation.most(self._fps)
        lengths = np.array([min(longest, example.length) for example in self._data])
        chosen = self._drawn(rng)[: self.steps * self.recipe.batch]
        order = chosen[np.argsort(lengths[chosen] + rng.uniform(-2, 2, len(chosen)))]
        batches = order.reshape(self.steps, self.recipe.batch).tolist()
        return [batches[i] for i in rng.permutation(self.steps)]

    def _drawn(self, rng: np.random.Generator) -> NDArray[np.intp]:
        """As many clips as there are: each once, or of every class equally many."""
        count = len(self._data)
        if not self.recipe.balanced:
            return rng.permutation(count)
        # Each class goes through its clips in turn; the classes are dealt out one by one.
        classes = [np.flatnonzero(self._labels == label) for label in np.unique(self._labels)]
        rounds = -(-count // len(classes))
        turns = [
            np.concatenate([rng.permutation(of) for _ in range(-(-rounds // len(of)))])[:rounds]
            for of in (classes[i] for i in rng.permutation(len(classes)))
        ]
        return np.stack(turns, 1).reshape(-1)[:count]

    def _batch(
        self, epoch: int, number: int, members: Sequence[int], *, pictures: bool = False
    ) -> Batch:
        rng = np.random.default_rng([self.recipe.seed, epoch, number])
        varied: list[NDArray[Any]] = []
        for member in members:
            other = int(rng.integers(len(self._data)))
            if self._features is None or pictures:
                varied.append(self._varied(member, other, rng))
            else:
                varied.append(self._features.shown(member, other, rng))
        classes = np.eye(self.network.architecture.classes, dtype=np.float32)
        target = classes[[self._data[member].label for member in members]]
        varied, target = mix(varied, target, share=self.recipe.mixed, rng=rng)
        frames = -(-max(map(len, varied)) // _PAD_TO) * _PAD_TO
        image = np.zeros((len(varied), frames, *varied[0].shape[1:]), varied[0].dtype)
        alpha = np.zeros((len(varied), frames), np.float32)  # 0: padding changes no mean
        for place, clip in enumerate(varied):
            image[place, : len(clip)] = clip
            alpha[place, : len(clip)] = alphas(len(clip), self.memory)
        return image, alpha, target

    def _varied(self, member: int, other: int, rng: np.random.Generator) -> Pictures:
        example = self._data[member]
        return vary(
            example.frames, example.box, self._data[other].frames.picture(0), size=self._size,
            fps=self._fps, augmentation=self.recipe.augmentation, rng=rng,
        )  # fmt: skip
