"""Files with random weights, for timing."""

from __future__ import annotations

import dataclasses

import numpy as np

from edgevid.modelfile import label_files, manifest
from export.conversion.export import export_tflite
from export.conversion.tflite_converter import Precision
from export.model.network import Architecture, Network, Size, Style


def random_weights(size: Size, style: Style, precision: Precision, target: str) -> bytes:
    """Returns a streaming file of 600 classes.

    Args:
        size: the network.
        style: its activations.
        precision: what it computes in.
        target: the processor to prepare for, as ``edgevid.prepare`` takes it.
    """
    network = Network(Architecture(size, style, 600))
    side, rng = network.architecture.input_size, np.random.default_rng(0)
    calibration = [rng.integers(0, 256, (4, side, side, 3), np.uint8) for _ in range(2)]
    data = export_tflite(
        network,
        label_files.default(600),
        calibration,
        precision=precision,
        name=f"untrained-{size}-{style}-{precision}",
        target=target,
    )
    described = manifest.read(data)
    assert described is not None
    provenance = {**described.provenance, "weights": "random"}
    described = dataclasses.replace(described, provenance=provenance)
    return manifest.write(manifest.split(data)[0], described)
