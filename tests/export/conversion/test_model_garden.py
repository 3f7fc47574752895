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
