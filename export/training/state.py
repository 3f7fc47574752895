"""The state of a training: weights, optimizer, average, checkpoint.

A network and its optimizer, the running average of the weights, the learning rate of each step,
batches that are prepared ahead, and a checkpoint of all that. Every random choice is to follow from
the step: then a run that was interrupted ends like one that was not.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras
from numpy.typing import NDArray
from tqdm import tqdm

from edgevid.errors import ModelError
from edgevid.support.atomic_file import atomic_file
from export.data import npz
from export.data.prefetch import prefetched
from export.model.checkpoint import named_weights
from export.model.network import Network

_AHEAD = 3  # batches prepared while one is trained on
_SHOWN = 50  # steps over which the loss on the console is a mean

Loss = Callable[..., Any]
"""From one device's part of a batch, and the seed ``[2]``, to its part of the loss."""


class TrainingState:
    """A network that is trained in place, on all devices of the strategy in whose scope it is made.

    Attributes:
        network: with the weights of the last step, which ``exchange`` exchanges for their average.
        step: how many steps are done.
        history: what was measured, oldest first.
    """

    def __init__(
        self,
        network: Network,
        recipe: Any,
        loss: Loss,
        *,
        rate: Callable[[int], float],
        averaging: Callable[[int], float],
        frozen: int = 0,
        layer_decay: float = 1.0,
    ) -> None:
        """Prepares.

        Args:
            network: to be trained.
            recipe: a dataclass: ``seed`` of every random choice, ``weight_decay`` of AdamW. A
                checkpoint of another recipe is refused.
            loss: what is to become small.
            rate: the learning rate of a step.
            averaging: decay of the weights' running average after a step.
            frozen: so many of the network's first stages keep their weights.
            layer_decay: each layer learns at this share of the rate of the one after it.
        """
        self.network = network
        self.step = 0
        self.history: list[dict[str, float]] = []
        self._recipe, self._loss, self._rate, self._averaging = recipe, loss, rate, averaging
        self._strategy = tf.distribute.get_strategy()
        trained = [*network.stages[frozen:], network.head, network.classifier_head]
        self._variables = [v for layer in trained for v in layer.trainable_variables]
        # What a layer's step is multiplied by; what is added to a variable goes with the rate.
        self._shares = [
            layer_decay ** (len(trained) - 1 - place)
            for place, layer in enumerate(trained)
            for _ in layer.trainable_variables
        ]
        self._tracked = [v for layer in trained for v in layer.variables]
        self._average = [tf.Variable(v, trainable=False) for v in self._tracked]
        self._optimizer = tf_keras.optimizers.AdamW(
            0.0, weight_decay=recipe.weight_decay, clipnorm=1.0
        )
        if network.compute_dtype == "float16":  # whose small gradients would be 0
            self._optimizer = tf_keras.mixed_precision.LossScaleOptimizer(self._optimizer)
        self._optimizer.build(self._variables)
        self._train_step = tf.function(self._one_step)

    def train(
        self, batch: Callable[[int], Sequence[NDArray[Any]]], steps: int, title: str
    ) -> float:
        """Trains so many steps.

        Args:
            batch: makes the batch of a step: arrays with the clips as their first axis.
            steps: how many.
            title: what this stretch is called on the console.

        Returns:
            The mean loss.
        """
        losses: list[float] = []
        batches = prefetched(batch, range(self.step, self.step + steps), _AHEAD)
        progress = tqdm(batches, title, steps, unit="step", leave=False, mininterval=1)
        for arrays in progress:
            keep = self._averaging(self.step)
            self._optimizer.learning_rate = self._rate(self.step)
            loss = self._train_step(
                [self._dealt(array) for array in arrays],
                tf.constant([self._recipe.seed, self.step]),
                tf.constant([keep, 1 - keep], tf.float32),
            )
            losses.append(float(loss))
            self.step += 1
            progress.set_postfix(loss=f"{np.mean(losses[-_SHOWN:]):.3f}", refresh=False)
        for variable in self._tracked:  # batch norm's moving means differ from device to device
            variable.assign(tf.identity(variable))
        return float(np.mean(losses))

    def _dealt(self, values: NDArray[Any]) -> Any:
        """An array, dealt out to the devices."""
        devices = self._strategy.num_replicas_in_sync
        return self._strategy.experimental_distribute_values_from_function(
            lambda device: tf.constant(values[device.replica_id_in_sync_group :: devices])
        )

    def _one_step(self, arrays: Any, seed: Any, shares: Any) -> Any:
        slower = [
            (variable, share, tf.identity(variable))
            for variable, share in zip(self._variables, self._shares, strict=True)
            if share < 1
        ]
        losses = self._strategy.run(self._device_step, (*arrays, seed))
        for variable, share, before in slower:
            variable.assign(before + share * (variable - before))
        for average, variable in zip(self._average, self._tracked, strict=True):
            average.assign(shares[0] * average + shares[1] * variable)
        return self._strategy.reduce("sum", losses, axis=None)

    def _device_step(self, *arrays: Any) -> Any:
        """One device's part of a step; returns its part of the loss."""
        optimizer = self._optimizer
        scaled = isinstance(optimizer, tf_keras.mixed_precision.LossScaleOptimizer)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(self._variables)
            loss = self._loss(*arrays)
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

    def restart_average(self) -> None:
        """Lets the running average start from the network's weights as they are now."""
        for average, variable in zip(self._average, self._tracked, strict=True):
            average.assign(variable)

    def save(self, path: Path) -> None:
        """Writes all that is needed to go on.

        Raises:
            OutputError: it cannot be written.
        """
        arrays = {name: variable.numpy() for name, variable in self._kept().items()}
        state = {"step": self.step, "history": self.history, "recipe": _plain(self._recipe)}
        with atomic_file(path, make_folder=True) as file:
            np.savez(file, state=np.array(json.dumps(state)), **arrays)

    def restore(self, path: Path) -> None:
        """Goes on from where ``save`` was called.

        Raises:
            ModelError: the file is damaged, or of another recipe or network.
        """
        try:
            arrays = npz.read(path)
            state = json.loads(str(arrays.pop("state")))
            another = state["recipe"] != _plain(self._recipe)
            if not another:
                for name, variable in self._kept().items():
                    variable.assign(arrays[name])
                self.step, self.history = state["step"], state["history"]
        except (ValueError, KeyError, TypeError) as error:
            raise ModelError(
                f"{path} does not fit this training, or is damaged: {error}"
            ) from error
        if another:
            raise ModelError(f"{path} was trained by another recipe: choose another folder")

    def _kept(self) -> dict[str, Any]:
        """Every variable that a checkpoint holds, by name."""
        optimizer = self._optimizer
        kept = {f"weight/{name}": v for name, v in named_weights(self.network).items()}
        kept |= {f"average/{i}": v for i, v in enumerate(self._average)}
        kept |= {f"optimizer/{i}": v for i, v in enumerate(optimizer.variables)}
        if isinstance(optimizer, tf_keras.mixed_precision.LossScaleOptimizer):
            scale = optimizer._loss_scale  # the only way to write it
            kept |= {"scale/0": scale.current_loss_scale, "scale/1": scale.counter}
        return kept


def _plain(recipe: Any) -> Any:
    return json.loads(json.dumps(asdict(recipe)))
