"""What cheap cameras do to their pictures: light, lens, sensor, compression."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edgevid.support.opencv import cv2
from export.camera_motion.render import Clip


def repeat_some(clip: Clip, random: np.random.Generator) -> None:
    """A source that stutters shows some pictures twice."""
    for place in range(1, len(clip)):
        if random.random() < 0.12:
            clip[place] = clip[place - 1]


def spoil(clip: Clip, random: np.random.Generator) -> Clip:
    """What light, lens, sensor and compression do to a clip's pictures."""
    frames, height, width = clip.shape[:3]
    if random.random() < 0.25:
        _stick_on(clip, random)
    seen = clip.astype(np.float32)
    blur = random.choice([0.0, 0.0, random.uniform(0.3, 1.6)])
    if blur:
        for picture in seen:
            cv2.GaussianBlur(picture, (0, 0), blur, dst=picture)
    seen *= _gain(frames, random)[:, None, None, None]
    if random.random() < 0.15:
        _shadow(seen, random)
    if random.random() < 0.1:
        _flicker(seen, random)
    if random.random() < 0.3:
        y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j].astype(np.float32)
        seen *= (1 - random.uniform(0, 0.35) * (x * x + y * y))[..., None]
    if random.random() < 0.15:
        seen[:] = seen.mean(-1, keepdims=True)
    if random.random() < 0.6:
        strength = np.exp(random.uniform(np.log(0.8), np.log(9)))
        start = random.integers(0, len(_GRAIN) - seen.size)
        seen += strength * _GRAIN[start : start + seen.size].reshape(seen.shape)
    spoilt = np.clip(seen, 0, 255).astype(np.uint8)
    if random.random() < 0.45:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(random.integers(12, 90))]
        for place, picture in enumerate(spoilt):
            spoilt[place] = cv2.imdecode(cv2.imencode(".jpg", picture, quality)[1], 1)
    return spoilt


_GRAIN = np.random.default_rng(0).standard_normal(1 << 22, np.float32)


def _stick_on(clip: Clip, random: np.random.Generator) -> None:
    """A clock, a logo, black bars: what stays where it is in the picture."""
    height, width = clip.shape[1:3]
    if random.random() < 0.5:
        bar = int(random.uniform(0.04, 0.22) * height)
        if random.random() < 0.7:
            clip[:, :bar] = clip[:, height - bar :] = 0
        else:
            clip[:, :, :bar] = clip[:, :, width - bar :] = 0
        return
    text = "".join(chr(code) for code in random.integers(48, 91, random.integers(2, 14)))
    x, y = int(random.uniform(0, 0.6) * width), int(random.uniform(0.1, 0.98) * height)
    colour = tuple(random.uniform(0, 255, 3))
    scale = random.uniform(0.25, 0.8)
    for picture in clip:
        cv2.putText(picture, text, (x, y), cv2.FONT_HERSHEY_SIMPLEX, scale, colour, 1, cv2.LINE_AA)


def _gain(frames: int, random: np.random.Generator) -> NDArray[np.float32]:
    """Brightness of each frame: constant, swaying, or switched."""
    gain = np.full(frames, random.uniform(0.65, 1.3))
    now = np.arange(frames)
    kind = random.random()
    if kind < 0.2:
        gain *= 1 + random.uniform(0, 0.3) * np.sin(random.uniform(0.05, 2) * now + random.random())
    elif kind < 0.35:
        place = random.integers(1, frames)
        # Exposure makes up for it a little later.
        change = random.uniform(0.4, 1.9) - 1
        gain *= 1 + change * (now >= place) * np.exp(-np.maximum(now - place, 0) / 8)
    elif kind < 0.45:
        gain *= random.normal(1, random.uniform(0, 0.06), frames)
    return gain.astype(np.float32)


def _shadow(seen: NDArray[np.float32], random: np.random.Generator) -> None:
    """A soft shadow or light that passes."""
    height, width = seen.shape[1:3]
    y, x = np.mgrid[:height, :width].astype(np.float32) / height
    start, velocity = random.uniform(-0.3, 1.3, 2), random.normal(0, 0.08, 2)
    reach, change = random.uniform(0.15, 0.6), random.uniform(-0.5, 0.5)
    for place, picture in enumerate(seen):
        dx, dy = start + velocity * place
        picture *= (1 + change * np.exp(-((x - dx) ** 2 + (y - dy) ** 2) / (2 * reach * reach)))[
            ..., None
        ]


def _flicker(seen: NDArray[np.float32], random: np.random.Generator) -> None:
    """Bands of a lamp on the mains, read out line by line."""
    lines = np.arange(seen.shape[1], dtype=np.float32) / seen.shape[1]
    waves, speed = random.uniform(0.5, 5), random.uniform(-3, 3)
    for place, picture in enumerate(seen):
        band = np.sin(2 * np.pi * (waves * lines + speed * place))
        picture *= (1 + random.uniform(0.02, 0.12) * band)[:, None, None]
