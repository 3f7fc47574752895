"""Distances between two ways of running a network."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def softmax(logits: NDArray[Any]) -> NDArray[Any]:
    """Turns logits ``[..., classes]`` into probabilities that add up to 1."""
    weights: NDArray[Any] = np.exp(logits - logits.max(axis=-1, keepdims=True))
    shares: NDArray[Any] = weights / weights.sum(axis=-1, keepdims=True)
    return shares
