from __future__ import annotations

import numpy as np
import pytest

from edgevid.teach.logistic import area_under_curve, fit, logistic

RANDOM = np.random.default_rng(1)


def test_it_finds_the_least_loss() -> None:
    inputs = RANDOM.normal(size=(200, 5))
    targets = (inputs @ [2, -1, 0, 0, 1] + RANDOM.normal(size=200) > 0.5).astype(float)
    counts = RANDOM.uniform(0.1, 2, 200)
    weights, bias = fit(inputs, targets, counts, 0.01)
    share = counts / counts.sum()
    apart = share * (logistic(inputs @ weights + bias) - targets)
    np.testing.assert_allclose(inputs.T @ apart + 0.01 * weights, 0, atol=1e-4)
    assert apart.sum() == pytest.approx(0, abs=1e-4)


def test_what_can_be_told_without_fail_stays_finite() -> None:
    weights, bias = fit(np.array([[-1.0], [1.0]]), np.array([0.0, 1.0]), np.ones(2), 1e-6)
    assert np.isfinite([*weights, bias]).all()
    assert weights[0] > 3


def test_logistic_does_not_overflow() -> None:
    assert logistic(np.array([-1e4, 0.0, 1e4])).tolist() == [0.0, 0.5, 1.0]


def test_area_under_curve() -> None:
    scores = np.array([0.0, 1.0, 1.0, 2.0])
    assert area_under_curve(scores, np.array([False, False, True, True])) == 0.875
    assert area_under_curve(scores, np.array([True, True, True, True])) == 0.5
    positive = RANDOM.random(60) < 0.4
    values = np.round(RANDOM.normal(size=60) + positive, 1)
    pairs = values[positive][:, None] - values[~positive]
    right = ((pairs > 0) + 0.5 * (pairs == 0)).mean()
    assert area_under_curve(values, positive) == pytest.approx(right)
