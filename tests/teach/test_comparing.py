"""Before and after, by the same recordings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgevid.modelfile import manifest
from edgevid.modelfile.head import Head
from edgevid.modelfile.manifest import EventRules, Manifest
from edgevid.teach import learn
from edgevid.teach.comparing import Announced, compare, head_logits, would_come
from edgevid.teach.report import live_logits
from tests.teach.making import FEATURES, falls


def known(*labels: str, bias: float) -> Manifest:
    """Returns a model's manifest, whose head says the same of everything."""
    head = Head(
        (1,), np.zeros((len(labels), FEATURES), np.float32), np.full(len(labels), bias, np.float32)
    )
    return Manifest("known", labels, events=EventRules(0.5, 0.2, 0.0, 0.0), head=head)


def test_the_same_recordings_judge_both() -> None:
    result = learn(falls())
    (found,) = compare(result, known("fall", bias=9.0))
    assert found.label == "fall"
    assert found.after == result.judgements[0]
    assert found.before is not None
    assert found.before.shown == found.after.shown == 12
    assert found.before.found == 0  # it never ends, and so starts before each
    assert len(found.before.false) == 16
    assert found.before.hours == found.after.hours


def test_a_label_that_is_new_has_no_before() -> None:
    result = learn(falls())
    assert [one.before for one in compare(result, known("wave", bias=0.0))] == [None]
    assert [one.before for one in compare(result, None)] == [None]


def test_logits_are_those_of_a_device() -> None:
    result = learn(falls())
    all_of = head_logits(result.head, result.frames.examples)
    np.testing.assert_array_equal(all_of[result.frames.rows(3)], live_logits(result, 3))


def test_of_what_it_was_taught_those_speak_that_were_fitted_to_others(
    waving: bytes, tmp_path: Path
) -> None:
    result = learn(falls())
    described = manifest.read(waving)
    assert described is not None
    shown = result.frames.examples[0].recording
    events = [
        Announced(shown.source, "fall", shown.spans[0].start + 0.5),
        Announced("P0_daily", "fall", 10.0),
        Announced(shown.source, "yoga", 3.0),  # that it does not know
        Announced(str(tmp_path / "gone.mp4"), "fall", 3.0),
    ]
    assert set(described.labels) == {"wave", "fall"}
    only = learn(falls())
    fall = manifest.write(
        manifest.split(waving)[0],
        Manifest("fall", ("fall",), events=only.rules, head=only.head),
    )
    assert would_come(fall, result, events, tmp_path) == [True, False, False, False]


def test_a_model_that_was_not_taught_cannot_be_compared(prepared: bytes, tmp_path: Path) -> None:
    from edgevid.errors import ModelError

    with pytest.raises(ModelError, match="taught"):
        would_come(prepared, learn(falls()), [], tmp_path)
