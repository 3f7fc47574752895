"""Finds rules for a camera under which its usual footage starts no event.

A label that fires there is not silenced outright: it needs more than it ever reached there, and
more by a margin, since what comes tomorrow is not quite what came today.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping

from edgevid.modelfile.manifest import EventRules
from edgevid.records import Prediction
from edgevid.runtime.ticks import LONGEST_GAP_S

# How many times the odds p / (1 - p) that a label reached it needs from then on. More would cost
# recall of what is not ordinary, less leaves false events (``benchmarks/events.py``).
MARGIN = 8.0

_FORGOTTEN = 1e-3  # a label whose smoothed probability is below this is no longer followed


class Levels:
    """Measures the highest threshold at which each label would have started an event.

    Args:
        rules: by whose times and smoothing it is measured; their thresholds do not matter.

    Attributes:
        highest: so far, by label; labels that never lasted are not in it.
        seconds: of what was seen.

    Example:
        >>> from edgevid.runtime.quiet import Levels
        >>> levels = Levels(edgevid.EventRules())
        >>> for prediction in edgevid.classify("clip.mp4", edgevid.load_model("camera-motion")):
        ...     levels.update(prediction)
        >>> f"{levels.highest['still']:.2f}"
        '0.96'
    """

    def __init__(self, rules: EventRules) -> None:
        self._rules = rules
        self._followed: dict[str, deque[tuple[float, float]]] = {}  # timestamp, smoothed
        self._now = math.nan
        self.highest: dict[str, float] = {}
        self.seconds = 0.0

    def update(self, prediction: Prediction) -> None:
        """Takes one more prediction, as ``EventDetector`` does."""
        elapsed = prediction.timestamp - self._now
        if not 0 <= elapsed <= LONGEST_GAP_S:
            self.end()
            elapsed = math.nan
        else:
            self.seconds += elapsed
        self._now = prediction.timestamp
        listed = {score.label: score.probability for score in prediction.scores}
        for label in {**self._followed, **listed}:
            self._follow(label, listed.get(label, 0.0), elapsed)

    def end(self) -> None:
        """What comes next has nothing to do with what was seen: another recording."""
        self._followed.clear()
        self._now = math.nan

    def _follow(self, label: str, probability: float, elapsed: float) -> None:
        rules = self._rules.of(label)
        past = self._followed.setdefault(label, deque())
        before = past[-1][1] if past else 0.0
        share = 1.0
        if not math.isnan(elapsed) and rules.smoothing > 0:
            share = 1 - math.exp(-elapsed / rules.smoothing)
        smoothed = before + share * (probability - before)
        past.append((self._now, smoothed))
        while len(past) > 1 and self._now - past[1][0] >= rules.min_duration:
            past.popleft()
        if self._now - past[0][0] >= rules.min_duration:
            held = min(value for _, value in past)
            self.highest[label] = max(held, self.highest.get(label, 0.0))
        if smoothed < _FORGOTTEN:
            del self._followed[label]


def quieted(
    highest: Mapping[str, float], rules: EventRules, *, margin: float = MARGIN
) -> dict[str, dict[str, float]]:
    """Returns the thresholds that labels need so that ordinary footage starts no events.

    Args:
        highest: of ordinary footage, from ``Levels``.
        rules: that hold so far.
        margin: how many times the odds that a label reached it is to need.

    Returns:
        ``on_threshold`` and ``off_threshold`` by label, for those alone that need more than the
        rules say; what needs most comes first.

    Example:
        >>> from edgevid.runtime.quiet import quieted
        >>> quieted({"yawning": 0.6, "yoga": 0.01}, edgevid.EventRules())
        {'yawning': {'on_threshold': 0.923077, 'off_threshold': 0.6}}
    """
    found = {}
    for label, level in sorted(highest.items(), key=lambda item: (-item[1], item[0])):
        now = rules.of(label)
        # It ends where it usually is: else what is ordinary there would never let it end.
        needed, ends = _rounded(_beyond(level, margin)), _rounded(max(level, now.off_threshold))
        if needed > now.on_threshold:
            found[label] = {"on_threshold": needed, "off_threshold": min(needed, ends)}
    return found


def _beyond(level: float, margin: float) -> float:
    odds = margin * level / max(1 - level, 1e-9)
    return odds / (1 + odds)


def _rounded(probability: float) -> float:
    """Returns a probability as it is written to a file."""
    return round(probability, 6)
