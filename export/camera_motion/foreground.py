"""What moves by itself before the camera, whatever the camera does."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edgevid.support.opencv import cv2
from export.camera_motion.render import Thing
from export.camera_motion.scenes import Picture, Pyramid

_PATCH = 96  # pixels


def things(
    scenes: Sequence[Pyramid], random: np.random.Generator, *, people: bool = False
) -> list[Thing]:
    """Nothing, something, a crowd that goes one way; half of them people, if that is asked for."""
    count = int(random.choice([0, 1, 2, 3, 5], p=[0.25, 0.25, 0.2, 0.15, 0.15]))
    together = random.normal(size=2) * random.uniform(0, 0.5) if random.random() < 0.2 else None
    found = []
    for number in range(count):
        draw = _somebody if people and random.random() < 0.5 else _something
        found.append(draw(scenes, random, large=number == 0, velocity=together))
    return found


def _something(
    scenes: Sequence[Pyramid],
    random: np.random.Generator,
    *,
    large: bool,
    velocity: NDArray[np.float64] | None,
) -> Thing:
    """Any shape that goes anywhere, or stays where it is on the lens."""
    width = float(np.exp(random.uniform(np.log(0.08), np.log(0.75 if large else 0.4))))
    speed = np.exp(random.uniform(np.log(0.02), np.log(1.0)))
    own = random.normal(size=2) * speed * random.choice([0.0, 1.0, 1.0])
    if velocity is not None:
        own = velocity + 0.1 * own
    start = random.uniform(-0.7, 0.7, 2) - own * random.uniform(0, 3)
    on_lens = random.random() < 0.12
    if on_lens:
        own, start, width = own * 0.05, random.uniform(-0.4, 0.4, 2), width * 0.7
    swing = random.normal(size=4) * (0.12, 0.12, 0.4, 0.12) * random.choice([0.0, 1.0, 1.0])
    return Thing(
        picture=_patch(scenes, random), mask=_blob(random), width=width, start=start, velocity=own,
        swing=swing, rate=random.uniform(0.1, 2.0), phase=random.random(4), on_lens=on_lens,
    )  # fmt: skip


def _somebody(
    scenes: Sequence[Pyramid],
    random: np.random.Generator,
    *,
    large: bool,
    velocity: NDArray[np.float64] | None,
) -> Thing:
    """Someone tall who walks past, often as high as the picture: no pan, though much slides by."""
    height = float(np.exp(random.uniform(np.log(0.4), np.log(1.6 if large else 0.9))))
    speed = np.exp(random.uniform(np.log(0.03), np.log(0.7))) * random.choice([-1.0, 1.0])
    own = np.array([speed, speed * random.normal(0, 0.15)])
    if velocity is not None:
        own = velocity + 0.1 * own
    start = np.array([random.uniform(-0.6, 0.6), random.normal(0, 0.2)])
    start -= own * random.uniform(0, 3)
    swing = random.normal(size=4) * (0.04, 0.03, 0.08, 0.06)
    return Thing(
        picture=_patch(scenes, random), mask=_figure(random), width=height, start=start,
        velocity=own, swing=swing, rate=random.uniform(0.5, 2.0), phase=random.random(4),
        on_lens=False,
    )  # fmt: skip


def _patch(scenes: Sequence[Pyramid], random: np.random.Generator) -> Picture:
    level = scenes[int(random.integers(len(scenes)))][int(random.integers(1, 4))]
    x, y = random.integers(0, level.shape[0] - _PATCH + 1, 2)
    patch = level[y : y + _PATCH, x : x + _PATCH].astype(np.float32)
    lit = patch * random.uniform(0.5, 1.3) + random.uniform(-40, 60, 3)
    return np.clip(lit, 0, 255).astype(np.uint8)


def _blob(random: np.random.Generator) -> Picture:
    """A few ellipses that overlap in the middle."""
    mask = np.zeros((_PATCH, _PATCH), np.uint8)
    for _ in range(random.integers(1, 6)):
        x, y = (int(v) for v in _PATCH / 2 + random.normal(0, _PATCH / 9, 2))
        axes = tuple(int(v) for v in random.uniform(0.06, 0.4, 2) * _PATCH)
        cv2.ellipse(mask, (x, y), axes, float(random.uniform(0, 180)), 0, 360, 255, -1)
    return mask


def _figure(random: np.random.Generator) -> Picture:
    """Head, body, legs and arms, as high as the patch."""
    mask = np.zeros((_PATCH, _PATCH), np.uint8)
    stout = random.uniform(0.6, 1.6)
    middle = _PATCH // 2

    def limb(x: int, y: int, long: float, wide: float, angle: float) -> None:
        axes = (max(1, int(wide * stout * _PATCH)), int(long * _PATCH))
        cv2.ellipse(mask, (x, y), axes, angle, 0, 360, 255, -1)

    limb(middle, int(0.1 * _PATCH), 0.08, 0.05, 0.0)
    limb(middle, int(0.36 * _PATCH), 0.2, 0.09, 0.0)
    for _ in range(2):
        step = random.normal(0, 12)
        limb(middle - int(0.004 * step * _PATCH), int(0.76 * _PATCH), 0.24, 0.045, step)
        limb(
            middle + int(random.normal(0, 6)), int(0.36 * _PATCH), 0.18, 0.03, random.normal(0, 25)
        )
    return mask
