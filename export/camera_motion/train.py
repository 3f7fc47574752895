"""Trains a network on camera moves, frame by frame, in a way that survives a kill.

Every frame of a clip has its own target, so one clip teaches starts, changes and ends. Every random
choice follows from the seed and the step, and the checkpoint holds the optimizer: a run that was
interrupted ends like one that was not.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras
from numpy.typing import NDArray
from tqdm import tqdm

from edgevid.errors import ModelError
from edgevid.support.atomic_file import atomic_file
from export.camera_motion.clips import Example, example, lesson
from export.camera_motion.moves import LABELS
from export.camera_motion.scenes import gallery
from export.data.prefetch import prefetched
from export.model.checkpoint import named_weights
from export.model.network import Architecture, Network, alphas

_AHEAD = 3  # batches prepared while one is trained on
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
        lessons: steps with nothing but lessons, over which the running means go over whole clips,
        lessons_until: the step from which there are none,
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
    lessons: int = 700
    lessons_until: int = 1700
    easy_until: int = 2300
    memory: float = 3.0
    seed: int = 0

    @property
    def all_steps(self) -> int:
        """Steps of the whole training."""
        return self.steps + self.people_steps


Batch = tuple[NDArray[np.uint8], NDArray[np.int32], NDArray[np.float32]]


def untrained(seed: int) -> Network:
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
        network: with the weights of the last step; ``exchange`` brings their average.
        step: how many steps are done.
        history: what was measured, oldest first.
    """

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        self.network = untrained(recipe.seed)
        self.step = 0
        self.history: list[dict[str, float]] = []
        self.scenes = gallery(recipe.scenes, recipe.seed)
        self._variables = self.network.trainable_variables
        self._average = [tf.Variable(v, trainable=False) for v in self.network.weights]
        self._optimizer = tf_keras.optimizers.AdamW(
            recipe.learning_rate, weight_decay=recipe.weight_decay, clipnorm=1.0
        )
        self._optimizer.build(self._variables)
        self._train_step = tf.function(self._one_step)

    def run(self, steps: int) -> float:
        """Trains so many steps, or as many as are left; returns their mean loss."""
        losses = []
        last = min(self.step + steps, self.recipe.all_steps)
        batches = prefetched(self._batch, range(self.step, last), _AHEAD)
        title = f"steps to {last} of {self.recipe.all_steps}"
        progress = tqdm(batches, title, last - self.step, unit="step", leave=False, mininterval=2)
        for images, labels, weights in progress:
            seed = tf.constant([self.recipe.seed, self.step])
            early = self.step < self.recipe.lessons
            memory = self.recipe.frames if early else self.recipe.memory
            alpha = np.tile(alphas(self.recipe.frames, memory), (self.recipe.batch, 1))
            share = min(self.recipe.averaging, (1 + self.step) / (10 + self.step))
            self._optimizer.learning_rate.assign(self._rate())
            loss = self._train_step(
                tf.constant(images), tf.constant(alpha), tf.constant(labels),
                tf.constant(weights), seed, tf.constant(share, tf.float32),
            )  # fmt: skip
            losses.append(float(loss))
            self.step += 1
            progress.set_postfix(loss=f"{np.mean(losses[-50:]):.3f}", refresh=False)
        return float(np.mean(losses))

    def _rate(self) -> float:
        """The present step's learning rate."""
        recipe = self.recipe
        if self.step >= recipe.steps:
            left = (recipe.all_steps - self.step) / recipe.people_steps
            return recipe.learning_rate * left / 4
        left = (recipe.steps - self.step) / (recipe.falling * recipe.steps)
        return recipe.learning_rate * min(1.0, (self.step + 1) / _WARM_UP, left)

    def _one_step(
        self, image: Any, alpha: Any, label: Any, weight: Any, seed: Any, share: Any
    ) -> Any:
        recipe, network = self.recipe, self.network
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(self._variables)
            inputs = {"image": tf.cast(image, tf.float32) / 255, "alpha": alpha}
            features, _ = network.pooled(inputs, training=True)
            features = tf.reshape(features, [-1, features.shape[-1]])
            features = tf.nn.experimental.stateless_dropout(features, recipe.dropout, seed)
            target = tf.one_hot(tf.reshape(label, [-1]), len(LABELS)) * (1 - recipe.label_smoothing)
            target += recipe.label_smoothing / len(LABELS)
            losses = tf.nn.softmax_cross_entropy_with_logits(target, network.classify(features))
            weight = tf.reshape(weight, [-1])
            loss = tf.reduce_sum(losses * weight) / tf.reduce_sum(weight)
        gradients = tape.gradient(loss, self._variables)
        self._optimizer.apply_gradients(zip(gradients, self._variables, strict=True))
        for average, variable in zip(self._average, self.network.weights, strict=True):
            average.assign(share * average + (1 - share) * variable)
        return loss

    def exchange(self) -> None:
        """Exchanges the network's weights with their running average; twice changes nothing."""
        for average, variable in zip(self._average, self.network.weights, strict=True):
            kept = tf.identity(variable)
            variable.assign(average)
            average.assign(kept)

    def _batch(self, step: int) -> Batch:
        recipe = self.recipe
        lessons = _fading(step, recipe.lessons, recipe.lessons_until)
        easy = _fading(step, recipe.lessons, recipe.easy_until)
        clips = []
        for number in range(step * recipe.batch, (step + 1) * recipe.batch):
            random = np.random.default_rng([recipe.seed, number])
            if random.random() < lessons:
                clips.append(lesson(self.scenes, recipe.frames, recipe.size, random))
            else:
                clips.append(
                    example(
                        self.scenes, recipe.frames, recipe.size, random,
                        easy=random.random() < easy, people=step >= recipe.steps,
                    )
                )  # fmt: skip
        return (
            np.stack([clip.frames for clip in clips]),
            np.stack([clip.labels for clip in clips]),
            np.stack([clip.weights for clip in clips]),
        )

    def save(self, path: Path) -> None:
        """Writes all that is needed to go on.

        Raises:
            OutputError: it cannot be written.
        """
        arrays = {f"{kind}/{i}": v.numpy() for kind, i, v in self._all()}
        state = {"step": self.step, "history": self.history, "recipe": asdict(self.recipe)}
        with atomic_file(path, make_folder=True) as file:
            np.savez(file, state=np.array(json.dumps(state)), **arrays)

    def restore(self, path: Path) -> None:
        """Goes on from where ``save`` was called.

        Raises:
            ModelError: the file is of another recipe.
        """
        with np.load(path, allow_pickle=False) as file:
            state = json.loads(str(file["state"]))
            if state["recipe"] != asdict(self.recipe):
                raise ModelError(f"{path} was trained by another recipe: choose another folder")
            for kind, i, variable in self._all():
                variable.assign(file[f"{kind}/{i}"])
        self.step, self.history = state["step"], state["history"]

    def _all(self) -> Iterator[tuple[str, int, Any]]:
        kinds = {
            "weight": self.network.weights,
            "average": self._average,
            "optimizer": self._optimizer.variables,
        }
        for kind, variables in kinds.items():
            for i, variable in enumerate(variables):
                yield kind, i, variable


