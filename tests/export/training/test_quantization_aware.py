from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.export.conftest import SIZE

pytestmark = pytest.mark.usefixtures("few_blocks")


def test_256_values_are_left(network_module: Any) -> None:
    from export.training.quantization_aware import rounded

    values = np.random.default_rng(0).normal(0, 3, 5000).astype(np.float32)
    few = rounded(values).numpy()
    step = np.ptp(values) / 255
    assert len(np.unique(few)) <= 256
    assert np.abs(few - values).max() <= 1.01 * step  # the range is moved to hold 0 exactly
    assert not rounded(np.zeros(4, np.float32)).numpy().any()


@pytest.mark.parametrize("shape", [(1, 1, 16, 3), (3, 1, 5, 1)], ids=["pointwise", "depthwise"])
def test_each_channel_of_a_kernel_has_a_scale(network_module: Any, shape: tuple[int, ...]) -> None:
    from export.training.quantization_aware import rounded_kernel

    kernel = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    axis = 2 if shape[-1] == 1 else 3
    kernel *= np.logspace(0, -4, shape[axis]).reshape([-1 if i == axis else 1 for i in range(4)])
    rest = tuple(i for i in range(4) if i != axis)
    steps = np.abs(kernel).max(rest, keepdims=True) / 127
    assert (np.abs(rounded_kernel(kernel) - kernel) <= 0.51 * steps).all()


@pytest.mark.parametrize("style", ["relu6", "hard_swish"])
def test_a_network_is_rounded_for_a_while(network_module: Any, style: str) -> None:
    import tensorflow as tf

    from export.training.quantization_aware import quantized

    network = network_module.Network(network_module.Architecture("a0", style, 5))
    for variable in network.weights:
        if variable.name.endswith("scale:0"):
            variable.assign(0.5)
    image = np.random.default_rng(0).random((1, 4, SIZE, SIZE, 3), np.float32)
    inputs = {"image": image, "alpha": network_module.alphas(4)[None]}
    before = network(inputs)["logits"].numpy()
    with quantized(network), tf.GradientTape() as tape:
        during = network(inputs)["logits"]
    gradients = tape.gradient(during, network.trainable_variables)
    assert all(gradient is not None for gradient in gradients)
    assert np.array_equal(network(inputs)["logits"], before)
    change = np.abs(during.numpy() - before)
    assert 0 < change.max() < 0.2 * np.ptp(before)
