"""Where weights come from: each way in gives the network that it came from."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgevid.errors import ModelError, UsageError
from tests.export.conftest import SIZE


def test_a_published_file_comes_back_whole(published_path: Path, network_module: Any) -> None:
    from export.model import recover
    from export.model.checkpoint import named_weights

    network = recover.load(published_path)
    assert network.architecture == network_module.Architecture("a0", "relu6", 600)
    assert len(named_weights(network)) == 329  # and load refuses to leave one of them out
    fresh = network_module.Network(network.architecture)
    same = [
        name
        for name, variable in named_weights(fresh).items()
        if np.array_equal(variable, named_weights(network)[name])
    ]
    # Batch norm comes back as the identity, whose scale and mean are those of a fresh layer.
    assert all(name.endswith(("/gamma", "/moving_mean")) for name in same)


def test_the_recovered_network_knows_what_the_file_knows(
    published_path: Path, network_module: Any, carving_ice: Path
) -> None:
    from edgevid.modelfile.label_files import default
    from export.data.clips import Clip
    from export.data.frames import decode
    from export.model import recover
    from export.model.predict import keras_predictor

    seen = decode(Clip(carving_ice, "")).pictures(size=172, fps=5.0)
    logits = keras_predictor(recover.load(published_path), float("inf"))(seen)[-1]
    odds = np.exp(logits - logits.max())
    assert default(600)[int(logits.argmax())] == "carving ice"
    assert (odds / odds.sum()).max() > 0.9


@pytest.mark.parametrize("content", [b"", b"\x1c\0\0\0TFL3" + bytes(40)])
def test_files_that_are_no_network(tmp_path: Path, network_module: Any, content: bytes) -> None:
    from export.model import recover

    path = tmp_path / "x.tflite"
    path.write_bytes(content)
    with pytest.raises(ModelError):
        recover.load(path)


@pytest.mark.parametrize("style", ["relu6", "hard_swish"])
def test_a_model_garden_checkpoint(
    tmp_path: Path, network_module: Any, depth: None, style: str
) -> None:
    """The network computes what the Model Garden's does from the same checkpoint."""
    import tensorflow as tf
    from official.projects.movinet.modeling import movinet, movinet_model

    from export.model import initialize

    backbone = movinet.Movinet(
        model_id="a0", causal=True, conv_type="2plus1d", activation=style,
        se_type="2plus3d" if style == "hard_swish" else "none",
        gating_activation="hard_sigmoid", use_external_states=True,
    )  # fmt: skip
    garden = movinet_model.MovinetClassifier(
        backbone, num_classes=7, output_states=True, activation=style
    )
    shape = [1, 1, SIZE, SIZE, 3]
    states = garden.init_states(shape)
    garden({**states, "image": tf.zeros(shape)})
    rng = np.random.default_rng(0)
    for variable in garden.weights:
        if variable.name.endswith("scale:0"):
            variable.assign(0.7)
        if "moving" in variable.name or "beta" in variable.name:
            variable.assign(rng.uniform(0.5, 2, variable.shape))
    prefix = tf.train.Checkpoint(model=garden).write(str(tmp_path / "model"))

    architecture = network_module.Architecture("a0", style, 7)
    network, lacks_statistics = initialize.load(prefix, architecture)
    assert not lacks_statistics
    image = rng.random((1, 7, SIZE, SIZE, 3), np.float32)
    for number in range(7):
        logits, states = garden({**states, "image": image[:, number : number + 1]})
    ours = network({"image": image, "alpha": network_module.alphas(7)[None]})["logits"][:, -1]
    assert np.abs(logits).max() > 0.01
    assert np.allclose(logits, ours, atol=1e-5)

    other = "relu6" if style == "hard_swish" else "hard_swish"
    with pytest.raises(ModelError, match="another architecture"):
        initialize.load(prefix, network_module.Architecture("a0", other, 7))


@pytest.mark.usefixtures("few_blocks")
def test_a_checkpoint_of_edgevid(tmp_path: Path, network_module: Any) -> None:
    from export.model import checkpoint, initialize

    network = network_module.Network(network_module.Architecture("a0", "relu6", 3))
    path = tmp_path / "network.npz"
    checkpoint.save(path, network, ("a", "b", "c"))
    loaded, labels = checkpoint.load(path)
    assert labels == ("a", "b", "c")
    for name, variable in checkpoint.named_weights(network).items():
        assert np.array_equal(variable, checkpoint.named_weights(loaded)[name])
    wider, _ = initialize.load(str(path), network_module.Architecture("a0", "relu6", 5))
    stem = "stem/stem/conv2d/kernel"
    assert np.array_equal(
        checkpoint.named_weights(wider)[stem], checkpoint.named_weights(network)[stem]
    )
    with pytest.raises(ModelError, match="another architecture"):
        initialize.load(str(path), network_module.Architecture("a0", "hard_swish", 3))
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(ModelError, match="not a checkpoint"):
        checkpoint.load(path)


def test_weights_from_nowhere(network_module: Any) -> None:
    from export.model import initialize

    with pytest.raises(UsageError, match="--init /nowhere/x"):
        initialize.load("/nowhere/x", network_module.Architecture("a0", "relu6", 3))


def test_restored_statistics_change_nothing(published_path: Path, network_module: Any) -> None:
    from export.model import recover
    from export.model.batch_norm import restore_statistics

    network, as_recovered = (recover.load(published_path) for _ in range(2))
    image = np.random.default_rng(0).random((2, 4, SIZE, SIZE, 3), np.float32)
    batch = {"image": image, "alpha": np.tile(network_module.alphas(4), (2, 1))}
    before = network.pooled(batch)[0].numpy()
    restore_statistics(network, [batch])
    assert np.allclose(network.pooled(batch)[0], before, atol=1e-4)
    # With the batch's own statistics, which these are, it is the same network too; as it was
    # recovered it is another one then. (Only now: such a pass moves the moving statistics.)
    after = network.pooled(batch, training=True)[0].numpy()
    far_off = as_recovered.pooled(batch, training=True)[0].numpy()
    assert np.abs(after - before).mean() < 0.01 * np.abs(far_off - before).mean()


@pytest.mark.usefixtures("few_blocks")
def test_measured_statistics_make_inference_what_training_was(network_module: Any) -> None:
    from export.model.batch_norm import measure_statistics

    network = network_module.Network(network_module.Architecture("a0", "relu6", 3))
    for variable in network.weights:
        if variable.name.endswith("scale:0"):
            variable.assign(1.0)  # every branch open
    image = np.random.default_rng(0).random((4, 4, SIZE, SIZE, 3), np.float32)
    batch = {"image": image, "alpha": np.tile(network_module.alphas(4), (4, 1))}
    fresh = network.pooled(batch)[0].numpy()
    measure_statistics(network, [batch])
    trained = network.pooled(batch, training=True)[0].numpy()
    measure_statistics(network, [batch])  # such a pass moves them
    found = network.pooled(batch)[0].numpy()
    assert np.abs(found - trained).mean() < 0.02 * np.abs(fresh - trained).mean()
