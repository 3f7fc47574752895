"""A small network in training."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.export.conftest import SIZE, MakeClip


class Hardware(NamedTuple):
    """What ``training_on`` takes."""

    precision: str = "float32"
    devices: tuple[str, ...] | None = None


PLAIN = Hardware()


@pytest.fixture(scope="module")
def recipe(network_module: Any) -> Any:
    from export.data.augment import Augmentation
    from export.training.trainer import Recipe

    even = Augmentation(speed=(1.0, 1.0), shorten=0.0)  # a graph for each length takes its time
    return Recipe(epochs=2, batch=4, frozen=3, memory=1.6, augmentation=even)


@pytest.fixture
def data(tmp_path: Path, make_clip: MakeClip, network_module: Any) -> Any:
    from export.data.clips import Clip
    from export.data.frames import decode
    from export.training.trainer import examples

    decoded = []
    for number in range(8):
        label = "ab"[number % 2]
        path = make_clip(
            tmp_path / f"{number}.avi", seed=number, step=(3, 0) if label == "a" else (0, 3)
        )
        decoded.append((Clip(path, label), decode(Clip(path, label))))
    return examples(decoded, ("a", "b"), 5.0)


def trainer_for(
    data: Any, recipe: Any, hardware: Hardware = PLAIN, cache: Path | None = None
) -> Any:
    import tensorflow as tf
    import tf_keras

    from export.model.network import Architecture, Network
    from export.training.hardware import training_on
    from export.training.trainer import Trainer

    tf.config.experimental.enable_op_determinism()
    tf_keras.utils.set_random_seed(0)
    with training_on(hardware.precision, hardware.devices):  # type: ignore[arg-type]
        network = Network(Architecture("a0", "relu6", 2))
        return Trainer(network, recipe, data, size=SIZE, fps=5.0, cache=cache)


def weights(trainer: Any) -> dict[str, Any]:
    from export.model.checkpoint import named_weights

    return {name: v.numpy() for name, v in named_weights(trainer.network).items()}
