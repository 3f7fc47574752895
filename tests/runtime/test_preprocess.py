from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgevid.errors import UsageError
from edgevid.runtime.preprocess import Preprocess
from edgevid.support.opencv import cv2


def run(image: NDArray[np.uint8], dtype: str = "uint8", **options: Any) -> NDArray[Any]:
    out = np.empty((1, 8, 8, 3), dtype)
    preprocess = Preprocess(8, 8, **options)
    preprocess.write(preprocess.fit(image), out)
    picture: NDArray[Any] = out[0]
    return picture


def stripes(height: int, width: int) -> NDArray[np.uint8]:
    """Left third red, middle green, right blue."""
    image = np.zeros((height, width, 3), np.uint8)
    for channel in range(3):
        image[:, channel * width // 3 : (channel + 1) * width // 3, channel] = 255
    return image


def test_dtypes_hold_the_same_pixels() -> None:
    image = np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)
    pixels = run(image)
    assert np.array_equal(run(image, "int8"), pixels.astype(np.int16) - 128)
    assert run(image, "float32") == pytest.approx(pixels / 255.0, abs=1e-6)


def test_crop_keeps_the_middle() -> None:
    assert np.all(run(stripes(24, 72)) == (0, 255, 0))
    assert np.all(run(stripes(24, 72).transpose(1, 0, 2)) == (0, 255, 0))


def test_stretch_keeps_everything() -> None:
    out = run(stripes(24, 72), fit="stretch")
    assert tuple(out[4, 0]) == (255, 0, 0)
    assert tuple(out[4, 7]) == (0, 0, 255)


def test_letterbox_keeps_everything_between_black_bars() -> None:
    out = run(np.full((24, 48, 3), 200, np.uint8), fit="letterbox")
    assert np.all(out[:2] == 0)
    assert np.all(out[2:6] == 200)
    assert np.all(out[6:] == 0)


def test_letterbox_bars_stay_black_when_the_shape_changes() -> None:
    preprocess = Preprocess(8, 8, fit="letterbox")
    preprocess.fit(np.full((48, 24, 3), 200, np.uint8))
    assert np.all(preprocess.fit(np.full((24, 48, 3), 200, np.uint8))[:2] == 0)


def test_crop_box_looks_only_there() -> None:
    assert np.all(run(stripes(24, 72), crop=(48, 0, 24, 24)) == (0, 0, 255))


@pytest.mark.parametrize("size", [(172, 172), (480, 640), (1080, 1920), (1024, 576), (144, 176)])
def test_close_to_area_interpolation_at_any_size(size: tuple[int, int]) -> None:
    """The reference that accuracy was measured with; see preprocess.py for why not use it."""
    image = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
    image = cv2.GaussianBlur(image, (0, 0), 3)
    side = min(size)
    top, left = (size[0] - side) // 2, (size[1] - side) // 2
    middle = np.ascontiguousarray(image[top : top + side, left : left + side])
    expected = cv2.resize(middle, (172, 172), interpolation=cv2.INTER_AREA)
    out = Preprocess(172, 172).fit(image)
    assert np.abs(out.astype(int) - expected).mean() < 2.5


def test_a_reversed_view_is_as_good_as_a_copy() -> None:
    image = stripes(30, 30)
    assert np.array_equal(run(image[:, ::-1]), run(np.ascontiguousarray(image[:, ::-1])))


@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (500, 1), (3, 4000)])
def test_odd_shapes_do_not_break_it(shape: tuple[int, int]) -> None:
    for fit in ("crop", "stretch", "letterbox"):
        assert run(np.full((*shape, 3), 9, np.uint8), fit=fit).max() == 9


def test_refuses_what_makes_no_sense() -> None:
    with pytest.raises(UsageError, match="fit"):
        Preprocess(8, 8, fit="squeeze")
    with pytest.raises(UsageError, match="crop"):
        Preprocess(8, 8, crop=(0, 0, 0, 5))
    with pytest.raises(UsageError, match="reaches past the picture of 20x10"):
        run(np.zeros((10, 20, 3), np.uint8), crop=(0, 0, 20, 11))
