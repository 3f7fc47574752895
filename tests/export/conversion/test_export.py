"""The exported files do what the network does, one frame a step, within measured limits."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from edgevid.errors import UsageError
from edgevid.modelfile import flatbuffer, manifest, signature
from edgevid.models.load import load_model
from tests.export.conftest import SIZE

if TYPE_CHECKING:
    from export.conversion.tflite_converter import Precision

LABELS = ("a", "b", "c")
MEMORY = 6.0


def moving_noise(seed: int, frames: int = 12) -> np.ndarray:
    rng = np.random.default_rng(seed)
    still = rng.integers(0, 256, (SIZE, SIZE, 3), np.uint8)
    return np.stack([np.roll(still, 2 * t, axis=int(seed % 2)) for t in range(frames)])


def open_network(network_module: Any, style: str) -> Any:
    """A network with every branch open, and batch norm as after a training."""
    import tf_keras

    from export.model.batch_norm import restore_statistics

    tf_keras.utils.set_random_seed(0)
    network = network_module.Network(network_module.Architecture("a0", style, 3))
    for variable in network.weights:
        if variable.name.endswith("scale:0"):
            variable.assign(0.3)
    image = np.stack([moving_noise(seed) for seed in range(4)]) / np.float32(255)
    restore_statistics(
        network, [{"image": image, "alpha": np.tile(network_module.alphas(12), (4, 1))}]
    )
    return network


@pytest.fixture(scope="module", params=["relu6", "hard_swish"])
def exported(
    request: pytest.FixtureRequest,
    network_module: Any,
    depth_of_module: None,
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Any, dict[str, Path]]:
    """A network as a float and as an int8 file."""
    from export.conversion.export import export_tflite

    network = open_network(network_module, request.param)
    seen = [moving_noise(seed) for seed in range(12)]
    folder = tmp_path_factory.mktemp(request.param)
    files = {}
    for precision in ("float32", "int8"):
        data = export_tflite(network, LABELS, seen, precision=precision, memory=MEMORY, name="tiny")
        files[precision] = folder / f"{precision}.tflite"
        files[precision].write_bytes(data)
    return network, files


def test_the_interface_is_the_runtimes(exported: tuple[Any, dict[str, Path]]) -> None:
    network, files = exported
    found = {}
    for precision, path in files.items():
        data = path.read_bytes()
        found[precision] = signature.of(flatbuffer.read(manifest.split(data)[0]))
        described = manifest.read(data)
        assert described is not None
        assert described.labels == LABELS
        assert described.memory_s == MEMORY / 5
    for network_signature in found.values():
        assert network_signature.alpha is not None
        assert network_signature.classes == 3
        assert network_signature.idle == ()
    assert found["int8"].image.dtype == "int8"
    means = [s for s in found["int8"].states if s.name.endswith("_pool_buffer")]
    past = [s for s in found["int8"].states if "_stream_buffer" in s.name]
    assert len(means) == sum("_pool_buffer" in name for name in network.state_shapes(SIZE))
    assert all(state.input.dtype == "float32" for state in means)
    assert past
    assert all(state.input.dtype == "int8" for state in past)


def test_the_files_agree_with_the_network(exported: tuple[Any, dict[str, Path]]) -> None:
    from export.model.predict import file_predictor, keras_predictor

    network, files = exported
    clips = [moving_noise(seed, 30) for seed in range(100, 104)]  # five times the memory
    reference = np.stack([keras_predictor(network, MEMORY)(clip) for clip in clips])
    spread = reference.std()
    for precision, limit in (("float32", 1e-3), ("int8", 0.25)):
        predict = file_predictor(load_model(files[precision]), MEMORY)
        error = np.stack([predict(clip) for clip in clips]) - reference
        assert np.sqrt(np.mean(error**2)) < limit * spread, precision
        late = np.sqrt(np.mean(error[:, 20:] ** 2))
        assert late < 2 * np.sqrt(np.mean(error[:, :10] ** 2)) + 1e-6  # it does not drift


@pytest.mark.parametrize("style", [pytest.param("relu6", marks=pytest.mark.slow), "hard_swish"])
def test_shorter_weights_alone(
    network_module: Any, few_blocks: None, tmp_path: Path, style: str
) -> None:
    """As float16, and as int8 with activations in float ("dynamic range")."""
    from export.conversion.export import export_tflite
    from export.model.predict import file_predictor, keras_predictor

    network = open_network(network_module, style)
    clip = moving_noise(100, 20)
    exact = keras_predictor(network, MEMORY)(clip)
    sizes = []
    limits: dict[Precision, float] = {"float32": 1e-3, "float16": 5e-3, "dynamic": 0.1}
    for precision, limit in limits.items():
        path = tmp_path / f"{precision}.tflite"
        data = export_tflite(
            network, LABELS, [clip], precision=precision, memory=MEMORY, follow="people"
        )
        path.write_bytes(data)
        assert load_model(path).manifest.follows == "people"
        sizes.append(path.stat().st_size)
        error = file_predictor(load_model(path), MEMORY)(clip) - exact
        assert np.sqrt(np.mean(error**2)) < limit * exact.std(), precision
    assert sizes[1] < 0.6 * sizes[0]
    assert sizes[2] < 0.5 * sizes[0]


def test_int8_needs_calibration(network_module: Any) -> None:
    from export.conversion.export import export_tflite

    network = network_module.Network(network_module.Architecture("a0", "relu6", 3))
    with pytest.raises(UsageError, match="calibrate"):
        export_tflite(network, LABELS, [], precision="int8")


def test_calibration_clips_come_from_every_class() -> None:
    pytest.importorskip("tensorflow", reason="needs the extra 'train'")
    from export.data.clips import Clip
    from export.data.dataset import choose

    clips = [Clip(Path(f"{label}{n}"), label) for label in "abc" for n in range(10)]
    labels = [clip.label for clip in choose(clips, 6)]
    assert sorted(labels) == ["a", "a", "b", "b", "c", "c"]
    assert len(choose(clips, 100)) == 30
