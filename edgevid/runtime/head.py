"""Runs the head of a taught model: features become independent probabilities.

The network is cut at its pooled features. The head looks at their means over the last frames,
over several lengths at once, so that it sees what is the case as well as what has just changed;
what it says is one weighted sum a label. The same code runs on the device and when it is taught.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edgevid.modelfile.head import Head


def rooted(features: NDArray[np.float32], roots: int) -> NDArray[np.float32]:
    """Returns features of any shape with the square root taken so many times."""
    if roots:
        features = np.maximum(features, np.float32(0))
    for _ in range(roots):
        features = np.sqrt(features)
    return features


class RunningMeans:
    """Means over the last frames, over several lengths at once; over all while there are fewer.

    Args:
        features: how many numbers a frame has.
        windows: how many frames each mean goes over, ascending.

    Example:
        >>> means = RunningMeans(1, (1, 2))
        >>> [means.add(np.array([value], np.float32)).tolist() for value in (1.0, 3.0, 5.0)]
        [[1.0, 1.0], [3.0, 2.0], [5.0, 4.0]]
    """

    def __init__(self, features: int, windows: tuple[int, ...]) -> None:
        self._windows = windows
        self._longest = windows[-1]
        # Each frame is kept twice, so that the last ones always lie in one piece.
        self._kept = np.zeros((2 * self._longest, features), np.float32)
        self._count = 0

    def add(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Takes one more frame's features; returns float32 ``[len(windows) * features]``."""
        place = self._count % self._longest
        self._kept[place] = self._kept[place + self._longest] = features
        self._count += 1
        end = place + self._longest + 1
        means = np.empty((len(self._windows), len(features)), np.float32)
        for mean, window in zip(means, self._windows, strict=True):
            frames = min(window, self._count)
            np.add.reduce(self._kept[end - frames : end], axis=0, out=mean)
            mean /= np.float32(frames)
        return means.reshape(-1)

    def clear(self) -> None:
        """Forgets all frames."""
        self._count = 0

    def save(self) -> NDArray[np.float32]:
        """Returns the frames that it still knows, oldest first: float32 ``[frames, features]``."""
        frames = min(self._count, self._longest)
        end = (self._count - 1) % self._longest + self._longest + 1
        return self._kept[end - frames : end].copy()

    def restore(self, saved: NDArray[np.float32]) -> None:
        """Goes on from what ``save`` returned."""
        self.clear()
        for features in saved:
            place = self._count % self._longest
            self._kept[place] = self._kept[place + self._longest] = features
            self._count += 1


class HeadState:
    """One stream's passage through a head.

    Attributes:
        means: what it remembers.

    Example:
        >>> head = Head((1,), np.array([[1.0, -1.0]], np.float32), np.zeros(1, np.float32))
        >>> HeadState(head).step(np.array([3.0, 1.0], np.float32)).tolist()
        [2.0]
    """

    def __init__(self, head: Head) -> None:
        self._head = head
        self.means = RunningMeans(head.features, head.windows)

    def step(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Takes one more frame's features; returns its logits, float32 ``[labels]``."""
        head = self._head
        features = rooted(features, head.roots)
        logits: NDArray[np.float32] = head.weights @ self.means.add(features) + head.bias
        return logits
