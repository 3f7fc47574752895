"""Finds the hours in which nothing happened before a camera whose features are kept."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence

_HOUR_S = 3600.0
_AROUND_S = 60.0  # an hour with an event so near is not quiet
_LEAST_S = 600.0  # of features in an hour
_MOST = 48  # the newest


def hours(
    spans: Sequence[tuple[float, float]], events: Iterable[float]
) -> list[tuple[float, float]]:
    """Returns quiet hours of the clock, newest first: begin and end in Unix seconds.

    Args:
        spans: of which features are kept, begin and end in Unix seconds.
        events: when something was announced, Unix seconds.

    Example:
        >>> from apps.raspberry_pi.review.quiet import hours
        >>> hours([(0.0, 7200.0)], [1800.0])
        [(3600.0, 7200.0)]
    """
    kept: dict[int, float] = {}
    for start, end in spans:
        place = int(start // _HOUR_S)
        if end <= (place + 1) * _HOUR_S:  # a piece over the full hour belongs to neither
            kept[place] = kept.get(place, 0.0) + end - start
    busy = sorted(events)

    def is_quiet(place: int) -> bool:
        first = bisect_left(busy, place * _HOUR_S - _AROUND_S)
        return first == len(busy) or busy[first] >= (place + 1) * _HOUR_S + _AROUND_S

    found = [place for place, seconds in kept.items() if seconds >= _LEAST_S and is_quiet(place)]
    return [(p * _HOUR_S, (p + 1) * _HOUR_S) for p in sorted(found, reverse=True)[:_MOST]]
