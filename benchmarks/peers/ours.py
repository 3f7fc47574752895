"""edgevid itself, among its peers."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

import edgevid
from edgevid import Frame, Score


class EdgevidLoop:
    """A stream as a program would have it. Equal outputs need a memory without end: see ``logits``.

    Args:
        model: path of the published file, which is prepared on the way.
        labels: not used, they are in the model.
    """

    def __init__(self, model: str, labels: Sequence[str]) -> None:
        self.version = edgevid.__version__
        loaded = edgevid.load_model(model)
        self._stream = loaded.stream()
        self._endless = loaded.stream(memory=math.inf)

    def reset(self) -> None:
        """Forgets all frames."""
        self._stream.reset()
        self._endless.reset()

    def logits(self, picture: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Takes one more picture; returns ``[classes]``, over all frames as the others do."""
        return self._endless.logits(picture)

    def step(self, picture: NDArray[np.uint8]) -> tuple[Score, ...]:
        """Takes one more picture; returns the five best labels, with the default memory."""
        return self._stream.step(Frame(picture, 0.0, 0)).scores
