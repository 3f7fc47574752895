from __future__ import annotations

import numpy as np
import pytest

from edgevid.support.orientation import oriented

PICTURE = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_quarter_turns_clockwise(degrees: int) -> None:
    turned = oriented(PICTURE, rotate=degrees)
    corners = {0: (0, 0), 90: (0, -1), 180: (-1, -1), 270: (-1, 0)}
    assert (turned[corners[degrees]] == PICTURE[0, 0]).all()  # where the upper left has gone
    assert turned.flags.c_contiguous


def test_mirrored_after_it_was_turned() -> None:
    assert (oriented(PICTURE, rotate=90, mirror=True)[0, 0] == PICTURE[0, 0]).all()
