"""What a head's logits are worth: areas under curves, and events found, late and false."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgevid.modelfile.manifest import EventRules
from edgevid.records import Prediction, Score
from edgevid.runtime.events import EventDetector
from edgevid.runtime.topk import probability
from edgevid.teach.data import Span
from edgevid.teach.examples import Example
from edgevid.teach.frames import Frames, warmed_up
from edgevid.teach.logistic import Floats, area_under_curve, logistic

EARLY_S = 0.5  # before something was noted to begin, it may be announced
LATE_S = 1.0  # and after its end
_PIECE_S = 5.0  # of background, as long as what it is compared with
_ANNOUNCED_IN_S = 3.0


@dataclass(frozen=True, slots=True)
class Start:
    """An event that started.

    Attributes:
        example: in which.
        time: seconds.
        span: what it announced; None where it was false.
    """

    example: int
    time: float
    span: Span | None


@dataclass(frozen=True, slots=True, eq=False)
class Judgement:
    """What became of one label under some rules.

    Attributes:
        rules: those.
        shown: how many times it happened.
        missed: what was never announced: example and span.
        delays: seconds from the beginning to the announcement, of what was announced; clips that
            were cut to what they show have none.
        false: events that announced nothing.
        hours: of footage in which the label does not happen.
    """

    rules: EventRules
    shown: int
    missed: tuple[tuple[int, Span], ...]
    delays: tuple[float, ...]
    false: tuple[Start, ...]
    hours: float

    @property
    def found(self) -> int:
        """How many times it was announced."""
        return self.shown - len(self.missed)

    @property
    def median_delay(self) -> float:
        """Seconds; NaN where no delay is known."""
        return float(np.median(self.delays)) if self.delays else math.nan


def worth(frames: Frames, label: str, logits: Floats) -> float:
    """Returns how well logits tell a label, 0.5 to 1: a mean of two areas under curves.

    One is over frames, one over spans and pieces of background, by their largest logit.
    """
    targets, weights = frames.targets(label, partly=True)
    counted = weights > 0
    by_frame = area_under_curve(logits[counted], targets[counted] == 1)
    found = [(logits[rows].max(), shows) for rows, shows in _units(frames, label)]
    by_unit = area_under_curve(
        np.array([largest for largest, _ in found]), np.array([shows for _, shows in found])
    )
    return (by_frame + by_unit) / 2


def _units(frames: Frames, label: str) -> Iterator[tuple[NDArray[np.intp], bool]]:
    """Yields the frames of each span, clip or piece of background, and whether it shows a label."""
    for number, example in enumerate(frames.examples):
        rows, times = frames.rows(number), example.times
        if example.recording.is_clip:
            yield rows[warmed_up(len(rows))], label in example.recording.labels
            continue
        free = np.full(len(times), True)
        for span in example.recording.spans:
            if span.label == label:
                free &= (times < span.start - EARLY_S) | (times > span.end + LATE_S)
                end = min(span.end, span.start + _ANNOUNCED_IN_S)
                inside = (times >= span.start) & (times <= end)
                if inside.any():
                    yield rows[inside], True
        pieces = ((times - times[0]) // _PIECE_S)[free]
        for piece in np.unique(pieces):
            yield rows[free][pieces == piece], False


def largest_logits(frames: Frames, label: str, logits: Floats) -> tuple[list[float], list[float]]:
    """Returns the largest logits of what shows a label, and of what does not, piece by piece."""
    found: tuple[list[float], list[float]] = ([], [])
    for rows, shows in _units(frames, label):
        found[not shows].append(float(logits[rows].max()))
    return found


def judge(frames: Frames, label: str, logits: Floats, rules: EventRules) -> Judgement:
    """Plays frames past the detector of events, and compares with what is known.

    Args:
        frames: all.
        label: which.
        logits: ``[frames]``, calibrated.
        rules: when an event starts.
    """
    shown, missed, delays, false, seconds = 0, [], [], [], 0.0
    for number, example in enumerate(frames.examples):
        starts = list(_starts(example, logits[frames.rows(number)], rules.of(label)))
        spans = [span for span in example.recording.spans if span.label == label]
        seconds += frames.seconds[number] - sum(_length(span, example.times) for span in spans)
        for span in spans:
            shown += 1
            first = next((t for t in starts if _announces(t, span)), None)
            if first is None:
                missed.append((number, span))
            elif not example.recording.is_clip:
                delays.append(first - span.start)
        false += [
            Start(number, time, None)
            for time in starts
            if not any(_announces(time, span) for span in spans)
        ]
    hours = max(seconds, 0.0) / 3600
    return Judgement(rules, shown, tuple(missed), tuple(delays), tuple(false), hours)


def shown_s(example: Example) -> float:
    """Returns how many seconds of an example show something, counted once."""
    shows = np.full(len(example.times), example.recording.is_clip and bool(example.recording.spans))
    for span in example.recording.spans:
        shows |= (example.times >= span.start) & (example.times <= span.end)
    return example.seconds * float(shows.mean())


def _announces(time: float, span: Span) -> bool:
    return span.start - EARLY_S <= time <= span.end + LATE_S


def _length(span: Span, times: Floats) -> float:
    return max(0.0, min(span.end, float(times[-1])) - max(span.start, float(times[0])))


def _starts(example: Example, logits: Floats, rules: EventRules) -> Iterator[float]:
    """Yields when events start; in a clip only once it has warmed up."""
    detector = EventDetector(rules)
    for number in _that_matter(example, logits, rules):
        if example.breaks[number]:
            detector.close()
        scores = (Score("", probability(float(logits[number]))),)
        time = float(example.times[number])
        for event in detector.update(Prediction(time, number, scores, 0.0)):
            if event.state == "start":
                yield event.timestamp


def _that_matter(example: Example, logits: Floats, rules: EventRules) -> list[int]:
    """Returns the frames that can change what a detector does; of a quiet night hardly any.

    Without smoothing, a frame that is too low to go on with anything matters only as the first
    of its kind.
    """
    matter = np.full(len(logits), True)
    if rules.smoothing == 0:
        matter = logistic(logits) >= 0.99 * rules.off_threshold
        matter[1:] |= matter[:-1]
        matter |= example.breaks
    if example.recording.is_clip:
        matter &= warmed_up(len(logits))
    found: list[int] = np.flatnonzero(matter).tolist()
    return found


def confusion(
    frames: Frames, labels: Sequence[str], logits: Floats, rules: EventRules
) -> NDArray[np.intp]:
    """Returns how often what happened was announced as what: ``[labels + 1, labels + 1]``.

    A row is what happened, a column what was announced; the last row is background, the last
    column nothing. Something that was announced as several things counts for each.
    """
    table = np.zeros((len(labels) + 1, len(labels) + 1), np.intp)
    for number, example in enumerate(frames.examples):
        rows = frames.rows(number)
        starts = [
            (time, place)
            for place, label in enumerate(labels)
            for time in _starts(example, logits[rows, place], rules.of(label))
        ]
        spans = example.recording.spans
        for span in spans:
            row = labels.index(span.label)
            told = {place for time, place in starts if _announces(time, span)}
            for place in told or {len(labels)}:
                table[row, place] += 1
        for time, place in starts:
            if not any(_announces(time, span) for span in spans):
                table[-1, place] += 1
        if not spans and not starts:
            table[-1, -1] += 1
    return table
