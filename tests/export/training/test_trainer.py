from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgevid.errors import ModelError, UsageError
from tests.export.training.conftest import PLAIN, Hardware, trainer_for, weights

TWO = ("CPU:0", "CPU:1")

pytestmark = pytest.mark.usefixtures("few_blocks")


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


def test_a_lower_layer_learns_slower(data: Any, recipe: Any) -> None:
    """From the same start a step goes the same way, and as far as the layer's share says."""
    still = replace(recipe, batch_norm=False, dropout=0.0, epochs=1)  # the first step's rate is 0
    even, falling = (trainer_for(data, replace(still, layer_decay=d)) for d in (1.0, 0.5))
    before = weights(even)
    even.run_epoch()
    falling.run_epoch()
    moved, slower = weights(even), weights(falling)
    names = {"block1_layer0/bneck/rezero/scale": 1 / 8, "block1_layer1/bneck/rezero/scale": 1 / 4}
    names |= {"classifier_head/classifier/conv2d/kernel": 1.0}
    for name, share in names.items():
        whole = moved[name] - before[name]
        assert np.abs(whole).max() > 0, name
        assert np.allclose(slower[name] - before[name], share * whole, atol=1e-7), name


def test_balanced_classes_are_shown_equally_often(data: Any, recipe: Any) -> None:
    few = [each for each in data if each.label == 0][:1] + [each for each in data if each.label]
    shown = [
        [few[place].label for batch in trainer_for(few, of)._order(0) for place in batch]
        for of in (recipe, replace(recipe, balanced=True, batch=4))
    ]
    assert [labels.count(0) for labels in shown] == [1, 2]
    assert len(shown[1]) == 4


@pytest.mark.parametrize(
    "wrong",
    [
        {"epochs": 0},
        {"memory": 0.0},
        {"dropout": 1.0},
        {"layer_decay": 0.0},
        {"variations": 2, "quantization_aware": True},
    ],
)
def test_recipes_that_make_no_sense(recipe: Any, wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        replace(recipe, **wrong)
