"""The training of the bundled model, as far as a few steps show it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest


@pytest.mark.usefixtures("depth")
def test_an_interrupted_training_ends_like_any_other(network_module: Any, tmp_path: Path) -> None:
    from export.camera_motion.train import Recipe, Trainer

    recipe = replace(
        Recipe(), size=32, steps=3, people_steps=1, batch=2, frames=3, scenes=4, curriculum_steps=1,
        curriculum_until=2, easy_until=3,
    )  # fmt: skip
    whole = Trainer(recipe)
    start = [variable.numpy() for variable in whole.network.weights]
    whole.state.save(tmp_path / "start.npz")
    whole.run(4)
    first = Trainer(recipe)
    first.state.restore(tmp_path / "start.npz")
    first.run(2)
    first.state.save(tmp_path / "middle.npz")
    second = Trainer(recipe)
    second.state.restore(tmp_path / "middle.npz")
    second.run(4)
    assert second.state.step == 4
    for before, one, other in zip(
        start, whole.network.weights, second.network.weights, strict=True
    ):
        np.testing.assert_allclose(one.numpy(), other.numpy(), atol=1e-5)
        assert one.shape == before.shape
    assert any((v.numpy() != b).any() for v, b in zip(whole.network.weights, start, strict=True))


@pytest.mark.usefixtures("few_blocks")
@pytest.mark.parametrize("damage", ["empty", "cut off", "a byte", "recipe"])
def test_a_checkpoint_that_cannot_be_gone_on_with_is_one_line(
    network_module: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], damage: str
) -> None:
    from export.camera_motion import __main__ as command
    from export.camera_motion.train import Recipe, Trainer

    kept = tmp_path / "training.npz"
    trainer = Trainer(replace(Recipe(), steps=5, people_steps=2 if damage == "recipe" else 1))
    trainer.state.save(kept)
    whole = kept.read_bytes()
    if damage == "empty":
        kept.write_bytes(b"")
    elif damage == "cut off":
        kept.write_bytes(whole[: len(whole) // 2])
    elif damage == "a byte":
        middle = len(whole) // 2
        kept.write_bytes(whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :])
    code = command.main(
        ["--out", str(tmp_path), "--file", str(tmp_path / "x.tflite"), "--steps", "5"]
    )
    assert code == 1
    expected = "another recipe" if damage == "recipe" else "or is damaged"
    (line,) = [x for x in capsys.readouterr().err.splitlines() if x.startswith("edgevid: ")]
    assert str(kept) in line
    assert expected in line
    assert not (tmp_path / "x.tflite").exists()
