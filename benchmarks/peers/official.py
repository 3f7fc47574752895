"""The loop of the official Raspberry Pi example, on any of the TFLite interpreters.

TensorFlow Lite's example (tensorflow/examples, ``lite/examples/video_classification/
raspberry_pi``, ``video_classifier.py``, 2022) turns the picture to float, calls the model's
signature with all its states, and sorts all scores in Python. It never resets.
"""

from __future__ import annotations

import importlib
import importlib.metadata
from collections.abc import Sequence
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

_INTERPRETERS = {
    "ai-edge-litert": "ai_edge_litert.interpreter",
    "tflite-runtime": "tflite_runtime.interpreter",
    "tensorflow": "tensorflow.lite.python.interpreter",
}


class Category(NamedTuple):
    """One label and its score, as the official example has it."""

    label: str
    score: float


class OfficialLoop:
    """What the official example does with each frame.

    Args:
        model: path of the published file.
        labels: one for each logit.
        distribution: the runtime's name as pip knows it.
    """

    def __init__(
        self, model: str, labels: Sequence[str], distribution: str = "ai-edge-litert"
    ) -> None:
        self.version = importlib.metadata.version(distribution)
        interpreter_class = importlib.import_module(_INTERPRETERS[distribution]).Interpreter
        self._labels = labels
        # The runner works on the interpreter, but does not keep it alive.
        self._interpreter: Any = interpreter_class(model, num_threads=1)
        self._signature = self._interpreter.get_signature_runner()
        self.reset()

    def reset(self) -> None:
        """Forgets all frames; the example itself never does."""
        self._states = {
            name: np.zeros(detail["shape"], detail["dtype"])
            for name, detail in self._signature.get_input_details().items()
            if name != "image"
        }

    def logits(self, picture: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Takes one picture, uint8 ``[172, 172, 3]``; returns ``[600]``."""
        scaled = cv2.resize(picture, (picture.shape[1], picture.shape[0]))
        image = np.float32(scaled[None, None]) / 255
        outputs = self._signature(image=image, **self._states)
        logits: NDArray[np.float32] = outputs.pop("logits")[0]
        self._states = outputs
        return logits

    def step(self, picture: NDArray[np.uint8]) -> list[Category]:
        """Takes one picture; returns the five best labels."""
        weights = np.exp(self.logits(picture))
        probabilities = weights / np.sum(weights)
        # It sorts all scores in Python, makes a record of each, and then takes five.
        order = sorted(range(len(probabilities)), key=lambda k: probabilities[k], reverse=True)
        records = [Category(self._labels[index], probabilities[index]) for index in order]
        return [record for record in records if record.score >= 0][:5]
