"""What ``edgevid.prepare`` does to exported files: nothing to the result, much to the time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from edgevid.prepare import prepare
from edgevid.runtime.partitions import partitions
from tests.export.conftest import SIZE
from tests.prepare.running import logits_of

LABELS = ("a", "b", "c")


def open_network(network_module: Any, size: str, style: str) -> Any:
    """A network with random weights of which every layer matters."""
    import tf_keras

    tf_keras.utils.set_random_seed(0)
    network = network_module.Network(network_module.Architecture(size, style, len(LABELS)))
    rng = np.random.default_rng(0)
    for variable in network.weights:
        if variable.name.endswith("scale:0"):
            variable.assign(0.5)
        if variable.name.endswith(("beta:0", "moving_mean:0")):
            variable.assign(rng.normal(0, 0.2, variable.shape))
        if variable.name.endswith("moving_variance:0"):
            variable.assign(rng.uniform(0.5, 2, variable.shape))
    return network


@pytest.mark.parametrize(
    "size", ["a0", *(pytest.param(size, marks=pytest.mark.slow) for size in ("a1", "a2"))]
)
def test_a_float_file_says_the_same_for_ever(network_module: Any, size: str) -> None:
    """With squeeze-and-excitation every block has a mean; none of them ever forgets here."""
    from export.conversion.tflite_converter import convert, step_function

    network = open_network(network_module, size, "hard_swish")
    exported = convert(network, step_function(network, SIZE), "float32")
    # Where there are dot products, wide convolutions' weights are rounded to int8.
    prepared = prepare(exported, name=size, labels=LABELS, target="pi4")
    assert any(change for _, change in prepared.report)
    coarse = np.random.default_rng(1).integers(0, 256, (100, 3, 3, 3), np.uint8)
    pictures = coarse.repeat(SIZE // 3, axis=1).repeat(SIZE // 3, axis=2)
    before, after = (logits_of(data, pictures, memory=np.inf) for data in (exported, prepared.data))
    assert np.ptp(before, axis=0).min() > 1e-2  # it looks at the pictures
    assert np.abs(after - before).max() < 1e-4


def test_an_int8_file_becomes_one_partition(network_module: Any, depth: None) -> None:
    """Which is what makes it fast: ``benchmarks.files`` says how fast, on a given processor."""
    from edgevid.modelfile import manifest
    from edgevid.modelfile.manifest import Manifest
    from export.conversion.tflite_converter import Inputs, convert, step_function, stream

    network = open_network(network_module, "a0", "hard_swish")
    step = step_function(network, 172)

    def calibration() -> Iterator[Inputs]:
        frames = np.random.default_rng(1).random((8, 172, 172, 3), np.float32)
        yield from (inputs for inputs, _ in stream(step, frames, np.inf))

    exported = manifest.write(convert(network, step, "int8", calibration), Manifest("a0", LABELS))
    assert partitions(prepare(exported, name="a0").data) == 1 < partitions(exported)
