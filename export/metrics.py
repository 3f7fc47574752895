"""How good predictions are, and how far two networks differ."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float32]


def confusion(logits: Matrix, truth: NDArray[np.intp]) -> NDArray[np.intp]:
    """Counts, ``[true class, predicted class]``."""
    classes = logits.shape[1]
    counts = np.zeros((classes, classes), np.intp)
    np.add.at(counts, (truth, logits.argmax(1)), 1)
    return counts


def classification(
    logits: Matrix, truth: NDArray[np.intp], labels: Sequence[str]
) -> dict[str, Any]:
    """Measures predictions.

    Args:
        logits: ``[clips, classes]``.
        truth: the true class of each clip.
        labels: the classes' names.

    Returns:
        ``top1``, ``top5``, ``mean_class_accuracy`` (over the classes that occur), and for each
        class its precision, recall, F1 and number of clips.
    """
    counts = confusion(logits, truth)
    hits, true, predicted = np.diag(counts), counts.sum(1), counts.sum(0)
    recall = hits / np.maximum(true, 1)
    precision = hits / np.maximum(predicted, 1)
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
    top5 = np.argsort(-logits, axis=1)[:, :5]
    return {
        "clips": len(truth),
        "top1": float(hits.sum() / len(truth)),
        "top5": float((top5 == truth[:, None]).any(1).mean()),
        "mean_class_accuracy": float(recall[true > 0].mean()),
        "classes": {
            label: {
                "precision": float(precision[i]),
                "recall": float(recall[i]),
                "f1": float(f1[i]),
                "clips": int(true[i]),
            }
            for i, label in enumerate(labels)
        },
    }


def divergence(reference: Matrix, other: Matrix) -> NDArray[np.float64]:
    """Kullback-Leibler divergence of each row's probabilities from the reference's, in nats."""
    p, q = (_log_probabilities(logits) for logits in (reference, other))
    return np.maximum((np.exp(p) * (p - q)).sum(-1), 0.0)


def _log_probabilities(logits: Matrix) -> NDArray[np.float64]:
    shifted = logits.astype(np.float64) - logits.max(-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))


def agreement(reference: Matrix, other: Matrix) -> float:
    """Share of rows with the same best class."""
    return float((reference.argmax(-1) == other.argmax(-1)).mean())
