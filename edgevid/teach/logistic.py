"""Logistic regression with an L2 penalty, by Newton's method."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_STEPS = 25
_CLOSE = 1e-7  # a step that gains less ends it
_BIAS_PENALTY = 1e-9  # next to none, but enough to keep the equations solvable
_SHORTEST_STEP = 1e-4


def logistic(values: Floats) -> Floats:
    """Returns ``1 / (1 + exp(-values))``, without overflow."""
    small = np.exp(-np.abs(values))
    found: Floats = np.where(values >= 0, 1.0, small) / (1 + small)
    return found


def fit(inputs: Floats, targets: Floats, weights: Floats, penalty: float) -> tuple[Floats, float]:
    """Fits weights ``w`` and a bias ``b`` so that ``logistic(inputs @ w + b)`` is near the targets.

    Args:
        inputs: ``[frames, inputs]``.
        targets: ``[frames]``, 0 to 1.
        weights: ``[frames]``, how much each frame counts; their sum does not matter.
        penalty: on half the squared length of ``w``, against the weighted mean of the loss.

    Returns:
        ``w`` ``[inputs]`` and ``b``.
    """
    share = weights / weights.sum()
    with_bias = np.concatenate([inputs, np.ones((len(inputs), 1))], axis=1)
    penalties = np.full(with_bias.shape[1], penalty)
    penalties[-1] = _BIAS_PENALTY
    found = np.zeros(with_bias.shape[1])
    loss = _loss(with_bias, targets, share, penalties, found)
    for _ in range(_STEPS):
        probabilities = logistic(with_bias @ found)
        gradient = with_bias.T @ (share * (probabilities - targets)) + penalties * found
        curvature = share * probabilities * (1 - probabilities)
        hessian = (with_bias * curvature[:, None]).T @ with_bias + np.diag(penalties)
        step = np.linalg.solve(hessian, gradient)
        length = 1.0
        while length > _SHORTEST_STEP:
            next_one = found - length * step
            next_loss = _loss(with_bias, targets, share, penalties, next_one)
            if next_loss <= loss:
                break
            length /= 2
        else:
            break
        gained, found, loss = loss - next_loss, next_one, next_loss
        if gained < _CLOSE:
            break
    return found[:-1], float(found[-1])


def _loss(inputs: Floats, targets: Floats, share: Floats, penalties: Floats, at: Floats) -> float:
    logits = inputs @ at
    loss = np.logaddexp(0, logits) - targets * logits
    return float(share @ loss + 0.5 * (penalties @ at**2))


def area_under_curve(scores: Floats, positive: NDArray[np.bool_]) -> float:
    """Returns how often a positive score is over a negative one; ties count half, 0.5 for none."""
    count = int(positive.sum())
    others = len(positive) - count
    if not count or not others:
        return 0.5
    _, places, times = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(times) - (times - 1) / 2)[places]
    return float((ranks[positive].sum() - count * (count + 1) / 2) / (count * others))
