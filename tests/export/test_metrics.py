import numpy as np
import pytest

from export.metrics import agreement, classification, confusion, divergence


def test_classification() -> None:
    logits = np.array([[2, 1, 0], [2, 1, 0], [0, 3, 1], [5, 1, 0]], np.float32)
    truth = np.array([0, 1, 1, 0])
    found = classification(logits, truth, ("a", "b", "c"))
    assert found["top1"] == 0.75
    assert found["mean_class_accuracy"] == 0.75  # c never occurs, and does not count
    assert found["classes"]["a"]["precision"] == pytest.approx(2 / 3)
    assert found["classes"]["a"]["recall"] == 1.0
    assert found["classes"]["a"]["f1"] == pytest.approx(0.8)
    assert found["classes"]["c"]["clips"] == 0
    assert confusion(logits, truth).tolist() == [[2, 0, 0], [1, 1, 0], [0, 0, 0]]


def test_divergence() -> None:
    p = np.log(np.array([[0.5, 0.5], [0.9, 0.1]], np.float32))
    q = np.log(np.array([[0.5, 0.5], [0.5, 0.5]], np.float32))
    expected = 0.9 * np.log(0.9 / 0.5) + 0.1 * np.log(0.1 / 0.5)
    assert divergence(p, q) == pytest.approx([0, expected], abs=1e-6)


def test_agreement() -> None:
    assert agreement(np.eye(3, dtype=np.float32), np.eye(3, dtype=np.float32)[[0, 1, 1]]) == 2 / 3
