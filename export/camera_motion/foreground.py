"""Foreground objects that move by themselves, whatever the camera does."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edgevid.support.opencv import cv2
from export.camera_motion.render import ForegroundObject
from export.camera_motion.scenes import Picture, Pyramid

_PATCH = 96  # pixels


def foreground_objects(
    scenes: Sequence[Pyramid], rng: np.random.Generator, *, people: bool = False
) -> list[ForegroundObject]:
    """Draws nothing, one object or several, at times a crowd that goes one way.

    Args:
        scenes: of which the objects are cut.
        rng: decides.
        people: whether half of the objects are people who walk past.
    """
    count = int(rng.choice([0, 1, 2, 3, 5], p=[0.25, 0.25, 0.2, 0.15, 0.15]))
    together = rng.normal(size=2) * rng.uniform(0, 0.5) if rng.random() < 0.2 else None
    found = []
    for number in range(count):
        draw = _person if people and rng.random() < 0.5 else _shape
        found.append(draw(scenes, rng, large=number == 0, velocity=together))
    return found


def _shape(
    scenes: Sequence[Pyramid],
    rng: np.random.Generator,
    *,
    large: bool,
    velocity: NDArray[np.float64] | None,
) -> ForegroundObject:
    """Any shape that goes anywhere, or stays where it is on the lens."""
    width = float(np.exp(rng.uniform(np.log(0.08), np.log(0.75 if large else 0.4))))
    speed = np.exp(rng.uniform(np.log(0.02), np.log(1.0)))
    own = rng.normal(size=2) * speed * rng.choice([0.0, 1.0, 1.0])
    if velocity is not None:
        own = velocity + 0.1 * own
    start = rng.uniform(-0.7, 0.7, 2) - own * rng.uniform(0, 3)
    on_lens = rng.random() < 0.12
    if on_lens:
        own, start, width = own * 0.05, rng.uniform(-0.4, 0.4, 2), width * 0.7
    swing = rng.normal(size=4) * (0.12, 0.12, 0.4, 0.12) * rng.choice([0.0, 1.0, 1.0])
    return ForegroundObject(
        picture=_patch(scenes, rng), mask=_blob(rng), width=width, start=start, velocity=own,
        swing=swing, rate=rng.uniform(0.1, 2.0), phase=rng.random(4), on_lens=on_lens,
    )  # fmt: skip


def _person(
    scenes: Sequence[Pyramid],
    rng: np.random.Generator,
    *,
    large: bool,
    velocity: NDArray[np.float64] | None,
) -> ForegroundObject:
    """Someone tall who walks past, often as high as the picture: no pan, though much slides by."""
    height = float(np.exp(rng.uniform(np.log(0.4), np.log(1.6 if large else 0.9))))
    speed = np.exp(rng.uniform(np.log(0.03), np.log(0.7))) * rng.choice([-1.0, 1.0])
    own = np.array([speed, speed * rng.normal(0, 0.15)])
    if velocity is not None:
        own = velocity + 0.1 * own
    start = np.array([rng.uniform(-0.6, 0.6), rng.normal(0, 0.2)])
    start -= own * rng.uniform(0, 3)
    swing = rng.normal(size=4) * (0.04, 0.03, 0.08, 0.06)
    return ForegroundObject(
        picture=_patch(scenes, rng), mask=_figure(rng), width=height, start=start,
        velocity=own, swing=swing, rate=rng.uniform(0.5, 2.0), phase=rng.random(4),
        on_lens=False,
    )  # fmt: skip


def _patch(scenes: Sequence[Pyramid], rng: np.random.Generator) -> Picture:
    level = scenes[int(rng.integers(len(scenes)))][int(rng.integers(1, 4))]
    x, y = rng.integers(0, level.shape[0] - _PATCH + 1, 2)
    patch = level[y : y + _PATCH, x : x + _PATCH].astype(np.float32)
    lit = patch * rng.uniform(0.5, 1.3) + rng.uniform(-40, 60, 3)
    return np.clip(lit, 0, 255).astype(np.uint8)


def _blob(rng: np.random.Generator) -> Picture:
    """A few ellipses that overlap in the middle."""
    mask = np.zeros((_PATCH, _PATCH), np.uint8)
    for _ in range(rng.integers(1, 6)):
        x, y = (int(v) for v in _PATCH / 2 + rng.normal(0, _PATCH / 9, 2))
        axes = tuple(int(v) for v in rng.uniform(0.06, 0.4, 2) * _PATCH)
        cv2.ellipse(mask, (x, y), axes, float(rng.uniform(0, 180)), 0, 360, 255, -1)
    return mask


def _figure(rng: np.random.Generator) -> Picture:
    """Head, body, legs and arms, as high as the patch."""
    mask = np.zeros((_PATCH, _PATCH), np.uint8)
    stout = rng.uniform(0.6, 1.6)
    middle = _PATCH // 2

    def limb(x: int, y: int, long: float, wide: float, angle: float) -> None:
        axes = (max(1, int(wide * stout * _PATCH)), int(long * _PATCH))
        cv2.ellipse(mask, (x, y), axes, angle, 0, 360, 255, -1)

    limb(middle, int(0.1 * _PATCH), 0.08, 0.05, 0.0)
    limb(middle, int(0.36 * _PATCH), 0.2, 0.09, 0.0)
    for _ in range(2):
        step = rng.normal(0, 12)
        limb(middle - int(0.004 * step * _PATCH), int(0.76 * _PATCH), 0.24, 0.045, step)
        limb(middle + int(rng.normal(0, 6)), int(0.36 * _PATCH), 0.18, 0.03, rng.normal(0, 25))
    return mask
