"""A network's weights by name: in memory, and in a ``.npz`` file that holds numbers only."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgevid.errors import ModelError
from edgevid.support.atomic_file import atomic_file
from export.data import npz
from export.model.network import Architecture, Network

_ARCHITECTURE = "architecture.json"
_LABELS = "labels"
CLASSIFIER = "classifier_head/classifier/"


def named_weights(network: Network) -> dict[str, Any]:
    """The network's variables by layer, such as ``block0_layer0/bneck/expansion/conv2d/kernel``.

    Keras numbers its layers in the order in which a process makes them; these names leave that
    out, so they are the same in every process.
    """
    return {stable_name(variable.name): variable for variable in network.weights}


def stable_name(name: str) -> str:
    """A variable's name without the numbers that Keras gives its layers."""
    parts = name.removesuffix(":0").split("/")[1:]
    if parts[-1] == "scale":
        return f"{parts[0]}/bneck/rezero/scale"
    layer = next(i for i, part in enumerate(parts) if part in ("conv2d", "conv2d_temporal"))
    return "/".join([*parts[: layer + 1], parts[-1].replace("depthwise_", "")])


def assign(network: Network, values: dict[str, NDArray[np.float32]], *, source: str) -> int:
    """Gives the network these weights; a classifier for other classes keeps its own.

    Args:
        network: takes the weights.
        values: every weight of the network by name; the classifier's may be missing.
        source: where they come from, for messages.

    Returns:
        How many variables were set.

    Raises:
        ModelError: weights of another architecture.
    """
    variables = named_weights(network)
    wanted = {name for name in variables if not name.startswith(CLASSIFIER)}
    unknown = {name for name in values if name not in variables}
    if missing := wanted - values.keys() or unknown:
        raise ModelError(
            f"{source} is of another architecture than {_describe(network)}: "
            f"{len(missing)} of its weights do not match, {sorted(missing)[0]} for one"
        )
    usable = {
        name: value
        for name, value in values.items()
        if name in wanted or value.shape == tuple(variables[name].shape)
    }
    for name, value in usable.items():
        if value.shape != tuple(variables[name].shape):
            raise ModelError(
                f"{source} is of another architecture than {_describe(network)}: {name} has "
                f"shape {list(value.shape)}, not {list(variables[name].shape)}"
            )
    for name, value in usable.items():
        variables[name].assign(value)
    return len(usable)


def _describe(network: Network) -> str:
    return f"MoViNet {network.architecture.size} with {network.architecture.style}"


def save(path: Path, network: Network, labels: tuple[str, ...]) -> None:
    """Writes the weights, the architecture and the labels to a ``.npz`` file.

    Raises:
        OutputError: it cannot be written.
    """
    arrays: dict[str, Any] = {n: variable.numpy() for n, variable in named_weights(network).items()}
    arrays[_LABELS] = np.array(labels)
    arrays[_ARCHITECTURE] = np.array(json.dumps(asdict(network.architecture)))
    with atomic_file(path, make_folder=True) as file:
        np.savez(file, **arrays)


def load(path: Path) -> tuple[Network, tuple[str, ...]]:
    """Reads a network that ``save`` wrote, and its labels.

    Raises:
        ModelError: it is missing, damaged, or not such a file.
    """
    try:
        values = npz.read(path)
        architecture = Architecture(**json.loads(str(values.pop(_ARCHITECTURE))))
        labels = tuple(str(label) for label in values.pop(_LABELS))
    except (ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{path} is not a checkpoint of edgevid: {error}") from error
    network = Network(architecture)
    assign(network, values, source=str(path))
    return network, labels
