from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from edgevid.opencv import cv2
from tests.conftest import LabelledClip
from tests.prepare.mini_movinet import SIZE, mini_movinet


@pytest.fixture(scope="session", params=["float32", "int8"])
def mini(request: pytest.FixtureRequest) -> bytes:
    """The network in miniature, in both kinds."""
    return mini_movinet(int8=request.param == "int8")


@pytest.fixture(scope="session")
def mini_float() -> bytes:
    return mini_movinet(int8=False)


@pytest.fixture(scope="session")
def mini_int8() -> bytes:
    return mini_movinet(int8=True)


@pytest.fixture(scope="session")
def pictures() -> NDArray[np.uint8]:
    """Forty pictures for the network in miniature, unlike one another: [40, SIZE, SIZE, 3]."""
    random = np.random.default_rng(3)
    colours = random.integers(0, 256, (40, 1, 1, 3))
    patterns = random.integers(-60, 60, (40, SIZE, SIZE, 3))
    return np.clip(colours + patterns, 0, 255).astype(np.uint8)


def decoded(
    clip: LabelledClip, *, size: int = 172, fps: float = 5, most: int = 50
) -> NDArray[np.uint8]:
    """The middle square of a clip's pictures: [pictures, size, size, 3]."""
    capture = cv2.VideoCapture(str(clip.path))
    kept: list[NDArray[np.uint8]] = []
    try:
        while len(kept) < most:
            there, picture = capture.read()
            if not there:
                break
            if capture.get(cv2.CAP_PROP_POS_MSEC) / 1000 >= len(kept) / fps:
                height, width = picture.shape[:2]
                side = min(height, width)
                top, left = (height - side) // 2, (width - side) // 2
                square = picture[top : top + side, left : left + side]
                kept.append(cv2.resize(square, (size, size))[:, :, ::-1])
    finally:
        capture.release()
    return np.array(kept)
