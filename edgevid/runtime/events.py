"""Turns predictions into events: an action started, or ended.

The rule is the one that voice detection uses: on at a threshold, off below a lower one, so that
a probability between the two changes nothing; smoothed first, and only when it lasts.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from edgevid.modelfile.manifest import EventRules
from edgevid.records import Event, Prediction

_FORGOTTEN = 1e-3  # a label whose smoothed probability is below this is no longer followed


def events(predictions: Iterable[Prediction], rules: EventRules) -> Iterator[Event]:
    """Yields the events in a stream of predictions, each as soon as it is certain.

    What is still going on when the predictions end, ends with them.

    Args:
        predictions: in the order of their timestamps. A label that a prediction does not list
            counts as probability 0, so each should list a few more than one.
        rules: thresholds and times.
    """
    detector = EventDetector(rules)
    for prediction in predictions:
        yield from detector.update(prediction)
    yield from detector.close()


@dataclass(slots=True)
class _Label:
    """What is known of one label. Times are seconds."""

    smoothed: float = 0.0
    above_since: float = math.nan  # since when it has been at or over the upper threshold
    is_on: bool = False
    ended: float = -math.inf


class EventDetector:
    """Turns predictions into events, one prediction at a time.

    Args:
        rules: ``smoothing`` is the time constant of an exponential mean; an action starts when
            its smoothed probability has been at ``on_threshold`` or over for ``min_duration``,
            ends when it falls below ``off_threshold``, and does not start again within
            ``cool_down``. An ``on_threshold`` of 1 is never reached. For single labels
            ``by_label`` may have others.

    Example:
        >>> model = edgevid.load_model("camera-motion")
        >>> detector = edgevid.EventDetector(model.manifest.events)
        >>> found = []
        >>> for prediction in edgevid.classify("clip.mp4", model):
        ...     found += detector.update(prediction)
        >>> [(event.state, event.label) for event in found[:3]]
        [('start', 'still'), ('end', 'still'), ('start', 'pan left')]
    """

    def __init__(self, rules: EventRules) -> None:
        self._rules = rules
        self._labels: dict[str, _Label] = {}
        self._now = math.nan

    def update(self, prediction: Prediction) -> list[Event]:
        """Takes one more prediction; returns what started or ended with it."""
        elapsed = prediction.timestamp - self._now
        self._now = prediction.timestamp
        listed = {score.label: score.probability for score in prediction.scores}
        for label in listed:
            self._labels.setdefault(label, _Label())
        found = []
        for label, known in list(self._labels.items()):
            rules = self._rules.of(label)
            share = self._share(rules, elapsed)
            known.smoothed += share * (listed.get(label, 0.0) - known.smoothed)
            found += self._changes(label, known, rules)
            if known.smoothed < _FORGOTTEN and not known.is_on and not self._cools(known, rules):
                del self._labels[label]
        return found

    def close(self) -> list[Event]:
        """Ends whatever is going on, and forgets everything."""
        on = [(label, known) for label, known in self._labels.items() if known.is_on]
        self._labels.clear()
        last, self._now = self._now, math.nan
        return [Event("end", label, last, known.smoothed) for label, known in on]

    def _share(self, rules: EventRules, elapsed: float) -> float:
        """Returns the newest probability's share in the smoothed one; all of it at first."""
        if math.isnan(elapsed) or rules.smoothing == 0:
            return 1.0
        return 1 - math.exp(-elapsed / rules.smoothing)

    def _cools(self, known: _Label, rules: EventRules) -> bool:
        return self._now - known.ended < rules.cool_down

    def _changes(self, label: str, known: _Label, rules: EventRules) -> list[Event]:
        now = self._now
        if known.is_on:
            if known.smoothed >= rules.off_threshold:
                return []
            known.is_on, known.ended, known.above_since = False, now, math.nan
            return [Event("end", label, now, known.smoothed)]
        if known.smoothed < rules.on_threshold or rules.on_threshold == 1:
            known.above_since = math.nan
            return []
        if math.isnan(known.above_since):
            known.above_since = now
        if now - known.above_since < rules.min_duration or self._cools(known, rules):
            return []
        known.is_on = True
        return [Event("start", label, now, known.smoothed)]
