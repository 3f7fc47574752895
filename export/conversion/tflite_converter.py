"""A network becomes a streaming ``.tflite`` graph, as TensorFlow's converter writes it.

One signature, ``serving_default``: one frame, ``alpha`` and the states in; logits and the states
out. In an int8 graph the running means stay in float32: summed in int8, small channels of a long
stream would never move again.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Literal

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from tensorflow.lite.python.convert import mlir_quantize
from tqdm import tqdm

from edgevid.prepare.graph import Graph
from edgevid.prepare.serialize import write
from export.data.frames import Pictures
from export.model.network import RUNNING_MEAN, Network

Precision = Literal["int8", "float32", "float16", "dynamic"]
PRECISIONS = ("int8", "float32", "float16", "dynamic")

Inputs = dict[str, NDArray[Any]]

_CLIPS_A_STREAM = 4  # one after the other with carried state: longer than any memory of seconds


def step_function(network: Network, size: int) -> Any:
    """The network as a function of one frame, by signature names, all shapes fixed.

    Args:
        network: the network.
        size: the picture's height and width in pixels.

    Returns:
        A concrete function from ``{"image": [1, 1, size, size, 3], "alpha": [1], **states}`` to
        ``{"logits": [1, classes], **states}``, all float32.
    """
    shapes = {"image": (1, 1, size, size, 3), "alpha": (1,), **network.state_shapes(size)}
    specs = {name: tf.TensorSpec(shape, tf.float32, name=name) for name, shape in shapes.items()}

    def step(inputs: dict[str, Any]) -> dict[str, Any]:
        # Reshaped, not indexed: a slice is an operator that XNNPACK does not take over.
        outputs = network({**inputs, "alpha": tf.reshape(inputs["alpha"], [1, 1])}, training=False)
        return {**outputs, "logits": tf.reshape(outputs["logits"], [1, -1])}

    return tf.function(step).get_concrete_function(specs)


def stream(
    step: Any, frames: Iterable[NDArray[Any]], memory: float
) -> Iterator[tuple[Inputs, Any]]:
    """Runs a clip frame by frame with carried state.

    Args:
        step: of ``step_function``.
        frames: pictures, float32 0..1, ``[size, size, 3]``.
        memory: of the running means, in frames.

    Yields:
        Each step's inputs, and its logits ``[classes]``.
    """
    (specs,), _ = step.structured_input_signature
    states = {
        name: np.zeros(spec.shape, np.float32)
        for name, spec in specs.items()
        if name not in ("image", "alpha")
    }
    for count, frame in enumerate(frames, start=1):
        alpha = np.array([1 / min(count, memory)], np.float32)
        inputs = {"image": frame[None, None], "alpha": alpha, **states}
        outputs = step({name: tf.constant(value) for name, value in inputs.items()})
        states = {name: value.numpy() for name, value in outputs.items()}
        yield inputs, states.pop("logits")[0]


def calibration_steps(
    step: Any, calibration: Sequence[Pictures], memory: float
) -> Iterator[Inputs]:
    """Runs real streams: a few clips after one another, from an empty state.

    Args:
        step: of ``step_function``.
        calibration: the clips.
        memory: of the running means, in frames.

    Yields:
        Each step's inputs.
    """
    streams = [
        np.concatenate(calibration[start : start + _CLIPS_A_STREAM])
        for start in range(0, len(calibration), _CLIPS_A_STREAM)
    ]
    first = True
    for frames in tqdm(streams, desc="calibrating", unit="stream", leave=False):
        for inputs, _ in stream(step, (frame / np.float32(255) for frame in frames), memory):
            if first:
                # One black and one white pixel: so the image's scale is exactly that of pixels.
                inputs["image"][0, 0, 0, :2] = [[0.0] * 3, [1.0] * 3]
                first = False
            yield inputs


def convert(
    network: Network,
    step: Any,
    precision: Precision,
    calibration: Callable[[], Iterator[Inputs]] | None = None,
) -> bytes:
    """Converts a network.

    Args:
        network: the network.
        step: its function of one frame, of ``step_function``.
        precision: of the weights and, with ``int8``, of what flows between the layers.
        calibration: for ``int8``, gives steps of real streams, from which the ranges are taken.
    """
    with tempfile.TemporaryDirectory() as folder:
        module = tf.Module()
        module.weights = network.weights  # not the layers: tracing each of them takes minutes
        module.step = step
        tf.saved_model.save(module, folder, signatures={"serving_default": step})
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        if precision != "float32":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if precision == "float16":
            converter.target_spec.supported_types = [tf.float16]
        if precision != "int8":
            return bytes(converter.convert())
        if calibration is None:
            raise ValueError("int8 needs calibration")
        converter.representative_dataset = calibration
        converter._experimental_calibrate_only = True
        calibrated = converter.convert()
    quantized = bytes(mlir_quantize(calibrated, denylisted_nodes=_running_means(calibrated)))
    return _float_means(quantized)


def _running_means(model: bytes) -> list[str]:
    """Names of the tensors inside the running means, which are not to be quantised."""
    graph = Graph(model)
    names = [graph.name(tensor) for tensor in range(len(graph.tensors))]
    # What leaves the network goes by the output's name, not by the layer's.
    means = [graph.outputs[name] for name in graph.outputs if name.endswith("_pool_buffer")]
    return [name for name in names if f"/{RUNNING_MEAN}/" in name] + [
        graph.name(tensor) for tensor in means
    ]


def _float_means(model: bytes) -> bytes:
    """Hands on the running means as they were computed.

    The quantiser rounds a mean once for all who read it, the network's own output included.
    """
    graph = Graph(model)
    for name, tensor in graph.outputs.items():
        leave = graph.producer(tensor, "DEQUANTIZE")
        enter = leave and graph.producer(leave.inputs[0], "QUANTIZE")
        if enter and graph.dtype(enter.inputs[0]) == np.float32:
            graph.outputs[name] = enter.inputs[0]
    return write(graph, "exported by edgevid")
