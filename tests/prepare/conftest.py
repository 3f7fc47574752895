from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

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
    rng = np.random.default_rng(3)
    colours = rng.integers(0, 256, (40, 1, 1, 3))
    patterns = rng.integers(-60, 60, (40, SIZE, SIZE, 3))
    made: NDArray[np.uint8] = np.clip(colours + patterns, 0, 255).astype(np.uint8)
    return made
