"""Files made by the Model Garden's own code, from export to one partition that says the same."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.parity import softmax
from edgevid.prepare import TARGETS, prepare
from edgevid.runtime.partitions import partitions
from tests.export.conftest import FOUR, of_depth
from tests.prepare.running import logits_of

PIXELS = 32
CLASSES = 5
LABELS = tuple("abcde")

Convert = Callable[[str], bytes]


@pytest.fixture(scope="module")
def clips() -> list[NDArray[np.uint8]]:
    """Clips of coarse patterns, unlike one another."""
    coarse = np.random.default_rng(1).integers(0, 256, (6, 8, 4, 4, 3), np.uint8)
    return list(coarse.repeat(PIXELS // 4, axis=2).repeat(PIXELS // 4, axis=3))


def save_signature(model: Any, path: str, signatures: Any) -> None:
    """Writes the one function that the converter reads.

    Keras would trace every layer as well, which takes a minute; the converter makes the same
    operators of either.
    """
    import tensorflow as tf

    module = tf.Module()
    module.weights, module.step = model.weights, signatures
    tf.saved_model.save(module, path, signatures={"serving_default": signatures})


@pytest.fixture(scope="module")
def exported(
    network_module: Any, clips: list[NDArray[np.uint8]], tmp_path_factory: pytest.TempPathFactory
) -> Convert:
    """A network with squeeze-and-excitation and hard-swish, in any format."""
    from benchmarks.exported import garden

    folder = tmp_path_factory.mktemp("saved")
    with of_depth(network_module, FOUR), pytest.MonkeyPatch.context() as patch:
        patch.setattr("tf_keras.models.save_model", save_signature)
        kind = garden.Kind("a0", True, "hard_swish")
        model = garden.network(kind, PIXELS, clips, classes=CLASSES)
        garden.save(model, folder, PIXELS)
    return lambda numbers: garden.convert(folder, numbers, clips)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("numbers", "limit"),
    [
        ("float32", 0.005),
        ("float16", 0.005),
        pytest.param("dynamic", 0.005, marks=pytest.mark.slow),
        ("int8", 0.02),
    ],
)
def test_one_partition_that_says_the_same(
    exported: Convert, clips: list[NDArray[np.uint8]], numbers: str, limit: float
) -> None:
    """The limits are those of ``benchmarks.formats``, which asks it of whole networks."""
    data = exported(numbers)
    for target in TARGETS:
        prepared = prepare(data, name="garden", labels=LABELS, target=target).data
        assert partitions(prepared) == 1, target
    prepared = prepare(data, name="garden", labels=LABELS, target="x86").data
    found = []
    for clip in clips:
        before, after = logits_of(data, clip), logits_of(prepared, clip)
        assert np.ptp(before) > 0.1  # it looks at the pictures
        p, q = softmax(before[-1].astype(np.float64)), softmax(after[-1].astype(np.float64))
        found.append((p * np.log(p / q)).sum())
    assert np.mean(found) < limit


@pytest.mark.slow
def test_three_dimensional_convolutions_are_refused_by_the_converter(
    network_module: Any, tmp_path: Path
) -> None:
    """Then nobody can hand such a file in. A converter that takes them needs passes for them."""
    from benchmarks.exported import garden

    with of_depth(network_module, FOUR):
        kind = garden.Kind("a0", False, "relu6")
        model = garden.open_network(kind, PIXELS, CLASSES, "3d_2plus1d")
        garden.save(model, tmp_path, PIXELS)
        with pytest.raises(Exception, match="Conv3D"):
            garden.convert(tmp_path, "float32")


@pytest.mark.slow
def test_the_same_weights_in_two_dimensions_say_the_same(
    network_module: Any, clips: list[NDArray[np.uint8]], tmp_path: Path
) -> None:
    """What is left for ``3d_2plus1d``: the weights turned as its ``convert_3d_2plus1d.py`` does."""
    import tensorflow as tf

    from benchmarks.exported import garden

    kind = garden.Kind("a0", False, "relu6")
    with of_depth(network_module, FOUR), pytest.MonkeyPatch.context() as patch:
        patch.setattr("tf_keras.models.save_model", save_signature)
        solid = garden.open_network(kind, PIXELS, CLASSES, "3d_2plus1d")
        garden._measure(solid, clips)
        flat = garden.open_network(kind, PIXELS, CLASSES)
        flat.set_weights(
            [
                _flat(one, other.shape)
                for one, other in zip(solid.get_weights(), flat.get_weights(), strict=True)
            ]
        )
        garden.save(flat, tmp_path, PIXELS)
    data = garden.convert(tmp_path, "float32")
    prepared = prepare(data, name="garden", labels=LABELS, target="pi4").data
    assert partitions(prepared) == 1
    states, said = solid.init_states([1, 1, PIXELS, PIXELS, 3]), []
    for picture in clips[0]:
        image = tf.constant(picture[None, None] / np.float32(255))
        logits, states = solid({**states, "image": image})
        said.append(logits[0].numpy())
    assert np.allclose(logits_of(prepared, clips[0]), said, atol=1e-3)


def _flat(weights: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """Returns a 3-D kernel as the 2-D one of a network without it."""
    if weights.shape == shape:
        return weights
    kernel = weights[0] if weights.shape[0] == 1 else weights[:, 0]
    return kernel if kernel.shape == shape else kernel.transpose(0, 1, 3, 2)
