from __future__ import annotations

import math

import pytest

from edgevid.teach.limits import hours_to_show, poisson_limits, wilson_limits


def test_the_rule_of_three() -> None:
    low, high = poisson_limits(0, 0.5)
    assert (low, round(high)) == (0.0, 6)
    assert poisson_limits(0, hours_to_show(1.0))[1] == pytest.approx(1.0)


def test_limits_of_counts() -> None:
    # From tables of the Poisson distribution, 5 % on each side.
    assert poisson_limits(5, 1.0) == pytest.approx((1.970, 10.513), abs=1e-3)
    assert poisson_limits(1, 2.0) == pytest.approx((0.0513 / 2, 4.744 / 2), abs=1e-3)
    assert poisson_limits(0, 0.0) == (0.0, math.inf)
    low, high = poisson_limits(400, 1.0)
    assert 360 < low < 400 < high < 440


def test_limits_of_shares() -> None:
    assert wilson_limits(13, 14) == pytest.approx((0.685, 0.987), abs=1e-3)
    assert wilson_limits(0, 0) == (0.0, 1.0)
    assert wilson_limits(5, 5)[1] == 1.0