def _fading(step: int, start: int, end: int) -> float:
    """1 until ``start``, 0 from ``end`` on."""
    return float(np.clip((end - step) / (end - start), 0, 1))


def held_out(recipe: Recipe, count: int, *, part: int = 0) -> list[Example]:
    """Clips of scenes and moves that no training sees; of each part others."""
    first = _HELD_OUT * (part + 1)
    scenes = gallery(max(8, count // 8), recipe.seed + first)
    randoms = [np.random.default_rng([recipe.seed, first + n]) for n in range(count)]
    return [example(scenes, recipe.frames, recipe.size, one, people=True) for one in randoms]


def measure(network: Network, clips: Sequence[Example], memory: float) -> NDArray[np.intp]:
    """Counts frames, ``[true label, predicted label]``; those without weight are left out."""
    counts = np.zeros((len(LABELS), len(LABELS)), np.intp)

    @tf.function
    def run(image: Any, alpha: Any) -> Any:
        return network({"image": tf.cast(image, tf.float32) / 255, "alpha": alpha}, training=False)

    for start in range(0, len(clips), 8):
        some = clips[start : start + 8]
        alpha = np.tile(alphas(len(some[0].frames), memory), (len(some), 1))
        logits = run(tf.constant(np.stack([clip.frames for clip in some])), alpha)["logits"]
        for clip, said in zip(some, logits.numpy().argmax(-1), strict=True):
            asked = clip.weights > 0
            np.add.at(counts, (clip.labels[asked], said[asked]), 1)
    return counts
