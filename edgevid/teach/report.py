"""The report on a result: a page with pictures, and every step's probabilities."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from edgevid.errors import OutputError
from edgevid.plain_text import readable
from edgevid.runtime.head import HeadState
from edgevid.runtime.topk import probability
from edgevid.support.atomic_file import atomic_file
from edgevid.teach import pictures
from edgevid.teach.judging import Judgement, confusion, shown_s
from edgevid.teach.limits import poisson_limits, wilson_limits
from edgevid.teach.logistic import Floats
from edgevid.teach.teaching import TeachingResult

PAGE, STEPS, WRONG = "report.md", "steps.csv", "wrong.jpg"


def write(folder: Path, result: TeachingResult, *, name: str, false_an_hour: float) -> None:
    """Writes the report into a folder of its own.

    Args:
        folder: is made where it is missing.
        result: what to report on.
        name: of the model.
        false_an_hour: the budget of false events.

    Raises:
        OutputError: it cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be made: {error.strerror}") from error
    files = {STEPS: steps(result).encode()}
    for place, (trials, judgement) in enumerate(zip(result.trials, result.judgements, strict=True)):
        files[_curve_of(place)] = pictures.curve(trials, judgement)
    wrong = _wrong(result)
    if wrong:
        files[WRONG] = pictures.sheet(result.frames.examples, wrong)
    files[PAGE] = page(result, name=name, false_an_hour=false_an_hour).encode()
    for name_of, content in files.items():
        with atomic_file(folder / name_of) as file:
            file.write(content)
    if not wrong:
        (folder / WRONG).unlink(missing_ok=True)


def steps(result: TeachingResult) -> str:
    """Returns every step's probabilities as CSV: of the model, and of one that never saw it.

    The model's are computed as on the device, step by step.
    """
    told = io.StringIO()
    table = csv.writer(told, lineterminator="\n")
    table.writerow(
        ["source", "seconds"]
        + [readable(label) for label in result.labels]
        + [f"{readable(label)}, held out" for label in result.labels]
    )
    for number, example in enumerate(result.frames.examples):
        rows = result.frames.rows(number)
        logits = live_logits(result, number)
        for place, row in enumerate(rows.tolist()):
            held = result.logits[row] if result.logits is not None else []
            table.writerow(
                [readable(example.recording.source), f"{example.times[place]:.3f}"]
                + [f"{probability(float(logit)):.6f}" for logit in logits[place]]
                + [f"{probability(float(logit)):.6f}" for logit in held]
            )
    return told.getvalue()


def live_logits(result: TeachingResult, number: int) -> Floats:
    """Returns what the taught model says of an example, step by step: ``[frames, labels]``."""
    example = result.frames.examples[number]
    state, found = HeadState(result.head), []
    for features, breaks in zip(example.features, example.breaks, strict=True):
        if breaks:
            state.means.clear()
        found.append(state.step(features))
    return np.array(found, np.float64)


def page(result: TeachingResult, *, name: str, false_an_hour: float) -> str:
    """Returns the page."""
    examples = result.frames.examples
    seconds = sum(example.seconds for example in examples)
    nothing = sum(example.seconds - shown_s(example) for example in examples)
    recordings = "1 recording" if len(examples) == 1 else f"{len(examples)} recordings"
    parts = [
        f"# {readable(name)}",
        f"Taught from {recordings}, {seconds / 60:.1f} minutes, of which {nothing / 60:.1f} "
        f"minutes show nothing special. Each is judged by a head that was "
        f"fitted to the others: {result.folds.kept_apart}"
        + (f", {result.folds.count} folds." if result.folds.count else "."),
    ]
    if result.warnings:
        parts.append("## Before you trust it")
        parts.append("\n".join(f"- {readable(warning)}" for warning in result.warnings))
    if result.judgements:
        parts += ["## What it finds", _found(result)]
        parts.append(
            "Limits are those of 95 %. The thresholds and the way to fit were chosen on these same "
            f"recordings, to a budget of {false_an_hour:g} false events an hour: on new ones "
            "expect somewhat less."
        )
        for place, label in enumerate(result.labels):
            parts.append(f"![{readable(label)}: announced against false]({_curve_of(place)})")
        parts += ["## What was taken for what", _confusion(result)]
        wrong = _wrong(result)
        if wrong:
            parts += ["## What went wrong", "\n".join(f"- {text}" for text, _, _ in wrong)]
            parts.append(f"![a row for each of these]({WRONG})")
    parts += ["## How it was fitted", f"{result.recipe}."]
    parts.append(
        f"[{STEPS}]({STEPS}) has the probabilities of every step: the model's, which are those "
        "that a camera would get, and those of a head that was not fitted to the recording."
    )
    return "\n\n".join(parts) + "\n"


