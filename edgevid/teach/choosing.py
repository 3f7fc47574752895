"""Chooses by cross-validation how a head is fitted, what its logits mean, and when it speaks."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from edgevid.modelfile.manifest import EventRules
from edgevid.runtime.topk import probability
from edgevid.teach import logistic
from edgevid.teach.folds import Folds
from edgevid.teach.frames import Frames, Recipe
from edgevid.teach.heads import Fitting
from edgevid.teach.judging import Judgement, judge, largest_logits, worth
from edgevid.teach.logistic import Floats

_WINDOWS_S = ((0.2, 0.6, 2.0), (0.4, 1.0, 3.0))
_PENALTIES = (1e-3, 3e-3, 1e-2, 3e-2)
_ROOTS = (2, 1)
_ONE_IN = 1e-3  # a gain in worth that is no more than this is none

# No event comes from a single frame: of the model's ticks, the second, the third or the fourth
# in a row at the earliest, whatever a camera's jitter. The head's means smooth already.
_MIN_DURATIONS = (0.1, 0.3, 0.5)
_COOL_DOWN_S = 2.0
_THRESHOLDS = 40
_BEYOND = 0.5  # a logit
_OFF_ODDS = 4.0  # how many times smaller the odds are at which an event ends
UNMEASURED = EventRules(0.5, 0.2, 0.0, 0.1, _COOL_DOWN_S)  # where nothing could be held out

Tick = Callable[[], None]


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """What heads said of the frames that they were not fitted to.

    Attributes:
        recipe: by which they were fitted.
        logits: ``[frames, labels]``.
        worth: see ``judging.worth``; the mean over labels.
    """

    recipe: Recipe
    logits: Floats
    worth: float


@dataclass(frozen=True, slots=True)
class Trial:
    """One threshold that was tried, and what came of it."""

    threshold: float  # a logit
    judgement: Judgement


def default(fps: float) -> Recipe:
    """Returns the recipe where none can be chosen, for a network of so many frames a second."""
    return Recipe(roots=2, windows=_in_frames(_WINDOWS_S[-1], fps), penalty=3e-3, partly=False)


def recipes(fps: float) -> Iterator[Recipe]:
    """Yields what is worth trying at first; penalties come when one of them is chosen."""
    for partly in (False, True):
        for roots in _ROOTS:
            for seconds in _WINDOWS_S:
                windows = _in_frames(seconds, fps)
                yield replace(default(fps), roots=roots, windows=windows, partly=partly)


def _in_frames(seconds: Sequence[float], fps: float) -> tuple[int, ...]:
    return tuple(sorted({max(1, round(one * fps)) for one in seconds}))


def tries(fps: float) -> int:
    """Returns how many recipes ``choose`` is going to try."""
    return len(list(recipes(fps))) + len(_PENALTIES) - 1


def choose(frames: Frames, labels: Sequence[str], folds: Folds, fps: float, tick: Tick) -> Held:
    """Returns what the best recipe's heads say of frames that they were not fitted to.

    Args:
        frames: all.
        labels: to be taught.
        folds: at least two.
        fps: frames a second that the network reads.
        tick: told after each recipe.
    """
    best: Held | None = None

    def consider(recipe: Recipe) -> None:
        nonlocal best
        held = hold_out(frames, labels, folds, recipe)
        if best is None or held.worth > best.worth + _ONE_IN:
            best = held
        tick()

    for recipe in recipes(fps):
        consider(recipe)
    assert best is not None
    chosen = best.recipe
    for penalty in _PENALTIES:
        if penalty != chosen.penalty:
            consider(replace(chosen, penalty=penalty))
    return best


def hold_out(frames: Frames, labels: Sequence[str], folds: Folds, recipe: Recipe) -> Held:
    """Fits a head for each fold, to the others."""
    fitting = Fitting(frames, labels, recipe)
    logits = np.zeros((len(frames), len(labels)))
    for fold in range(folds.count):
        held = folds.number == fold
        logits[held] = fitting.fit(~held).logits(fitting.means[held])
    worths = [worth(frames, label, logits[:, n]) for n, label in enumerate(labels)]
    return Held(recipe, logits, float(np.mean(worths)))


def calibrated(frames: Frames, label: str, logits: Floats, *, partly: bool) -> tuple[float, float]:
    """Returns by what logits are to be multiplied, and what is to be added (Platt's method).

    A probability is then right where as much happens as not.
    """
    targets, weights = frames.targets(label, partly=partly)
    counted = weights > 0
    spread = float(np.std(logits[counted])) or 1.0
    slope, bias = logistic.fit(
        logits[counted, None] / spread, targets[counted], weights[counted], 1e-3
    )
    scale = max(float(slope[0]) / spread, 1e-3 / spread)
    return scale, bias


def rules_for(
    frames: Frames, label: str, logits: Floats, false_an_hour: float
) -> tuple[EventRules, list[Trial]]:
    """Returns rules that find most within a budget of false events, and what was tried.

    Args:
        frames: all.
        label: which.
        logits: ``[frames]``, calibrated, of heads that were not fitted to them.
        false_an_hour: the budget. Footage that is too short to show it is to have no false event.
    """
    thresholds = _thresholds(*largest_logits(frames, label, logits))
    best: tuple[tuple[float, float], EventRules, list[Trial]] | None = None
    for lasts in _MIN_DURATIONS:
        trials = [Trial(t, judge(frames, label, logits, _rules(t, lasts))) for t in thresholds]
        within = [
            trial
            for trial in trials
            if len(trial.judgement.false)
            <= math.floor(false_an_hour * trial.judgement.hours + 1e-9)
        ]
        usable = within or trials[-1:]
        most = max(trial.judgement.found for trial in usable)
        even = [trial.threshold for trial in usable if trial.judgement.found == most]
        rules = _rules((even[0] + even[-1]) / 2, lasts)
        delay = judge(frames, label, logits, rules).median_delay
        value = (-most if within else math.inf, 0.0 if math.isnan(delay) else delay)
        if best is None or value < best[0]:
            best = value, rules, trials
    assert best is not None
    return best[1], best[2]


def _thresholds(shown: Sequence[float], others: Sequence[float]) -> list[float]:
    """Returns logits from where all is found, or nothing is false, to beyond all."""
    lowest = min(min(shown), max(others, default=min(shown))) - _BEYOND
    highest = max(*shown, *others) + _BEYOND
    return [float(t) for t in np.linspace(lowest, highest, _THRESHOLDS)]


def _rules(threshold: float, lasts: float) -> EventRules:
    on = probability(threshold)
    off = probability(threshold - math.log(_OFF_ODDS))
    return EventRules(on, off, 0.0, lasts, _COOL_DOWN_S)
