"""Where a training's weights come from."""

from __future__ import annotations

import re
from pathlib import Path

import tensorflow as tf
from official.projects.movinet.modeling import movinet, movinet_model

from edgevid.errors import ModelError, UsageError
from export.model import checkpoint, recover
from export.model.network import Architecture, Network


def load(init: str, architecture: Architecture) -> tuple[Network, bool]:
    """Makes a network for new classes, with old weights wherever they fit.

    Args:
        init: a published streaming ``.tflite`` file, a checkpoint of edgevid (``.npz``), the
            prefix of a Model Garden checkpoint, or ``none``.
        architecture: what to make; the classifier is always new, unless the number of classes is
            the same.

    Returns:
        The network, and whether its batch norms lack their statistics (see ``batch_norm``).

    Raises:
        ModelError: the weights are of another architecture, or cannot be read.
        UsageError: ``init`` is none of these.
    """
    network = Network(architecture)
    if init == "none":
        return network, False
    path = Path(init)
    if path.suffix == ".tflite":
        return _take(network, recover.load(path), init), True
    if path.suffix == ".npz":
        return _take(network, checkpoint.load(path)[0], init), False
    if path.with_name(path.name + ".index").exists():
        _model_garden(network, init)
        return network, False
    raise UsageError(
        f"--init {init}: give a .tflite file, a .npz checkpoint, the prefix of a Model Garden "
        "checkpoint (PREFIX.index must exist), or none"
    )


def _take(network: Network, other: Network, source: str) -> Network:
    values = {name: v.numpy() for name, v in checkpoint.named_weights(other).items()}
    checkpoint.assign(network, values, source=source)
    return network


def _model_garden(network: Network, prefix: str) -> None:
    """Restores a checkpoint into the Model Garden's own model, and takes its weights."""
    architecture = network.architecture
    shapes = {}
    try:
        shapes = tf.train.load_checkpoint(prefix).get_variable_to_shape_map()
    except (tf.errors.OpError, ValueError) as error:
        raise ModelError(f"{prefix} is no checkpoint of TensorFlow: {error}") from error
    classes = architecture.classes
    for name, shape in shapes.items():
        if "_classifier" in name and len(shape) in (4, 5):
            classes = int(shape[-1])
    with_se = architecture.style == "hard_swish"
    backbone = movinet.Movinet(
        model_id=architecture.size, causal=True, conv_type="2plus1d",
        se_type="2plus3d" if with_se else "none", activation=architecture.style,
        gating_activation="hard_sigmoid", use_external_states=True,
    )  # fmt: skip
    model = movinet_model.MovinetClassifier(
        backbone, num_classes=classes, output_states=True, activation=architecture.style
    )
    shape = [1, 1, 32, 32, 3]
    model({**model.init_states(shape), "image": tf.zeros(shape)})
    try:
        # read, not restore: a counter of saves is in some of these files only.
        tf.train.Checkpoint(model=model).read(prefix).assert_existing_objects_matched()
        held = [n for n in shapes if n.startswith("model/") and ".OPTIMIZER_SLOT" not in n]
        if len(held) > len(model.weights):  # such as those of squeeze-and-excitation
            raise ValueError(f"it holds {len(held)} tensors, and {len(model.weights)} are known")
    except (AssertionError, ValueError, tf.errors.OpError) as error:
        first = str(error).strip().splitlines()[0]
        raise ModelError(
            f"{prefix} is of another architecture than MoViNet {architecture.size} with "
            f"{architecture.style}: {first}"
        ) from error
    values = {}
    for variable in model.weights:
        # Keras numbers the heads that a process makes: classifier_head_1/...
        name = re.sub(r"^classifier_head_\d+", "classifier_head", variable.name)
        values[checkpoint.stable_name("movinet/" + name)] = variable.numpy()
    checkpoint.assign(network, values, source=prefix)
