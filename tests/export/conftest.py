"""Small clips made here; the training libraries where they are installed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgevid.opencv import cv2

SIZE = 48  # pixels: the layers are the real ones, the pictures small

MakeClip = Callable[..., Path]


@pytest.fixture(scope="session")
def network_module() -> Any:
    """``export.network``, skipped where TensorFlow and the Model Garden are not installed."""
    reason = "needs the extra 'train': TensorFlow and tf-models-official"
    pytest.importorskip("tensorflow", reason=reason)
    pytest.importorskip("official.projects.movinet", reason=reason)
    from export import network

    return network


@pytest.fixture
def make_clip() -> MakeClip:
    """Writes a clip in which a square moves over noise that stands still."""

    def make(
        path: Path, *, frames: int = 12, fps: float = 10.0, step: tuple[int, int] = (3, 0),
        seed: int = 0, size: tuple[int, int] = (64, 48),
    ) -> Path:  # fmt: skip
        path.parent.mkdir(parents=True, exist_ok=True)
        width, height = size
        still = np.random.default_rng(seed).integers(0, 120, (height, width, 3), np.uint8)
        writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), fps, size)
        for number in range(frames):
            picture = still.copy()
            x, y = (4 + number * s for s in step)
            picture[y % height :, x % width :][:12, :12] = 255
            writer.write(picture)
        writer.release()
        return path

    return make
