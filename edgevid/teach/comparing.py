"""Compares a result with the model that it is to replace: before and after."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from edgevid.errors import ModelError
from edgevid.modelfile import manifest
from edgevid.modelfile.head import Head
from edgevid.modelfile.manifest import EventRules, Manifest
from edgevid.runtime.head import HeadState
from edgevid.teach.data import Recording, Span
from edgevid.teach.examples import Example
from edgevid.teach.features import Extraction, Follow, feature_model
from edgevid.teach.frames import Frames
from edgevid.teach.judging import Judgement, judge
from edgevid.teach.logistic import Floats
from edgevid.teach.teaching import TeachingResult

AROUND_S = 1.5  # an event that comes so much sooner or later is the same


@dataclass(frozen=True, slots=True)
class Comparison:
    """What becomes of one label.

    Attributes:
        label: which.
        before: by the model that runs; None where it does not know the label, or is not taught.
        after: by heads that were not fitted to what they are judged by; None where nothing could
            be held out.
    """

    label: str
    before: Judgement | None
    after: Judgement | None


@dataclass(frozen=True, slots=True)
class Announced:
    """An event that a model has announced.

    Attributes:
        source: the recording.
        label: what it was called.
        second: when in the recording.
    """

    source: str
    label: str
    second: float


def head_logits(head: Head, examples: Sequence[Example]) -> Floats:
    """Returns what a head says of examples, step by step as on a device: ``[frames, labels]``."""
    state, found = HeadState(head), []
    for example in examples:
        state.means.clear()
        for features, breaks in zip(example.features, example.breaks, strict=True):
            if breaks:
                state.means.clear()
            found.append(state.step(features))
    return np.array(found, np.float64)


def compare(result: TeachingResult, before: Manifest | None) -> list[Comparison]:
    """Judges both by the same recordings.

    Args:
        result: what was taught.
        before: of the model that runs. Where it was fitted to some of the recordings, it looks
            better than it is.
    """
    judgements = result.judgements or (None,) * len(result.labels)
    logits: Floats | None = None
    found = []
    for label, after in zip(result.labels, judgements, strict=True):
        known = before is not None and before.head is not None and label in before.labels
        then: Judgement | None = None
        if known and before is not None and before.head is not None:
            if logits is None:
                logits = head_logits(before.head, result.frames.examples)
            place = before.labels.index(label)
            then = judge(result.frames, label, logits[:, place], before.events)
        found.append(Comparison(label, then, after))
    return found


def would_come(
    taught: bytes,
    result: TeachingResult,
    events: Sequence[Announced],
    keep: Path,
    follow: Follow | None = None,
) -> list[bool]:
    """Says of events whether they would have come with a taught model.

    Of a recording that it was fitted to, those speak that were fitted to the others.

    Args:
        taught: the content of its file.
        result: how it was taught.
        events: what was announced; one in a recording that cannot be read would not come.
        keep: the folder of what was extracted from videos.
        follow: as it was taught.

    Raises:
        ModelError: it is no taught model.
    """
    described = manifest.read(taught)
    if described is None or described.head is None:
        raise ModelError("only a taught model can be compared")
    held = {example.recording.source: n for n, example in enumerate(result.frames.examples)}
    network = str(described.provenance.get("network", ""))
    wanted = sorted({e.source for e in events if e.label in described.labels} - set(held))
    extraction = Extraction(feature_model(taught), network, keep, follow)
    fresh = {
        example.recording.source: example
        for example in extraction.examples(map(Recording, wanted), lambda _: None)
    }

    def comes(event: Announced) -> bool:
        if event.label not in described.labels:
            return False
        place = described.labels.index(event.label)
        if event.source in held:
            example = result.frames.examples[held[event.source]]
            logits = (
                head_logits(result.head, [example])
                if result.logits is None
                else result.logits[result.frames.rows(held[event.source])]
            )
        elif event.source in fresh:
            example = fresh[event.source]
            logits = head_logits(result.head, [example])
        else:
            return False
        return _starts_about(example, event, logits[:, place], described.events)

    return [comes(event) for event in events]


def _starts_about(example: Example, event: Announced, logits: Floats, rules: EventRules) -> bool:
    span = Span(event.label, max(0.0, event.second - AROUND_S), event.second + AROUND_S)
    alone = replace(example, recording=replace(example.recording, spans=(span,), is_clip=False))
    return judge(Frames([alone]), event.label, logits, rules).found == 1
