"""What frozen stages make of variations of clips, kept."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.export.conftest import SIZE
from tests.export.training.conftest import trainer_for, weights

pytestmark = pytest.mark.usefixtures("few_blocks")


@pytest.fixture
def kept(recipe: Any) -> Any:
    return replace(recipe, variations=2)


def test_stages_go_on_from_what_the_first_ones_made(network_module: Any) -> None:
    import tensorflow as tf

    network = network_module.Network(network_module.Architecture("a0", "relu6", 2))
    alpha = tf.constant(network_module.alphas(6, 4.0)[None])
    image = tf.random.stateless_uniform([1, 6, SIZE, SIZE, 3], [1, 2])
    whole, _ = network.pooled({"image": image, "alpha": alpha})
    for start in (1, 3):
        made = network.before(image, start)
        later, _ = network.pooled({"image": made, "alpha": alpha}, start=start)
        assert np.allclose(later, whole, atol=1e-5)
    assert float(tf.math.reduce_std(whole)) > 1e-3  # of a network that says something


def test_pictures_are_varied_once_whatever_is_done_again(
    tmp_path: Path,
    data: Any,
    kept: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from export.data import augment
    from export.training import frozen
    from export.training import trainer as trainer_module

    varied = []

    def counted(*arguments: Any, **options: Any) -> Any:
        varied.append(options["rng"])
        return augment.vary(*arguments, **options)

    for module in (frozen, trainer_module):
        monkeypatch.setattr(module, "vary", counted)
    cache = tmp_path / "cache"
    first = trainer_for(data, kept, cache=cache)
    assert len(varied) == 2 * len(data)
    made = {path: path.stat().st_mtime_ns for path in cache.iterdir()}
    before = weights(first)
    first.run_epoch()
    first.state.save(tmp_path / "training.npz")
    changed = {n.split("/")[0] for n, v in weights(first).items() if (v != before[n]).any()}
    assert "block1_layer0" in changed
    assert "block0_layer0" not in changed
    again = trainer_for(data, kept, cache=cache)
    again.state.restore(tmp_path / "training.npz")
    assert again.run_epoch() == first.run_epoch()
    trainer_for(data[1:], kept, cache=cache)  # a clip fewer, as in another fold
    assert len(varied) == 2 * len(data)
    assert made == {path: path.stat().st_mtime_ns for path in cache.iterdir()}


def test_other_stages_or_variations_have_files_of_their_own(
    tmp_path: Path,
    data: Any,
    kept: Any,
) -> None:
    trainer_for(data, kept, cache=tmp_path)
    for other in (replace(kept, frozen=2), replace(kept, seed=1)):
        before = len(list(tmp_path.iterdir()))
        trainer_for(data, other, cache=tmp_path)
        assert len(list(tmp_path.iterdir())) == before + 2 * len(data)


def test_what_is_held_out_is_not_seen_in_what_is_kept(
    tmp_path: Path,
    data: Any,
    recipe: Any,
) -> None:
    """Another clip shines through only from among those that are trained on."""
    always = replace(recipe.augmentation, overlay=1.0)
    often = replace(recipe, variations=1, augmentation=always)
    trainer = trainer_for(data[:6], often, cache=tmp_path)
    rng = np.random.default_rng(0)
    features = trainer._features
    plain = features._one(0, rng)
    shown = [features.shown(0, other, rng) for other in (1, 2)]
    assert all(each.shape == plain.shape for each in shown)
    assert not np.array_equal(shown[0], shown[1])
    for each, other in zip(shown, (1, 2), strict=True):
        trace = each.astype(np.float32) - plain
        still = features._one(other, rng)[0].astype(np.float32)
        share = float((trace * (still - plain)).sum() / ((still - plain) ** 2).sum())
        assert 0.09 < share < 0.36
