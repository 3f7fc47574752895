"""The head of a taught model in its file: weights over means of features.

``edgevid.runtime.head`` runs it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgevid.errors import ModelError

FILE = "head.f32"  # its name in the archive at the end of a model file
_KIND = "linear"
_MAX_WINDOW = 1000  # frames; 200 s at five a second
_MAX_WINDOWS = 16
_MAX_ROOTS = 2
_FLOAT = np.dtype("<f4")


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """What a taught model has in place of a classifier. Never changes; streams share it.

    Attributes:
        windows: over how many of the last frames each mean goes, ascending.
        weights: float32 ``[labels, len(windows) * features]``: those of the first mean come first.
        bias: float32 ``[labels]``.
        roots: how many times the square root of each feature is taken before the means, so that
            the few large ones do not drown the others; 0 to 2. What is below 0 counts as 0 then.

    Raises:
        ModelError: sizes that do not fit together, or values that are no numbers.

    Example:
        >>> head = Head((1, 5), np.zeros((1, 960), np.float32), np.zeros(1, np.float32))
        >>> head.labels, head.features
        (1, 480)
    """

    windows: tuple[int, ...]
    weights: NDArray[np.float32]
    bias: NDArray[np.float32]
    roots: int = 0

    def __post_init__(self) -> None:
        windows = self.windows
        if not 0 < len(windows) <= _MAX_WINDOWS or list(windows) != sorted(set(windows)):
            raise ModelError(f"head: the windows must ascend, not be {list(windows)!a:.80}")
        if windows[0] < 1 or windows[-1] > _MAX_WINDOW:
            raise ModelError(f"head: windows must have 1 to {_MAX_WINDOW} frames")
        if not 0 <= self.roots <= _MAX_ROOTS:
            raise ModelError(f"head: 0 to {_MAX_ROOTS} roots can be taken, not {self.roots}")
        labels, inputs = self.weights.shape
        if not labels or not inputs or inputs % len(windows) or self.bias.shape != (labels,):
            raise ModelError(f"head: weights {labels}x{inputs} do not fit {len(windows)} windows")
        if not (np.isfinite(self.weights).all() and np.isfinite(self.bias).all()):
            raise ModelError("head: it holds what is no number")

    @property
    def labels(self) -> int:
        """How many labels it tells."""
        return int(self.weights.shape[0])

    @property
    def features(self) -> int:
        """How many features a frame has."""
        return int(self.weights.shape[1]) // len(self.windows)

    def described(self) -> dict[str, Any]:
        """Returns what the manifest says of it. The numbers are in a file beside: ``packed``."""
        return {
            "kind": _KIND,
            "file": FILE,
            "features": self.features,
            "roots": self.roots,
            "windows": list(self.windows),
        }

    def packed(self) -> bytes:
        """Returns weights, row by row, and then bias as little-endian float32."""
        return self.weights.astype(_FLOAT).tobytes() + self.bias.astype(_FLOAT).tobytes()


def unpacked(described: Any, packed: bytes, labels: int) -> Head:
    """Returns a head as it was before ``described`` and ``packed``.

    Args:
        described: of any kind, from a file that anybody may have made.
        packed: the numbers.
        labels: how many there must be.

    Raises:
        ModelError: it is no head, or not for so many labels.
    """
    if not isinstance(described, dict) or described.get("kind") != _KIND:
        raise ModelError("the model's head is of a kind that this edgevid does not know: upgrade")
    features, roots = described.get("features"), described.get("roots")
    windows: list[int] = described.get("windows", [])
    sizes = isinstance(windows, list) and all(type(n) is int for n in windows)
    if not sizes or not windows or type(features) is not int or not 0 < features < 1 << 16:
        raise ModelError("the model's head is described by what are no sizes")
    if type(roots) is not int:
        raise ModelError("the model's head is described by what are no sizes")
    inputs = features * len(windows)
    if len(packed) != _FLOAT.itemsize * labels * (inputs + 1):
        raise ModelError(f"the model's head has {len(packed)} bytes: it is damaged")
    numbers = np.frombuffer(packed, _FLOAT).astype(np.float32)
    weights = numbers[: labels * inputs].reshape(labels, inputs)
    return Head(tuple(windows), weights, numbers[labels * inputs :], roots)
