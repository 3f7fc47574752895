from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.export.conftest import SIZE

LABELS = ("a", "b", "c")


@pytest.mark.usefixtures("few_blocks")
def test_a_layer_that_int8_cannot_hold_is_named(network_module: Any) -> None:
    """One channel of it is far larger than all others, which share its scale."""
    from export.conversion.export import export_tflite
    from export.model.checkpoint import named_weights
    from export.verification.layers import float_file, worst_layers

    network = network_module.Network(network_module.Architecture("a0", "hard_swish", 3))
    for name, variable in named_weights(network).items():
        if name.endswith("rezero/scale"):
            variable.assign(0.5)
        if name == "block1_layer0/bneck/projection/conv2d/gamma":
            variable.assign(np.where(np.arange(variable.shape[0]) == 0, 3e4, 1.0))
    rng = np.random.default_rng(0)
    clips = [rng.integers(0, 256, (8, SIZE, SIZE, 3), np.uint8) for _ in range(5)]
    files = (
        float_file(network, SIZE, "pi5"),
        export_tflite(network, LABELS, clips[:4], precision="int8", target="pi5"),
    )
    worst, second = worst_layers(*files, clips[4], memory=15.0, count=2)
    assert worst.layer == "block1_layer0"
    assert worst.added > 2 * second.added
    assert max(x.error for x in worst_layers(files[0], files[0], clips[4], memory=15.0)) < 1e-6