def _found(result: TeachingResult) -> str:
    lines = [
        "| label | announced | false events an hour | delay, median and longest | threshold |",
        "|---|---|---|---|---|",
    ]
    for label, judgement in zip(result.labels, result.judgements, strict=True):
        low, high = wilson_limits(judgement.found, judgement.shown)
        lines.append(
            f"| {readable(label)} | {judgement.found} of {judgement.shown} "
            f"({low:.0%} to {high:.0%}) | {_rate(judgement)} | {_delay(judgement)} | "
            f"{judgement.rules.on_threshold:.3g} |"
        )
    return "\n".join(lines)


def _rate(judgement: Judgement) -> str:
    count, hours = len(judgement.false), judgement.hours
    if hours <= 0:
        return "-"
    low, high = poisson_limits(count, hours)
    return f"{count / hours:.1f} ({low:.1f} to {high:.1f}): {count} in {hours:.2f} h"


def _delay(judgement: Judgement) -> str:
    if math.isnan(judgement.median_delay):
        return "-"
    return f"{judgement.median_delay:.1f} s, {max(judgement.delays):.1f} s"


def _confusion(result: TeachingResult) -> str:
    assert result.logits is not None
    table = confusion(result.frames, result.labels, result.logits, result.rules)
    names = [readable(label) for label in result.labels]
    lines = [
        "| happened | " + " | ".join(["announced " + name for name in names] + ["nothing"]) + " |",
        "|---" * (len(names) + 2) + "|",
    ]
    for name, row in zip([*names, "background"], table.tolist(), strict=True):
        lines.append(f"| {name} | " + " | ".join(map(str, row)) + " |")
    return "\n".join(lines)


def _wrong(result: TeachingResult) -> list[tuple[str, int, float]]:
    """Returns what was missed and what was announced falsely: in words, where, and when."""
    if not result.judgements:  # nothing could be held out
        return []
    found = []
    for label, judgement in zip(result.labels, result.judgements, strict=True):
        for number, span in judgement.missed:
            found.append((f"missed {label}", number, span.start))
        for start in judgement.false:
            found.append((f"false {label}", start.example, start.time))
    return [(_said(result, *one), one[1], one[2]) for one in found]


def _said(result: TeachingResult, what: str, number: int, time: float) -> str:
    source = Path(result.frames.examples[number].recording.source).name
    return readable(f"{what}: {source}, {time:.1f} s")


def _curve_of(place: int) -> str:
    return f"curve-{place + 1}.png"


def summary(result: TeachingResult) -> Sequence[str]:
    """Returns what was found out, a line for each label."""
    if not result.judgements:
        return [f"{', '.join(map(readable, result.labels))}: taught, but not measured"]
    lines = []
    for label, judgement in zip(result.labels, result.judgements, strict=True):
        delay = judgement.median_delay
        late = "" if math.isnan(delay) else f", {delay:.1f} s after it began (median)"
        lines.append(
            f"{readable(label)}: {judgement.found} of {judgement.shown} announced{late}; "
            f"{len(judgement.false)} false events in {judgement.hours * 60:.1f} minutes"
        )
    return lines
