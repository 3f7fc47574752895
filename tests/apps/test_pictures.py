from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from apps.raspberry_pi.pictures import bgr

IMAGE = np.random.default_rng(0).integers(0, 255, (48, 64, 3), np.uint8)


@pytest.mark.parametrize("image", [IMAGE, IMAGE[::2, 3:9], IMAGE[::-1, ::-1]])
def test_a_frames_image_becomes_a_picture(image: NDArray[np.uint8]) -> None:
    image = image[:]
    image.flags.writeable = False  # as what comes from a camera's process is
    picture = bgr(image)
    assert (picture == image[:, :, ::-1]).all()
    assert picture.flags.c_contiguous
