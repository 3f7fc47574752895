"""From examples to a taught model, and what is known of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from edgevid.errors import UsageError
from edgevid.modelfile.head import Head
from edgevid.modelfile.manifest import EventRules
from edgevid.support import blas
from edgevid.teach import choosing
from edgevid.teach.choosing import Held, Trial
from edgevid.teach.examples import Example
from edgevid.teach.folds import Folds, split
from edgevid.teach.frames import Frames, Recipe
from edgevid.teach.heads import Fitting, to_head
from edgevid.teach.judging import Judgement, judge
from edgevid.teach.limits import hours_to_show, poisson_limits
from edgevid.teach.logistic import Floats
from edgevid.teach.sites import apart

FEW = 10  # times that something is shown, below which it says little

Told = Callable[[str, int, int], None]  # what is going on, how much is done, of how much


@dataclass(frozen=True, slots=True, eq=False)
class TeachingResult:
    """A head, and all that was found out on the way.

    Attributes:
        labels: in the head's order.
        head: what was taught.
        rules: when its labels count as started or ended.
        recipe: how it was fitted.
        frames: what it was fitted to.
        folds: what was held out together.
        logits: ``[frames, labels]``, calibrated, of heads that were not fitted to the frames they
            speak of; None where nothing could be held out.
        judgements: one for each label, of those; none where nothing could be held out.
        trials: for each label the thresholds that were tried.
        warnings: what should be known before it is trusted, a line each.
    """

    labels: tuple[str, ...]
    head: Head
    rules: EventRules
    recipe: Recipe
    frames: Frames
    folds: Folds
    logits: Floats | None
    judgements: tuple[Judgement, ...]
    trials: tuple[tuple[Trial, ...], ...]
    warnings: tuple[str, ...]


@blas.one_thread()
def learn(
    examples: Sequence[Example],
    *,
    fps: float = 5.0,
    false_an_hour: float = 1.0,
    grouped: bool = False,
    told: Told = lambda what, done, of: None,
) -> TeachingResult:
    """Fits a head to examples, and measures it on those that are held out in turn.

    Args:
        examples: at least one that shows something, and one that does not show it.
        fps: frames a second that the network reads.
        false_an_hour: how many false events an hour are allowed.
        grouped: whether the user said what the groups are.
        told: told of the progress.

    Raises:
        UsageError: there is nothing to be told apart.
    """
    labels = labels_of(examples)
    frames = Frames(examples)
    folds = split(frames, grouped=grouped)
    warnings = [folds.problem] if folds.problem else []
    held: Held | None = None
    if folds.count > 1:
        of, done = choosing.tries(fps), 0

        def tick() -> None:
            nonlocal done
            done += 1
            told("trying ways to fit", done, of)

        told("trying ways to fit", 0, of)
        held = choosing.choose(frames, labels, folds, fps, tick)
    recipe = held.recipe if held is not None else choosing.default(fps)
    scale, shift = np.ones(len(labels)), np.zeros(len(labels))
    by_label, judgements, trials = {}, [], []
    for place, label in enumerate(labels):
        told("setting thresholds", place, len(labels))
        if held is None:
            by_label[label] = choosing.UNMEASURED
            continue
        scale[place], shift[place] = choosing.calibrated(
            frames, label, held.logits[:, place], partly=recipe.partly
        )
        logits = held.logits[:, place] * scale[place] + shift[place]
        by_label[label], tried = choosing.rules_for(frames, label, logits, false_an_hour)
        judgements.append(judge(frames, label, logits, by_label[label]))
        trials.append(tuple(tried))
    told("fitting", 0, 1)
    fitted = Fitting(frames, labels, recipe).fit(np.full(len(frames), True))
    head = to_head(fitted, frames, recipe, scale, shift)
    told("fitting", 1, 1)
    first = by_label[labels[0]]
    rules = EventRules(
        first.on_threshold, first.off_threshold, first.smoothing, first.min_duration,
        first.cool_down, by_label=by_label if len(labels) > 1 else {},
    )  # fmt: skip
    warnings += _warnings(examples, labels, judgements, false_an_hour)
    return TeachingResult(
        labels,
        head,
        rules,
        recipe,
        frames,
        folds,
        held.logits * scale + shift if held is not None else None,
        tuple(judgements),
        tuple(trials),
        tuple(warnings),
    )


def labels_of(examples: Sequence[Example]) -> tuple[str, ...]:
    """Returns what examples show, in order.

    Raises:
        UsageError: nothing, or one thing and nothing else.
    """
    labels = sorted({label for example in examples for label in example.recording.labels})
    if not labels:
        raise UsageError("there is nothing but background: at least one label is needed")
    without = any(
        set(labels) - example.recording.labels or not example.recording.is_clip
        for example in examples
    )
    if not without:
        raise UsageError(
            f"there is only one class, {labels[0]!r}, and no background: add a folder "
            "background/ or --background RECORDING"
        )
    return tuple(labels)


def _warnings(
    examples: Sequence[Example],
    labels: Sequence[str],
    judgements: Sequence[Judgement],
    false_an_hour: float,
) -> list[str]:
    found = []
    for label in labels:
        shown = sum(span.label == label for e in examples for span in e.recording.spans)
        if shown < FEW:
            times = "once" if shown == 1 else f"{shown} times"
            found.append(f"{label!r} is shown {times}: too few to trust what is measured")
    if all(e.recording.is_clip and e.recording.spans for e in examples):
        found.append("there is no background: all that is shown is taken for one of the labels")
    if not judgements:
        found.append(
            "nothing could be held out: thresholds and probabilities are guesses, not measured"
        )
    for label, judgement in zip(labels, judgements, strict=False):
        _, most = poisson_limits(len(judgement.false), judgement.hours)
        if most > false_an_hour:
            missing = hours_to_show(false_an_hour) - judgement.hours
            more = f"; {missing:.1f} hours more of background without a false event would"
            found.append(
                f"{label!r}: {len(judgement.false)} false events in {judgement.hours:.2f} hours "
                f"do not show that there are {false_an_hour:g} an hour or fewer: there may be "
                f"{most:.0f} an hour{more if missing > 0 and not judgement.false else ''}"
            )
        if len(judgement.false) > math.floor(false_an_hour * judgement.hours + 1e-9):
            found.append(f"{label!r}: no threshold keeps to the budget of false events")
    problem = apart(examples)
    return [*found, problem] if problem else found
