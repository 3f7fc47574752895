"""Trains a network on camera moves: every frame of a clip has its own target.

So one clip teaches starts, changes and ends.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras
from numpy.typing import NDArray

from export.camera_motion.curriculum import clip_at
from export.camera_motion.moves import LABELS
from export.camera_motion.scenes import Pyramid, gallery
from export.camera_motion.synthetic import SyntheticClip, synthetic_clip
from export.model.checkpoint import named_weights
from export.model.network import Architecture, Network, alphas
from export.training.state import TrainingState

_WARM_UP = 100  # steps
_HELD_OUT = 1_000_000  # seeds from here on are never trained on


@dataclass(frozen=True)
class Recipe:
    """How to train.

    Attributes:
        size: height and width of the input in pixels.
        steps: how many without people who walk past; the learning rate falls to 0,
        people_steps: and as many more with them, from a quarter of the learning rate.
        batch: clips a step.
        frames: of a clip.
        scenes: how many are drawn to choose from.
        learning_rate: at its highest; it rises over the first 100 steps.
        falling: share of the steps, the last ones, over which it falls to 0.
        weight_decay: AdamW's.
        label_smoothing: share of the target spread over all classes.
        dropout: share of the pooled features dropped.
        averaging: decay a step of the weights' running average, which is what is kept.
        curriculum_steps: steps with nothing but curriculum clips, over which the running means go
            over whole clips,
        curriculum_until: the step from which there are none,
        easy_until: and the step from which no clips are easy.
        memory: of the running means, in frames.
        seed: of every random choice.
    """

    size: int = 96
    steps: int = 5000
    people_steps: int = 1200
    batch: int = 8
    frames: int = 12
    scenes: int = 240
    learning_rate: float = 2e-3
    falling: float = 0.35
    weight_decay: float = 0.01
    label_smoothing: float = 0.05
    dropout: float = 0.1
    averaging: float = 0.998
    curriculum_steps: int = 700
    curriculum_until: int = 1700
    easy_until: int = 2300
    memory: float = 3.0
    seed: int = 0

    @property
    def all_steps(self) -> int:
        """Steps of the whole training."""
        return self.steps + self.people_steps

    def rate(self, step: int) -> float:
        """A step's learning rate."""
        if step >= self.steps:
            left = (self.all_steps - step) / self.people_steps
            return self.learning_rate * left / 4
        left = (self.steps - step) / (self.falling * self.steps)
        return self.learning_rate * min(1.0, (step + 1) / _WARM_UP, left)

    def decay(self, step: int) -> float:
        """The running average's decay at a step: the first weights are soon forgotten."""
        return min(self.averaging, (1 + step) / (10 + step))


Batch = tuple[NDArray[np.uint8], NDArray[np.float32], NDArray[np.int32], NDArray[np.float32]]
"""Pictures ``[clips, frames, size, size, 3]``; alphas, labels and weights ``[clips, frames]``."""


def initial_network(seed: int) -> Network:
    """A network with random weights whose blocks all take part from the first step.

    The Model Garden lets every residual branch start at 0, and learns nothing from that for
    hundreds of steps.
    """
    tf_keras.utils.set_random_seed(seed)
    network = Network(Architecture("a0", "relu6", len(LABELS)))
    for name, variable in named_weights(network).items():
        if name.endswith("rezero/scale"):
            variable.assign(tf.ones_like(variable))
    return network


class Trainer:
    """Trains a network in place.

    Attributes:
        network: the network.
        state: of the training, with what was measured; ``exchange``, ``save`` and ``restore``.
    """

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        self.network = initial_network(recipe.seed)
        self.state = TrainingState(
            self.network, recipe, self._loss, rate=recipe.rate, averaging=recipe.decay
        )
        self._scenes: list[Pyramid] = []  # drawn when they are needed: that takes a minute

    def run(self, steps: int) -> float:
        """Trains so many steps, or as many as are left; returns their mean loss."""
        self._scenes = self._scenes or gallery(self.recipe.scenes, self.recipe.seed)
        steps = min(steps, self.recipe.all_steps - self.state.step)
        last = self.state.step + steps
        return self.state.train(self._batch, steps, f"steps to {last} of {self.recipe.all_steps}")

    def _loss(self, image: Any, alpha: Any, label: Any, weight: Any, seed: Any) -> Any:
        recipe, network = self.recipe, self.network
        inputs = {"image": tf.cast(image, tf.float32) / 255, "alpha": alpha}
        features, _ = network.pooled(inputs, training=True)
        features = tf.reshape(features, [-1, features.shape[-1]])
        features = tf.nn.experimental.stateless_dropout(features, recipe.dropout, seed)
        target = tf.one_hot(tf.reshape(label, [-1]), len(LABELS)) * (1 - recipe.label_smoothing)
        target += recipe.label_smoothing / len(LABELS)
        losses = tf.nn.softmax_cross_entropy_with_logits(target, network.classify(features))
        weight = tf.reshape(weight, [-1])
        return tf.reduce_sum(losses * weight) / tf.reduce_sum(weight)

    def _batch(self, step: int) -> Batch:
        recipe = self.recipe
        clips = [
            clip_at(
                step, self._scenes, recipe.frames, recipe.size,
                np.random.default_rng([recipe.seed, number]),
                curriculum=(recipe.curriculum_steps, recipe.curriculum_until),
                easy_until=recipe.easy_until, people=step >= recipe.steps,
            )
            for number in range(step * recipe.batch, (step + 1) * recipe.batch)
        ]  # fmt: skip
        memory = recipe.frames if step < recipe.curriculum_steps else recipe.memory
        return (
            np.stack([clip.pictures for clip in clips]),
            np.tile(alphas(recipe.frames, memory), (recipe.batch, 1)),
            np.stack([clip.labels for clip in clips]),
            np.stack([clip.weights for clip in clips]),
        )


def held_out(recipe: Recipe, count: int, *, part: int = 0) -> list[SyntheticClip]:
    """Clips of scenes and moves that no training sees; of each part others."""
    first = _HELD_OUT * (part + 1)
    scenes = gallery(max(8, count // 8), recipe.seed + first)
    rngs = [np.random.default_rng([recipe.seed, first + n]) for n in range(count)]
    return [synthetic_clip(scenes, recipe.frames, recipe.size, rng, people=True) for rng in rngs]


def measure(network: Network, clips: Sequence[SyntheticClip], memory: float) -> NDArray[np.intp]:
    """Counts frames, ``[true label, predicted label]``; those without weight are left out."""
    counts = np.zeros((len(LABELS), len(LABELS)), np.intp)

    @tf.function
    def run(image: Any, alpha: Any) -> Any:
        return network({"image": tf.cast(image, tf.float32) / 255, "alpha": alpha}, training=False)

    for start in range(0, len(clips), 8):
        some = clips[start : start + 8]
        alpha = np.tile(alphas(len(some[0].pictures), memory), (len(some), 1))
        logits = run(tf.constant(np.stack([clip.pictures for clip in some])), alpha)["logits"]
        for clip, said in zip(some, logits.numpy().argmax(-1), strict=True):
            asked = clip.weights > 0
            np.add.at(counts, (clip.labels[asked], said[asked]), 1)
    return counts
