"""Percentiles of a quantity in bounded memory."""

from __future__ import annotations

import math

import numpy as np

_SMALLEST = 1e-3
_GROWTH = 1.01  # each bin is 1 % wider than the last, so a percentile is within 1 %
_BINS = 2_100  # up to 1e6 times the smallest


class Percentiles:
    """A histogram over logarithmic bins. Values are positive; the smallest kept apart is 0.001.

    Example:
        >>> from edgevid.support.percentiles import Percentiles
        >>> times = Percentiles()
        >>> for milliseconds in range(1, 101):
        ...     times.add(milliseconds)
        >>> round(times.at(50)), round(times.at(99))
        (50, 99)
    """

    def __init__(self) -> None:
        self._counts = np.zeros(_BINS, np.int64)

    def add(self, value: float) -> None:
        """Counts one value."""
        place = math.log(max(value, _SMALLEST) / _SMALLEST) / math.log(_GROWTH)
        self._counts[min(int(place), _BINS - 1)] += 1

    def at(self, percent: float) -> float:
        """Returns the value that this share of all values does not exceed; 0.0 before any."""
        total = int(self._counts.sum())
        if total == 0:
            return 0.0
        rank = max(1, math.ceil(percent / 100 * total))
        place = int(np.searchsorted(np.cumsum(self._counts), rank))
        return float(_SMALLEST * _GROWTH ** (place + 0.5))
