"""Verifies that an exported file computes what the network does.

The float network in Keras is the reference. Each file runs through edgevid's own stream, one
frame a step, as on the device.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from edgevid.errors import ModelError
from edgevid.modelfile import manifest
from edgevid.models.load import load_model
from edgevid.support.atomic_file import atomic_file
from export.data.dataset import EvaluationSet
from export.model.network import Network
from export.model.predict import file_predictor, keras_predictor
from export.verification.comparison import Comparison, compare
from export.verification.layers import float_file, worst_layers
from export.verification.limits import Limits

_LAYER_FRAMES = 50  # enough to compare layers on


def verify(
    network: Network,
    labels: Sequence[str],
    files: Sequence[Path],
    evaluation: EvaluationSet,
    limits: Limits,
) -> dict[str, Comparison]:
    """Compares files with the network that they were made from.

    The result is written into each file's manifest, as ``verified`` beside the metrics that are
    there.

    Args:
        network: in float.
        labels: of its classes.
        files: exported files.
        evaluation: clips that had no part in training or calibration, one or more.
        limits: past which the worst layers are looked for.

    Returns:
        The comparisons by the file's name.

    Raises:
        ModelError: a file is not usable, or of another size or other classes than the network.
        OutputError: a file cannot be written.
    """
    results = {}
    for path in files:
        model = load_model(path)
        if model.manifest.labels != tuple(labels):
            raise ModelError(f"{path} is of other classes than the network")
        size, memory = model.signature.height, model.manifest.memory_s * model.manifest.fps
        if size != network.architecture.input_size:
            raise ModelError(f"{path} is of another size than the network")
        result = compare(
            keras_predictor(network, memory), file_predictor(model, memory), evaluation,
            memory=memory,
        )  # fmt: skip
        content = path.read_bytes()
        if result.failures(limits):
            exact = float_file(network, size, model.manifest.provenance.get("target"))
            longest = max(evaluation.pictures, key=len)[:_LAYER_FRAMES]
            worst = worst_layers(exact, content, longest, memory=memory)
            result = replace(result, worst_layers=tuple(worst))
        results[path.name] = result
        metrics = {**model.manifest.metrics, "verified": asdict(result)}
        with atomic_file(path, make_folder=True) as file:
            file.write(manifest.write(content, replace(model.manifest, metrics=metrics)))
    return results
