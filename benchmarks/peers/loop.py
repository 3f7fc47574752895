"""The interface of every engine's loop."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray


class Loop(Protocol):
    """One stream on one engine, one thread.

    Attributes:
        version: of the engine.
    """

    version: str

    def reset(self) -> None:
        """Forgets all frames."""
        ...

    def logits(self, picture: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Takes one more picture ``[height, width, 3]``; returns ``[classes]``.

        The mean over all frames since ``reset`` counts, as in the published network.
        """
        ...

    def step(self, picture: NDArray[np.uint8]) -> Any:
        """Takes one more picture; returns the five best labels with their probabilities."""
        ...


class TwinLoop:
    """The loop around engines that run the network's float twin (``twin.py``).

    Written as a careful user would: only the image is converted, states go from output to input
    as the engine gave them, and the five best are found without sorting all.
    """

    version = ""

    def __init__(self, labels: Sequence[str]) -> None:
        self._labels = labels
        self._count = 0

    def run(self, image: NDArray[np.float32], alpha: NDArray[np.float32]) -> NDArray[np.float32]:
        """Computes one step from ``[1, height, width, 3]``, 0..1; returns logits ``[classes]``."""
        raise NotImplementedError

    def reset(self) -> None:
        """Forgets all frames: engines start from zeros, and override this to place them."""
        self._count = 0

    def logits(self, picture: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Takes one more picture; returns ``[classes]``."""
        self._count += 1
        alpha = np.array([1 / self._count], np.float32)
        return self.run(np.multiply(picture[None], np.float32(1 / 255)), alpha)

    def step(self, picture: NDArray[np.uint8]) -> list[tuple[str, float]]:
        """Takes one more picture; returns the five best labels with their probabilities."""
        return five_best(self.logits(picture), self._labels)


def five_best(logits: NDArray[np.float32], labels: Sequence[str]) -> list[tuple[str, float]]:
    """Returns the five most probable labels, best first."""
    weights = np.exp(logits - logits.max())
    weights /= weights.sum()
    best = np.argpartition(weights, -5)[-5:]
    best = best[np.argsort(-weights[best])]
    return [(labels[index], float(weights[index])) for index in best]
