"""Imitates the faults of cheap cameras: light, lens, sensor, compression."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edgevid.support.opencv import cv2
from export.data.frames import Pictures


def repeat_some(pictures: Pictures, rng: np.random.Generator) -> None:
    """A source that stutters shows some pictures twice."""
    for place in range(1, len(pictures)):
        if rng.random() < 0.12:
            pictures[place] = pictures[place - 1]


def corrupt(pictures: Pictures, rng: np.random.Generator) -> Pictures:
    """Adds what light, lens, sensor and compression do to the pictures of a clip."""
    frames, height, width = pictures.shape[:3]
    if rng.random() < 0.25:
        _stick_on(pictures, rng)
    seen = pictures.astype(np.float32)
    blur = rng.choice([0.0, 0.0, rng.uniform(0.3, 1.6)])
    if blur:
        for picture in seen:
            cv2.GaussianBlur(picture, (0, 0), blur, dst=picture)
    seen *= _gain(frames, rng)[:, None, None, None]
    if rng.random() < 0.15:
        _shadow(seen, rng)
    if rng.random() < 0.1:
        _flicker(seen, rng)
    if rng.random() < 0.3:
        y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j].astype(np.float32)
        seen *= (1 - rng.uniform(0, 0.35) * (x * x + y * y))[..., None]
    if rng.random() < 0.15:
        seen[:] = seen.mean(-1, keepdims=True)
    if rng.random() < 0.6:
        strength = np.exp(rng.uniform(np.log(0.8), np.log(9)))
        start = rng.integers(0, len(_GRAIN) - seen.size)
        seen += strength * _GRAIN[start : start + seen.size].reshape(seen.shape)
    corrupted = np.clip(seen, 0, 255).astype(np.uint8)
    if rng.random() < 0.45:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(12, 90))]
        for place, picture in enumerate(corrupted):
            corrupted[place] = cv2.imdecode(cv2.imencode(".jpg", picture, quality)[1], 1)
    return corrupted


_GRAIN = np.random.default_rng(0).standard_normal(1 << 22, np.float32)


def _stick_on(pictures: Pictures, rng: np.random.Generator) -> None:
    """A clock, a logo, black bars: what stays where it is in the picture."""
    height, width = pictures.shape[1:3]
    if rng.random() < 0.5:
        bar = int(rng.uniform(0.04, 0.22) * height)
        if rng.random() < 0.7:
            pictures[:, :bar] = pictures[:, height - bar :] = 0
        else:
            pictures[:, :, :bar] = pictures[:, :, width - bar :] = 0
        return
    text = "".join(chr(code) for code in rng.integers(48, 91, rng.integers(2, 14)))
    x, y = int(rng.uniform(0, 0.6) * width), int(rng.uniform(0.1, 0.98) * height)
    colour = tuple(rng.uniform(0, 255, 3))
    scale = rng.uniform(0.25, 0.8)
    for picture in pictures:
        cv2.putText(picture, text, (x, y), cv2.FONT_HERSHEY_SIMPLEX, scale, colour, 1, cv2.LINE_AA)


def _gain(frames: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Brightness of each frame: constant, swaying, or switched."""
    gain = np.full(frames, rng.uniform(0.65, 1.3))
    now = np.arange(frames)
    kind = rng.random()
    if kind < 0.2:
        gain *= 1 + rng.uniform(0, 0.3) * np.sin(rng.uniform(0.05, 2) * now + rng.random())
    elif kind < 0.35:
        place = rng.integers(1, frames)
        # Exposure makes up for it a little later.
        change = rng.uniform(0.4, 1.9) - 1
        gain *= 1 + change * (now >= place) * np.exp(-np.maximum(now - place, 0) / 8)
    elif kind < 0.45:
        gain *= rng.normal(1, rng.uniform(0, 0.06), frames)
    return gain.astype(np.float32)


def _shadow(seen: NDArray[np.float32], rng: np.random.Generator) -> None:
    """A soft shadow or light that passes."""
    height, width = seen.shape[1:3]
    y, x = np.mgrid[:height, :width].astype(np.float32) / height
    start, velocity = rng.uniform(-0.3, 1.3, 2), rng.normal(0, 0.08, 2)
    reach, change = rng.uniform(0.15, 0.6), rng.uniform(-0.5, 0.5)
    for place, picture in enumerate(seen):
        dx, dy = start + velocity * place
        picture *= (1 + change * np.exp(-((x - dx) ** 2 + (y - dy) ** 2) / (2 * reach * reach)))[
            ..., None
        ]


def _flicker(seen: NDArray[np.float32], rng: np.random.Generator) -> None:
    """Bands of a lamp on the mains, read out line by line."""
    lines = np.arange(seen.shape[1], dtype=np.float32) / seen.shape[1]
    waves, speed = rng.uniform(0.5, 5), rng.uniform(-3, 3)
    for place, picture in enumerate(seen):
        band = np.sin(2 * np.pi * (waves * lines + speed * place))
        picture *= (1 + rng.uniform(0.02, 0.12) * band)[:, None, None]
