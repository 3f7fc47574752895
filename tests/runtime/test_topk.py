from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from edgevid.errors import LabelsError, UsageError
from edgevid.runtime.topk import TopK

LABELS = ("abseiling", "archery", "yoga", "zumba")
QUARTERS = np.log(np.array([0.1, 0.2, 0.3, 0.4], np.float32))


@given(hnp.arrays(np.float32, st.integers(1, 700), elements=st.floats(-1e4, 1e4, width=32)))
def test_probabilities_are_a_distribution_for_any_logits(logits: np.ndarray) -> None:
    scores = TopK([str(n) for n in range(len(logits))], top_k=len(logits)).top(logits)
    assert sum(score.probability for score in scores) == pytest.approx(1, abs=1e-4)
    assert logits[int(scores[0].label)] == pytest.approx(logits.max(), abs=1e-3)


@given(hnp.arrays(np.float32, 50, elements=st.floats(-9, 9, width=32)), st.integers(1, 60))
def test_top_k_equals_a_full_sort(logits: np.ndarray, k: int) -> None:
    scores = TopK([str(n) for n in range(50)], top_k=k).top(logits)
    exact = np.exp(logits.astype(np.float64))
    exact /= exact.sum()
    expected = sorted(exact, reverse=True)[:k]
    assert [s.probability for s in scores] == pytest.approx(expected, rel=1e-4)
    assert [exact[int(s.label)] for s in scores] == pytest.approx(expected, rel=1e-4)


def test_ties_go_to_the_first_label() -> None:
    assert [s.label for s in TopK(LABELS).top(np.zeros(4, np.float32))] == list(LABELS)


def test_ties_at_the_cut_go_to_the_first_labels() -> None:
    labels = [str(n) for n in range(600)]
    equal = np.zeros(600, np.float32)
    assert [s.label for s in TopK(labels).top(equal)] == labels[:5]
    equal[400] = 1
    assert [s.label for s in TopK(labels, top_k=3).top(equal)] == ["400", "0", "1"]
    denied = TopK(labels, top_k=3, deny=["0", "400"]).top(equal)
    assert [s.label for s in denied] == ["1", "2", "3"]


def test_allow_and_deny_choose_labels_and_leave_probabilities_alone() -> None:
    allowed = TopK(LABELS, allow=["archery", "abseiling"]).top(QUARTERS)
    assert [s.label for s in allowed] == ["archery", "abseiling"]
    assert allowed[0].probability == pytest.approx(0.2)
    assert TopK(LABELS, deny=["zumba"]).top(QUARTERS)[0].label == "yoga"


def test_unknown_labels_are_named_with_the_nearest() -> None:
    with pytest.raises(LabelsError, match="no label 'yogha': did you mean yoga"):
        TopK(LABELS, allow=["yogha"])
    with pytest.raises(UsageError, match="leave no label"):
        TopK(LABELS, deny=LABELS)
    with pytest.raises(UsageError, match="top_k"):
        TopK(LABELS, top_k=0)
