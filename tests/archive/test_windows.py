from __future__ import annotations

import numpy as np
import pytest

from edgevid.archive import windows


@pytest.mark.parametrize(
    ("fresh", "expected"),
    [
        ("1000", [(0, 4)]),
        ("10000", [(0, 5)]),  # a rest that is too short goes with the window before
        ("100000", [(0, 4), (4, 6)]),
        ("1", [(0, 1)]),
        ("101000000", [(0, 2), (2, 6), (6, 9)]),
    ],
)
def test_bounds(fresh: str, expected: list[tuple[int, int]]) -> None:
    assert windows.bounds(np.array([sign == "1" for sign in fresh]), 4) == expected


def test_packing_costs_little() -> None:
    random = np.random.default_rng(0)
    mean = (random.exponential(0.1, 480) * (random.random(480) < 0.5)).astype(np.float32)
    values, scale = windows.packed(mean)
    again = windows.unpacked(values[None], np.array([scale], np.float32))[0]
    assert np.abs(again - mean).max() < 0.005 * scale
    assert np.corrcoef(again, mean)[0, 1] > 0.9999
    assert windows.packed(np.zeros(8, np.float32))[0].tolist() == [0] * 8


def test_labels_of_a_window_are_the_most_probable_of_its_steps() -> None:
    rows = [
        {"labels": ["a", "b"], "probabilities": [0.9, 0.1]},
        {"labels": ["b", "c"], "probabilities": [0.8, 0.2]},
    ]
    assert windows.labels_of(rows) == (["a", "b", "c"], [0.9, 0.8, 0.2])


def test_the_box_around_boxes() -> None:
    assert windows.around([]) is None
    assert windows.around([(3, 4, 5, 6)]) == (3, 4, 5, 6)
    assert windows.around([(3, 4, 5, 6), (0, 8, 2, 9)]) == (0, 4, 8, 13)
