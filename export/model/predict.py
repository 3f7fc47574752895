"""What a network says about whole clips: in Keras, and as the file that the device runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from edgevid.runtime.model import Model
from export.data.frames import Pictures
from export.model.network import Network, alphas

Logits = NDArray[np.float32]  # [frames, classes]
Predictor = Callable[[Pictures], Logits]

_CHUNK = 16  # frames at a time: one graph for clips of any length, in little memory


def keras_predictor(network: Network, memory: float) -> Predictor:
    """Runs a network in float on clips, from an empty state each.

    Args:
        network: the network.
        memory: of the running means, in frames.
    """

    @tf.function
    def run(inputs: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        return network(inputs, training=False)

    def predict(clip: Pictures) -> Logits:
        size = clip.shape[1]
        states = {
            # Past frames are as short as what flows between the layers; means never are.
            name: tf.zeros(shape, network.compute_dtype if "_stream_" in name else tf.float32)
            for name, shape in network.state_shapes(size).items()
        }
        logits = []
        for start in range(0, len(clip), _CHUNK):
            part = clip[start : start + _CHUNK]
            image = np.zeros((1, _CHUNK, size, size, 3), np.float32)
            alpha = np.zeros((1, _CHUNK), np.float32)  # 0: padding changes no mean
            image[0, : len(part)] = part / np.float32(255)
            alpha[0, : len(part)] = alphas(len(part), memory, seen=start)
            outputs = run({"image": tf.constant(image), "alpha": tf.constant(alpha), **states})
            logits.append(outputs.pop("logits")[0, : len(part)].numpy())
            states = outputs
        return np.concatenate(logits)

    return predict


def file_predictor(model: Model, memory: float) -> Predictor:
    """Runs an exported file through edgevid's own stream, one frame a step.

    Args:
        model: the loaded file.
        memory: of the running means, in frames.
    """

    def predict(clip: Pictures) -> Logits:
        stream = model.stream(memory=memory / model.manifest.fps, follow_scene=False)
        return np.stack([stream.logits(picture) for picture in clip])

    return predict


class FeatureStepper:
    """Runs a network in float, one picture a step, up to its features; it remembers no mean.

    Args:
        network: the network.
    """

    def __init__(self, network: Network) -> None:
        self.size = network.architecture.input_size

        @tf.function
        def run(inputs: dict[str, tf.Tensor]) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
            features, states = network.pooled(inputs, training=False)
            return features[0, 0], states

        self._run = run
        self._empty = {
            name: tf.zeros(shape, network.compute_dtype if "_stream_" in name else tf.float32)
            for name, shape in network.state_shapes(self.size).items()
        }
        self.reset()

    def reset(self) -> None:
        """Forgets everything."""
        self._states = self._empty

    def step(self, picture: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Takes one more picture, RGB, uint8 ``[size, size, 3]``; returns its features."""
        image = (picture / np.float32(255))[None, None].astype(np.float32)
        inputs = {"image": tf.constant(image), "alpha": tf.ones([1, 1]), **self._states}
        features, self._states = self._run(inputs)
        return np.asarray(features.numpy(), np.float32)


def at_the_end(predict: Predictor, clips: Sequence[Pictures]) -> Logits:
    """Logits after each clip's last frame, ``[clips, classes]``."""
    return np.stack([predict(clip)[-1] for clip in clips])
