from __future__ import annotations

import pytest

from edgevid.regions.boxes import inside, iou, overlap


def test_overlap_and_iou() -> None:
    assert overlap((0, 0, 4, 4), (2, 2, 4, 4)) == 4
    assert overlap((0, 0, 4, 4), (4, 0, 4, 4)) == 0
    assert iou((0, 0, 4, 4), (0, 0, 4, 4)) == 1
    assert iou((0, 0, 4, 4), (2, 0, 4, 4)) == pytest.approx(1 / 3)
    assert iou((0, 0, 0, 0), (0, 0, 0, 0)) == 0


@pytest.mark.parametrize(
    ("box", "wanted"),
    [
        ((-5.0, -5.0, 10.0, 10.0), (0, 0, 5, 5)),
        ((95.0, 40.0, 50.0, 50.0), (95, 40, 5, 10)),
        ((-50.0, 500.0, 10.0, 10.0), (0, 49, 1, 1)),
        ((10.4, 10.6, 20.0, 20.0), (10, 11, 20, 20)),
    ],
)
def test_a_box_stays_in_the_picture_and_is_never_empty(
    box: tuple[float, float, float, float], wanted: tuple[int, int, int, int]
) -> None:
    assert inside(box, 100, 50) == wanted
