"""``python -m benchmarks.exported.garden FOLDER``: files as people export them.

The Model Garden's tutorial (``movinet_streaming_model_training_and_inference.ipynb``) hands a
network to ``export_saved_model``, and what that wrote to the TFLite converter; its
``quantize_movinet.py`` sets the converter for float16, dynamic range and int8. The same is done
here for every size, style and number format; nothing of it is edgevid's own exporter.
``benchmarks.formats`` says what becomes of the files.

The weights of A0 with ReLU6 are the published file's; those of others are random, with batch norm
as clips leave it and a classifier that spreads the clips widely. All that is asked of these files
is whether, prepared, they say the same.

``3d_2plus1d`` is not among them: its grouped 3-D convolutions and 3-D average pools are none of
TFLite's operators, so the converter refuses it, or writes ``FlexConv3D`` and ``AvgPool3D``, which
LiteRT has not, where it is told to select TensorFlow's operators or to allow custom ones. The Model
Garden's ``convert_3d_2plus1d.py`` turns its weights into those of ``2plus1d``, which says the same.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import tensorflow as tf
import tf_keras
from numpy.typing import NDArray
from official.projects.movinet.modeling import movinet, movinet_model
from official.projects.movinet.tools import export_saved_model

from benchmarks import clips, report
from edgevid.support.atomic_file import atomic_file
from edgevid.support.command import OK, guard
from edgevid.support.opencv import cv2
from export.data.frames import Pictures
from export.model import checkpoint, recover
from export.model.network import INPUT_SIZE, Network, Size

Activation = Literal["relu6", "hard_swish", "swish"]
Format = Literal["float32", "float16", "dynamic", "int8"]

ACTIVATIONS: tuple[Activation, ...] = ("relu6", "hard_swish", "swish")
FORMATS: tuple[Format, ...] = ("float32", "float16", "dynamic", "int8")

_CLIPS = 12  # to calibrate on
_OWN_CLASSES = 25  # of a network with random weights, as of a task of one's own
_FRAMES_A_CLIP = 3  # of each clip to calibrate on, as quantize_movinet.py has it by default
_SPREAD = 3.0  # standard deviation, over clips, of a made-up classifier's logits

_GATE = 1.5  # what goes into the gates of squeeze-and-excitation, more or less

Inputs = dict[str, NDArray[Any]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    parser = report.arguments("benchmarks.exported.garden", __doc__)
    add = parser.add_argument
    add("folder", type=Path, help="where the files go; those that are there already are kept")
    add("--sizes", nargs="+", choices=tuple(INPUT_SIZE), default=list(INPUT_SIZE))
    add("--activations", nargs="+", choices=ACTIVATIONS, default=list(ACTIVATIONS))
    add("--formats", nargs="+", choices=FORMATS, default=list(FORMATS))
    add("--se", choices=("with", "without", "both"), default="both", help="squeeze-and-excitation")
    chosen = parser.parse_args(arguments)
    return guard(lambda: _run(chosen))


def _run(chosen: argparse.Namespace) -> int:
    gates = {"with": (True,), "without": (False,), "both": (False, True)}[chosen.se]
    for size, se, activation in itertools.product(chosen.sizes, gates, chosen.activations):
        make(Kind(size, se, activation), chosen.folder, chosen.formats)
    return OK


@dataclass(frozen=True)
class Kind:
    """Which network.

    Attributes:
        size: ``a0``, ``a1`` or ``a2``.
        se: with squeeze-and-excitation (the Model Garden's ``2plus3d``), or without.
        activation: of the layers; the gates of squeeze-and-excitation follow it.
    """

    size: Size
    se: bool
    activation: Activation

    @property
    def name(self) -> str:
        """Such as ``a0_se_hard_swish``."""
        return f"{self.size}_{'se' if self.se else 'plain'}_{self.activation}"


def make(kind: Kind, folder: Path, formats: Sequence[Format]) -> None:
    """Makes the files of one network that are not there yet, from the clips without a class."""
    paths = {numbers: folder / f"{kind.name}_{numbers}.tflite" for numbers in formats}
    missing = {numbers: path for numbers, path in paths.items() if not path.exists()}
    if not missing:
        return
    pixels = INPUT_SIZE[kind.size]
    unknown = [item for item in clips.rows("clips") if item[1]["role"] == "calib"]
    shown = [
        np.stack([cv2.resize(picture, (pixels, pixels)) for picture in clip.pictures])
        for clip in clips.read((unknown + clips.rows("segments"))[: 2 * _CLIPS], most=2 * _CLIPS)
    ]
    published = kind.size == "a0" and kind.activation == "relu6"
    model = network(
        kind, pixels, shown,
        classes=600 if published else _OWN_CLASSES,
        start=recover.load(clips.published_path()) if published else None,
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as saved:
        save(model, Path(saved), pixels)
        for numbers, path in missing.items():
            with atomic_file(path, make_folder=True) as file:
                file.write(convert(Path(saved), numbers, shown[:_CLIPS]))


def network(
    kind: Kind,
    pixels: int,
    shown: Sequence[Pictures],
    *,
    classes: int = 600,
    start: Network | None = None,
) -> Any:
    """Makes a Model Garden network that can be told from others by what it says.

    Args:
        kind: which.
        pixels: height and width of the input.
        shown: clips, uint8 ``[frames, pixels, pixels, 3]``, for statistics of batch norm.
        classes: how many logits.
        start: takes its weights from here, where it has them; random weights when None.

    Returns:
        A ``MovinetClassifier`` for one frame a step.
    """
    tf_keras.utils.set_random_seed(0)
    model = open_network(kind, pixels, classes)
    if start is None:
        _measure(model, shown)
    else:
        _take(model, kind, start)
    return model


def open_network(kind: Kind, pixels: int, classes: int, convolutions: str = "2plus1d") -> Any:
    """Makes a network with the weights that Keras starts with; see ``network``."""
    shape = [1, 1, pixels, pixels, 3]
    specs = tf_keras.layers.InputSpec(shape=shape)
    # As its exporter does, for the plain function has a gradient of its own.
    activation = "simple_swish" if kind.activation == "swish" else kind.activation
    backbone = movinet.Movinet(
        model_id=kind.size, causal=True, input_specs=specs, conv_type=convolutions,
        se_type="2plus3d" if kind.se else "none", activation=activation,
        gating_activation="sigmoid" if kind.activation == "swish" else "hard_sigmoid",
        use_external_states=True,
    )  # fmt: skip
    model = movinet_model.MovinetClassifier(
        backbone, num_classes=classes, output_states=True, input_specs={"image": specs},
        activation=activation,
    )  # fmt: skip
    model.build(shape)
    return model


def _take(model: Any, kind: Kind, start: Network) -> None:
    """Gives a network another's weights, and made-up ones to what the other has not.

    That is squeeze-and-excitation: its gates are near one value, which the projection after them
    undoes.
    """
    gate = (_GATE + 3) / 6  # hard-sigmoid
    values = checkpoint.named_weights(start)
    rng = np.random.default_rng(0)
    for variable in model.weights:
        name = checkpoint.stable_name(f"movinet/{variable.name}")
        shape = tuple(variable.shape)
        if "/se/" in name or name not in values:
            value = rng.normal(0, 1 / np.sqrt(np.prod(shape[:-1])), shape)
            if name.endswith("bias"):
                value = np.full(shape, _GATE if "se_expand" in name else 0.0)
        else:
            value = values[name].numpy()
            if kind.se and "/projection/" in name and name.endswith("/kernel"):
                value = value / gate
        variable.assign(value)


def _measure(model: Any, shown: Sequence[Pictures]) -> None:
    """Sets batch norm's statistics to what clips give, and a classifier that spreads them."""
    rng = np.random.default_rng(0)
    scales = [one for one in model.weights if one.name.endswith("rezero/scale:0")]
    for scale in scales:  # which start at 0, so that a block does nothing
        scale.assign(0.25)
    norms = [
        layer for layer in model.submodules if isinstance(layer, tf_keras.layers.BatchNormalization)
    ]
    for layer in norms:
        layer.momentum = 0.0  # the statistics become the last batch's
    frames = np.concatenate([clip[:: max(1, len(clip) // 3)][:3] for clip in shown])[:64]
    images = tf.constant(frames[:, None] / np.float32(255))
    states = model.init_states(images.shape)
    model({**states, "image": images}, training=True)
    for layer in norms:
        layer.gamma.assign(rng.uniform(0.7, 1.3, layer.gamma.shape))
        layer.beta.assign(rng.normal(0, 0.3, layer.beta.shape))
    model({**states, "image": images}, training=True)
    said = model({**states, "image": images}, training=False)[0].numpy()
    kernel, bias = (
        next(one for one in model.weights if "classifier/" in one.name and one.name.endswith(end))
        for end in ("kernel:0", "bias:0")
    )
    kernel.assign(kernel * _SPREAD / said.std(0))
    bias.assign(-said.mean(0) * _SPREAD / said.std(0))


def save(model: Any, folder: Path, pixels: int) -> None:
    """Writes a network as a SavedModel, as the tutorial does."""
    export_saved_model.export_saved_model(
        model=model,
        input_shape=(1, 1, pixels, pixels, 3),
        export_path=str(folder),
        causal=True,
        bundle_input_init_states_fn=False,
    )


def convert(folder: Path, numbers: Format, shown: Sequence[Pictures] = ()) -> bytes:
    """Converts a SavedModel, as the tutorial and ``quantize_movinet.py`` do.

    Args:
        folder: of ``save``.
        numbers: the format.
        shown: for ``int8``, clips to calibrate on.

    Returns:
        The content of a ``.tflite`` file, float32 at its interface.
    """
    converter = tf.lite.TFLiteConverter.from_saved_model(str(folder))
    if numbers != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if numbers == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if numbers == "int8":
        step = tf.saved_model.load(str(folder)).signatures["serving_default"]
        converter.representative_dataset = lambda: _examples(step, shown)
    return bytes(converter.convert())


def _examples(step: Any, shown: Sequence[Pictures]) -> Iterator[Inputs]:
    """A few frames of each clip, with the states that the frames before them left."""
    rng = np.random.default_rng(0)
    specs = step.structured_input_signature[1]
    for clip in shown:
        chosen = {0, *rng.integers(1, len(clip), _FRAMES_A_CLIP - 1)}
        states = {
            name: np.zeros(spec.shape, spec.dtype.as_numpy_dtype)
            for name, spec in specs.items()
            if name != "image"
        }
        for number, frame in enumerate(clip[: max(chosen) + 1]):
            inputs = {"image": frame[None, None] / np.float32(255), **states}
            if number in chosen:
                yield inputs
            said = step(**{name: tf.constant(value) for name, value in inputs.items()})
            states = {name: value.numpy() for name, value in said.items() if name != "logits"}


if __name__ == "__main__":
    sys.exit(main())
