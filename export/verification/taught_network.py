"""The float network in Keras as what a taught file is compared with."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgevid.records import Frame
from edgevid.runtime.preprocess import Preprocess
from export.model import checkpoint
from export.model.predict import FeatureStepper


class OfNetwork:
    """The features of a network in float.

    Args:
        path: ``network.npz`` of ``export.finetune``.

    Raises:
        ModelError: it is missing, damaged, or not such a file.
    """

    partitions = None
    stream = None

    def __init__(self, path: Path) -> None:
        network, _ = checkpoint.load(path)
        self._stepper = FeatureStepper(network)
        self._preprocess = Preprocess(self._stepper.size, self._stepper.size)

    def reset(self) -> None:
        """Forgets everything."""
        self._stepper.reset()

    def step(self, frame: Frame) -> NDArray[np.float32]:
        """Takes one more frame; returns its features."""
        return self._stepper.step(self._preprocess.fit(frame.image))
