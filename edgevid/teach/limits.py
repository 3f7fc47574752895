"""What counts of a few events say about how often they happen, with confidence."""

from __future__ import annotations

import math
from collections.abc import Callable

CONFIDENCE = 0.95


def poisson_limits(count: int, hours: float) -> tuple[float, float]:
    """Returns between which rates an hour the true one is, 95 % sure on each side by itself.

    Of no event in an hour it follows that there are fewer than 3 an hour: the rule of three.

    Args:
        count: events.
        hours: in which they happened.

    Example:
        >>> [round(limit, 1) for limit in poisson_limits(0, 0.5)]
        [0.0, 6.0]
    """
    if hours <= 0:
        return 0.0, math.inf
    upper = _solved(lambda mean: _at_most(count, mean) - (1 - CONFIDENCE))
    lower = 0.0
    if count:
        lower = _solved(lambda mean: _at_most(count - 1, mean) - CONFIDENCE)
    return lower / hours, upper / hours


def hours_to_show(rate: float) -> float:
    """Returns how many hours without an event show that there are fewer than a rate an hour."""
    return -math.log(1 - CONFIDENCE) / rate


def wilson_limits(found: int, shown: int) -> tuple[float, float]:
    """Returns between which shares the true one is, 95 % sure: the interval of Wilson.

    Example:
        >>> [round(limit, 2) for limit in wilson_limits(13, 14)]
        [0.69, 0.99]
    """
    if not shown:
        return 0.0, 1.0
    z = 1.96
    share = found / shown
    middle = share + z * z / (2 * shown)
    half = z * math.sqrt(share * (1 - share) / shown + z * z / (4 * shown * shown))
    scale = 1 + z * z / shown
    return max(0.0, (middle - half) / scale), min(1.0, (middle + half) / scale)


def _at_most(count: int, mean: float) -> float:
    """Returns the probability of so many events or fewer, where ``mean`` are expected."""
    if mean == 0:
        return 1.0
    return sum(
        math.exp(number * math.log(mean) - mean - math.lgamma(number + 1))
        for number in range(count + 1)
    )


def _solved(falling: Callable[[float], float]) -> float:
    """Returns where a falling function of a mean is 0."""
    low, high = 0.0, 1.0
    while falling(high) > 0:
        high *= 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if falling(middle) > 0 else (low, middle)
    return high
