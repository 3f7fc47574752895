from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from edgevid.errors import LabelsError, UsageError
from edgevid.scores import Ranking, softmax

LABELS = ("abseiling", "archery", "yoga", "zumba")


@given(hnp.arrays(np.float32, st.integers(1, 700), elements=st.floats(-1e4, 1e4, width=32)))
def test_softmax_is_a_distribution_for_any_logits(logits: np.ndarray) -> None:
    probabilities = softmax(logits)
    assert probabilities.dtype == np.float32
    assert probabilities.sum() == pytest.approx(1, abs=1e-4)
    assert probabilities[logits.argmax()] == probabilities.max()


@given(
    hnp.arrays(np.float32, 50, elements=st.floats(0, 1, width=32)),
    st.integers(1, 60),
)
def test_top_k_equals_a_full_sort(values: np.ndarray, k: int) -> None:
    labels = [str(n) for n in range(50)]
    scores = Ranking(labels, top_k=k).top(values)
    expected = sorted(range(50), key=lambda n: (-values[n], n))[:k]
    assert [s.probability for s in scores] == [float(values[n]) for n in expected]
    if len(set(values)) == 50:
        assert [s.label for s in scores] == [labels[n] for n in expected]


def test_allow_and_deny_choose_labels_and_leave_probabilities_alone() -> None:
    values = np.array([0.1, 0.2, 0.3, 0.4], np.float32)
    allowed = Ranking(LABELS, allow=["archery", "abseiling"]).top(values)
    assert [s.label for s in allowed] == ["archery", "abseiling"]
    assert allowed[0].probability == pytest.approx(0.2)
    assert Ranking(LABELS, deny=["zumba"]).top(values)[0].label == "yoga"


def test_unknown_labels_are_named_with_the_nearest() -> None:
    with pytest.raises(LabelsError, match="no label 'yogha': did you mean yoga"):
        Ranking(LABELS, allow=["yogha"])
    with pytest.raises(UsageError, match="leave no label"):
        Ranking(LABELS, deny=LABELS)
    with pytest.raises(UsageError, match="top_k"):
        Ranking(LABELS, top_k=0)
