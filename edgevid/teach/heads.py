"""Fits a head to frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgevid.modelfile.head import Head
from edgevid.teach import logistic
from edgevid.teach.frames import Frames, Recipe, warmed_up
from edgevid.teach.logistic import Floats

_ROUNDS = 2  # of finding the frames of a clip that show it
_SHOWING = 1 / 3  # how many of them do


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """Heads for several labels, on the means of components.

    Attributes:
        mean: ``[inputs]``, taken off first.
        weights: ``[inputs, labels]``.
        bias: ``[labels]``.
    """

    mean: Floats
    weights: Floats
    bias: Floats

    def logits(self, means: NDArray[np.float32]) -> Floats:
        """Returns ``[frames, labels]``."""
        return means @ self.weights + (self.bias - self.mean @ self.weights)


class Fitting:
    """Fits heads by one recipe, for some of the frames at a time."""

    def __init__(self, frames: Frames, labels: Sequence[str], recipe: Recipe) -> None:
        self._frames = frames
        self._recipe = recipe
        self.means = frames.means(recipe.roots, recipe.windows)
        self._seen = frames.seen()
        self.targets = [frames.targets(label, partly=recipe.partly) for label in labels]

    def fit(self, chosen: NDArray[np.bool_]) -> Fitted:
        """Fits to the chosen ones of the frames."""
        chosen = chosen & self._seen
        means = self.means[chosen].astype(np.float64)
        mean = means.mean(axis=0)
        means -= mean
        # By their main components, of which few are enough.
        axes = self._frames.axes_of(means, self._recipe, chosen)
        inputs = means @ axes
        scale = np.sqrt((inputs**2).sum(axis=1).mean()) or 1.0
        inputs /= scale
        weights, biases = [], []
        for targets, counts in self.targets:
            found, bias = self._fit_one(inputs, targets[chosen], counts[chosen], chosen)
            weights.append(axes @ found / scale)
            biases.append(bias)
        return Fitted(mean, np.stack(weights, axis=1), np.array(biases))

    def _fit_one(
        self, inputs: Floats, targets: Floats, counts: Floats, chosen: NDArray[np.bool_]
    ) -> tuple[Floats, float]:
        if not (counts[targets == 1].sum() and counts[targets == 0].sum()):
            return np.zeros(inputs.shape[1]), 0.0
        counts = _balanced(targets, counts)
        found, bias = logistic.fit(inputs, targets, counts, self._recipe.penalty)
        clips = self._clips(targets, chosen) if self._recipe.partly else []
        for _ in range(_ROUNDS if clips else 0):
            logits = inputs @ found + bias
            counts = counts.copy()
            for rows in clips:
                counts[rows] = 0
                usable = rows[warmed_up(len(rows))]
                best = usable[np.argsort(-logits[usable], kind="stable")]
                best = best[: max(1, round(_SHOWING * len(best)))]
                counts[best] = 1 / len(best)
            counts = _balanced(targets, counts)
            found, bias = logistic.fit(inputs, targets, counts, self._recipe.penalty)
        return found, bias

    def _clips(self, targets: Floats, chosen: NDArray[np.bool_]) -> list[NDArray[np.intp]]:
        """Returns the rows of each chosen clip that shows the label, somewhere."""
        owner = self._frames.owner[chosen]
        return [
            np.flatnonzero(owner == number)
            for number in np.unique(owner[targets == 1])
            if self._frames.examples[number].recording.is_clip
        ]


def to_head(fitted: Fitted, frames: Frames, recipe: Recipe, scale: Floats, shift: Floats) -> Head:
    """Returns what runs on the device: on features themselves, and calibrated.

    Args:
        fitted: the heads.
        frames: whose components they are on.
        recipe: by which they were fitted.
        scale: ``[labels]``, what logits are multiplied by.
        shift: ``[labels]``, what is added then.
    """
    basis, _ = frames.components(recipe.roots)
    labels, components = len(fitted.bias), basis.axes.shape[1]
    by_window = fitted.weights.T.reshape(labels, len(recipe.windows), components)
    weights = (by_window @ basis.axes.T) * scale[:, None, None]
    bias = (fitted.bias - fitted.mean @ fitted.weights) * scale + shift
    bias -= weights.sum(axis=1) @ basis.mean
    return Head(
        recipe.windows,
        weights.reshape(labels, -1).astype(np.float32),
        bias.astype(np.float32),
        recipe.roots,
    )


def _balanced(targets: Floats, counts: Floats) -> Floats:
    sides = [counts[targets == value].sum() or 1.0 for value in (0, 1)]
    balanced: Floats = counts / np.where(targets == 1, sides[1], sides[0])
    return balanced
