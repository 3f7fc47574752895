from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from export.data.dataset import EvaluationSet

CLIPS = EvaluationSet(
    "validation",
    pictures=tuple(np.full((4, 2, 2, 3), shade, np.uint8) for shade in (10, 200)),
    truth=np.array([0, 1]),
)


def says(pictures: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Dark clips are of class 0, light ones of class 1."""
    light = pictures.mean((1, 2, 3)).astype(np.float32) / 255
    return 4 * np.stack([1 - light, light], 1)


def says_the_same_always(pictures: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return np.tile(np.array([[2.0, 0.0]], np.float32), (len(pictures), 1))


@pytest.mark.usefixtures("network_module")
def test_what_agrees_and_what_does_not() -> None:
    from export.verification.comparison import compare
    from export.verification.limits import Limits

    same = compare(says, says, CLIPS, memory=2.0)
    assert (same.measured_on, same.clips, same.top1, same.agreement) == ("validation", 2, 1.0, 1.0)
    assert same.divergence == 0
    assert not same.failures(Limits())
    other = compare(says, says_the_same_always, CLIPS, memory=2.0)
    assert (other.top1, other.reference_top1, other.agreement) == (0.5, 1.0, 0.5)
    assert len(other.failures(Limits())) == 3
    assert not other.failures(Limits(top1_drop=0.5, divergence=9.0, drift=9.0))


@pytest.mark.usefixtures("network_module")
@pytest.mark.parametrize(("name", "warned"), [("test", False), ("training", True)])
def test_the_table_says_what_was_measured_on(name: str, warned: bool) -> None:
    from export.verification.comparison import compare
    from export.verification.table import table

    clips = EvaluationSet(name, pictures=CLIPS.pictures, truth=CLIPS.truth)
    text = table({"x.tflite": compare(says, says, clips, memory=2.0)})
    assert f"| x.tflite | 2 {name} | 1.000 |" in text
    assert ("trained on" in text) == warned
