from __future__ import annotations

import numpy as np
import pytest

from edgevid.support.jpeg import from_jpeg, to_jpeg


def test_a_picture_survives() -> None:
    rows, columns = np.mgrid[:48, :64]
    picture = np.stack([rows * 5, columns * 3, np.full_like(rows, 40)], axis=2).astype(np.uint8)
    data = to_jpeg(picture)
    assert data[:2] == b"\xff\xd8"  # how every JPEG file begins
    back = from_jpeg(data)
    assert back.shape == picture.shape
    assert np.abs(back.astype(int) - picture).mean() < 3


@pytest.mark.parametrize("data", [b"", b"no picture"])
def test_what_is_no_picture(data: bytes) -> None:
    with pytest.raises(ValueError, match="no JPEG file"):
        from_jpeg(data)
