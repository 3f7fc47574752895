"""Batch norm's statistics, where training does not leave them as they should be.

In a published file batch norm is folded into the kernels, so a recovered network's is the
identity: moving mean 0, variance 1. Trained with each batch's own statistics it would compute
something else from the first step on. Setting the moving statistics to what real clips give, and
scale and shift so that nothing changes, makes it trainable as it once was.

A network that starts from nothing ends with moving statistics that still hold some of the 1 they
began with, and forty layers multiply what that is off. They are measured anew at the end (Wu and
Johnson, "Rethinking 'Batch' in BatchNorm", https://arxiv.org/abs/2105.07576, section 3).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras

from export.model.network import Network

_MIN_VARIANCE = 1e-4  # of a channel that is always off


def restore_statistics(network: Network, batches: Iterable[Any], *, momentum: float = 0.95) -> None:
    """Measures every batch norm's input and sets its statistics, the function unchanged.

    Args:
        network: changed in place.
        batches: inputs of the network, each ``{"image": ..., "alpha": ...}``.
        momentum: of the moving statistics from now on; the published 0.99 is for long trainings.
    """
    for layer, means, variance in _measured(network, batches, training=False):
        scale = layer.gamma.numpy() / np.sqrt(layer.moving_variance.numpy() + layer.epsilon)
        shift = layer.beta.numpy() - scale * layer.moving_mean.numpy()
        layer.moving_mean.assign(means)
        layer.moving_variance.assign(variance)
        layer.gamma.assign(scale * np.sqrt(variance + layer.epsilon))
        layer.beta.assign(shift + scale * means)
        layer.momentum = momentum


def measure_statistics(network: Network, batches: Iterable[Any]) -> None:
    """Sets the moving statistics to what batches give when each is normed by its own.

    Args:
        network: changed in place.
        batches: inputs of the network, each ``{"image": ..., "alpha": ...}``.
    """
    for layer, means, variance in _measured(network, batches, training=True):
        layer.moving_mean.assign(means)
        layer.moving_variance.assign(variance)


def _measured(
    network: Network, batches: Iterable[Any], *, training: bool
) -> list[tuple[Any, Any, Any]]:
    """Every batch norm with the mean and variance of its input."""
    norms = [
        layer
        for layer in network.submodules
        if isinstance(layer, tf_keras.layers.BatchNormalization)
    ]
    moments: dict[int, list[Any]] = {id(layer): [] for layer in norms}
    for layer in norms:
        layer.call = _recording(layer, moments[id(layer)])
    try:
        for batch in batches:  # eagerly: the recording calls look at values
            network.pooled(batch, training=training)
    finally:
        for layer in norms:
            del layer.call
    found = []
    for layer in norms:
        means, squares = (np.mean(x, axis=0) for x in zip(*moments[id(layer)], strict=True))
        found.append((layer, means, np.maximum(squares - means**2, _MIN_VARIANCE)))
    return found


def _recording(layer: Any, moments: list[Any]) -> Any:
    published = type(layer).call

    def call(inputs: Any, training: bool | None = None) -> Any:
        mean, variance = tf.nn.moments(inputs, [0, 1, 2])
        moments.append((mean.numpy(), variance.numpy() + mean.numpy() ** 2))
        return published(layer, inputs, training=training)

    return call
