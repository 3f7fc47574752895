"""Turns logits into the most probable labels."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from edgevid.errors import LabelsError, UsageError
from edgevid.plain_text import similar
from edgevid.records import Score

_FEW = 16  # labels: to look for the largest so many times takes less than to sort


class TopK:
    """Picks the most probable labels.

    Args:
        labels: one for each logit, in the logits' order.
        top_k: how many labels to give at most.
        allow: give only these labels; all when empty.
        deny: never give these labels.
        independent: whether each label has a probability of its own, so that none need be true;
            else they share one, and some label always is.

    Raises:
        UsageError: ``top_k`` is below 1, or no label is left.
        LabelsError: ``allow`` or ``deny`` names a label that the model lacks.
    """

    def __init__(
        self,
        labels: Sequence[str],
        *,
        top_k: int = 5,
        allow: Collection[str] = (),
        deny: Collection[str] = (),
        independent: bool = False,
    ) -> None:
        if top_k < 1:
            raise UsageError(f"top_k must be 1 or more, not {top_k}")
        for label in (*allow, *deny):
            _check_known(label, labels)
        kept = [
            index
            for index, label in enumerate(labels)
            if (not allow or label in allow) and label not in deny
        ]
        if not kept:
            raise UsageError("allow and deny leave no label to give")
        self._independent = independent
        self._labels = tuple(labels)
        self._top_k = min(top_k, len(kept))
        self._kept = np.array(kept) if len(kept) < len(labels) else None

    def top(self, logits: NDArray[np.float32]) -> tuple[Score, ...]:
        """Returns the best labels and their probabilities, best first.

        Args:
            logits: float32 ``[classes]``.
        """
        candidates = logits if self._kept is None else logits[self._kept]
        best = _largest(candidates, self._top_k)
        if self._kept is not None:
            best = self._kept[best].tolist()
        labels, exp = self._labels, math.exp
        ranked = [(i, logits.item(i)) for i in best]
        if self._independent:
            return tuple([Score(labels[i], probability(value)) for i, value in ranked])
        # Softmax, of which only a few values are wanted; the largest logit is taken off first, so
        # that no exponential overflows.
        largest = float(np.maximum.reduce(logits))
        total = float(np.add.reduce(np.exp(logits - largest)))
        return tuple([Score(labels[i], exp(value - largest) / total) for i, value in ranked])


def _largest(values: NDArray[np.float32], count: int) -> list[int]:
    """Returns where the ``count`` largest values are, the largest first.

    Of equal ones the first comes first, so that the same scores always give the same labels.
    """
    if count > _FEW:
        order: list[int] = np.argsort(-values, kind="stable")[:count].tolist()
        return order
    left, found = values.copy(), []
    for _ in range(count):
        found.append(int(left.argmax()))
        left[found[-1]] = -math.inf
    return found


def _check_known(label: str, labels: Sequence[str]) -> None:
    if label not in labels:
        near = similar(label, labels)
        hint = f": did you mean {' or '.join(near)}?" if near else ""
        raise LabelsError(f"the model has no label {label!r}{hint}")


def probability(logit: float) -> float:
    """Returns the logistic function of a logit, without overflow."""
    if logit >= 0:
        return 1 / (1 + math.exp(-logit))
    exp = math.exp(logit)
    return exp / (1 + exp)
