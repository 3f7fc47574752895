from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from edgevid.errors import ModelError, UsageError
from tests.export.conftest import SIZE, MakeClip


class Hardware(NamedTuple):
    """What ``training_on`` takes."""

    precision: str = "float32"
    devices: tuple[str, ...] | None = None


PLAIN = Hardware()
TWO = ("CPU:0", "CPU:1")

pytestmark = pytest.mark.usefixtures("few_blocks")


@pytest.fixture(scope="module")
def recipe(network_module: Any) -> Any:
    from export.data.augment import Augmentation
    from export.training.trainer import Recipe

    even = Augmentation(speed=(1.0, 1.0), shorten=0.0)  # a graph for each length takes its time
    return Recipe(epochs=2, batch=4, frozen=3, memory=8.0, augmentation=even)


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


def trainer_for(data: Any, recipe: Any, hardware: Hardware = PLAIN) -> Any:
    import tensorflow as tf
    import tf_keras

    from export.model.network import Architecture, Network
    from export.training.hardware import training_on
    from export.training.trainer import Trainer

    tf.config.experimental.enable_op_determinism()
    tf_keras.utils.set_random_seed(0)
    with training_on(hardware.precision, hardware.devices):  # type: ignore[arg-type]
        network = Network(Architecture("a0", "relu6", 2))
        return Trainer(network, recipe, data, size=SIZE, fps=5.0)


def weights(trainer: Any) -> dict[str, Any]:
    from export.model.checkpoint import named_weights

    return {name: v.numpy() for name, v in named_weights(trainer.network).items()}


@pytest.mark.parametrize(
    "hardware",
    [
        PLAIN,
        pytest.param(Hardware("bfloat16"), marks=pytest.mark.slow),
        pytest.param(Hardware("float16", TWO), marks=pytest.mark.slow),
    ],
    ids=["plain", "bfloat16", "float16 on two devices"],
)
def test_a_training_that_was_interrupted_ends_like_one_that_was_not(
    tmp_path: Path, data: Any, recipe: Any, hardware: Hardware
) -> None:
    whole = trainer_for(data, recipe, hardware)
    losses = [whole.run_epoch(), whole.run_epoch()]
    first = trainer_for(data, recipe, hardware)
    assert first.run_epoch() == losses[0]
    first.state.save(tmp_path / "training.npz")
    second = trainer_for(data, recipe, hardware)
    second.state.restore(tmp_path / "training.npz")
    assert second.epoch == 1
    assert second.run_epoch() == losses[1]
    for trainer in (whole, second):
        trainer.state.exchange()  # the averages have to agree too
    expected = weights(whole)
    for name, value in weights(second).items():
        assert np.array_equal(value, expected[name]), name


def test_what_cannot_be_gone_on_with(tmp_path: Path, data: Any, recipe: Any) -> None:
    trainer_for(data, recipe).state.save(tmp_path / "training.npz")
    other = trainer_for(data, replace(recipe, seed=1))
    with pytest.raises(ModelError, match="another recipe"):
        other.state.restore(tmp_path / "training.npz")
    (tmp_path / "training.npz").write_bytes(b"PK")
    with pytest.raises(ModelError, match="damaged"):
        other.state.restore(tmp_path / "training.npz")


def test_two_devices_learn_what_one_learns(data: Any, recipe: Any) -> None:
    """Without batch statistics and dropout, which each device has of its own."""
    plain = replace(recipe, batch_norm=False, dropout=0.0, epochs=1)
    one, two = (trainer_for(data, plain, hardware) for hardware in (PLAIN, Hardware(devices=TWO)))
    before = weights(one)
    assert two.run_epoch() == pytest.approx(one.run_epoch(), rel=1e-4)
    other = weights(two)
    for name, value in weights(one).items():
        moved = np.abs(value - before[name]).max()
        assert np.abs(value - other[name]).max() <= 0.02 * moved, name


def test_shorter_numbers_learn_the_same(data: Any, recipe: Any) -> None:
    import tf_keras

    plain = replace(recipe, batch_norm=False, dropout=0.0, epochs=1)
    long, short = (
        trainer_for(data, plain, Hardware(precision)).run_epoch()
        for precision in ("float32", "bfloat16")
    )
    assert short == pytest.approx(long, rel=0.02)
    assert short != long
    assert tf_keras.mixed_precision.global_policy().name == "float32"


def test_a_batch_that_devices_cannot_share(data: Any, recipe: Any) -> None:
    with pytest.raises(UsageError, match="batch of 3 cannot be shared equally by 2 devices"):
        trainer_for(data, replace(recipe, batch=3), Hardware(devices=TWO))


def test_frozen_stages_keep_their_weights_and_the_others_learn(data: Any, recipe: Any) -> None:
    trainer = trainer_for(data, recipe)
    before = weights(trainer)
    trainer.run_epoch()
    changed = {
        name.split("/")[0]
        for name, value in weights(trainer).items()
        if not np.array_equal(value, before[name])
    }
    assert changed == {"block1_layer0", "block1_layer1", "head", "classifier_head"}


def test_fewer_clips_than_a_batch(data: Any, recipe: Any) -> None:
    with pytest.raises(UsageError, match="fewer than a batch"):
        trainer_for(data[:3], recipe)


@pytest.mark.parametrize("wrong", [{"epochs": 0}, {"memory": 0.5}, {"dropout": 1.0}])
def test_recipes_that_make_no_sense(recipe: Any, wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        replace(recipe, **wrong)
