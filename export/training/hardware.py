"""The devices that a training runs on, and the precision of their arithmetic.

The weights stay in float32 whatever the precision is, and so does a network that is loaded from a
checkpoint; only what flows between the layers is shorter in training.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal

import tensorflow as tf
import tf_keras

MixedPrecision = Literal["auto", "float32", "bfloat16", "float16"]
MIXED_PRECISIONS = ("auto", "float32", "bfloat16", "float16")


@contextmanager
def training_on(precision: MixedPrecision, devices: Sequence[str] | None = None) -> Iterator[None]:
    """What is built inside is trained on all devices, in this precision.

    Args:
        precision: of activations. ``auto`` is float16 on GPUs with units for it, and float32
            elsewhere: on processors the shorter ones save nothing.
        devices: TensorFlow's names of them; every GPU when None, the processor if there is none.
    """
    devices = devices or [gpu.name for gpu in tf.config.list_logical_devices("GPU")]
    strategy: Any = tf.distribute.get_strategy()
    if len(devices) > 1:
        strategy = tf.distribute.MirroredStrategy(devices)
    if precision == "auto":
        precision = "float16" if devices and _computes_float16() else "float32"
    policies = tf_keras.mixed_precision
    before = policies.global_policy()
    try:
        policies.set_global_policy("float32" if precision == "float32" else f"mixed_{precision}")
        with strategy.scope():
            yield
    finally:
        policies.set_global_policy(before)


def _computes_float16() -> bool:
    """Whether all GPUs have tensor cores, which came with compute capability 7."""
    details = [
        tf.config.experimental.get_device_details(gpu)
        for gpu in tf.config.list_physical_devices("GPU")
    ]
    return all(detail.get("compute_capability", (0, 0)) >= (7, 0) for detail in details)
