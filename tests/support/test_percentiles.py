from __future__ import annotations

import numpy as np
import pytest

from edgevid.support.percentiles import Percentiles


def test_within_one_percent_of_the_exact_ones() -> None:
    values = np.random.default_rng(0).lognormal(1, 1, 20_000)
    percentiles = Percentiles()
    for value in values:
        percentiles.add(float(value))
    for percent in (1, 50, 95, 99, 100):
        exact = np.percentile(values, percent, method="inverted_cdf")
        assert percentiles.at(percent) == pytest.approx(exact, rel=0.011)


def test_nothing_yet_and_extremes() -> None:
    percentiles = Percentiles()
    assert percentiles.at(50) == 0
    percentiles.add(0)
    percentiles.add(1e9)
    assert percentiles.at(50) < 0.0011
    assert percentiles.at(99) > 1e5
