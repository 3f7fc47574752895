"""Draws scenes: large pictures with edges and textures of every size.

Most are "dead leaves": shapes thrown on one another with sizes that follow a power law, which gives
the statistics of natural pictures (Lee, Mumford, Huang, "Occlusion models for natural images",
2001). Rooms with bare walls, bricks and lettering are among them.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from edgevid.support.opencv import cv2

SIDE = 1024  # pixels
LEVELS = 4  # each half as large as the one before

Picture = NDArray[np.uint8]
Pyramid = tuple[Picture, ...]


def gallery(count: int, seed: int) -> list[Pyramid]:
    """Draws scenes, each with smaller copies of itself; every fourth is soft."""

    def one(number: int) -> Pyramid:
        rng = np.random.default_rng([seed, number])
        return pyramid(scene(rng) if number % 4 else soft(rng))

    with ThreadPoolExecutor(2) as pool:
        drawn = pool.map(one, range(count))
        return list(tqdm(drawn, "drawing scenes", count, unit="scene", leave=False))


def pyramid(picture: Picture) -> Pyramid:
    """A picture and its halves."""
    levels = [picture]
    while len(levels) < LEVELS:
        side = levels[-1].shape[0] // 2
        levels.append(cv2.resize(levels[-1], (side, side), interpolation=cv2.INTER_AREA))
    return tuple(levels)


WAVE = 32  # pixels: the size of what is seen in a soft scene


def soft(rng: np.random.Generator) -> Picture:
    """Draws light and dark blobs of about one size: RGB, uint8, ``[SIDE, SIDE, 3]``.

    Every part of such a picture shows how it moves, which is where learning starts.
    """
    picture = np.zeros((SIDE, SIDE, 3), np.float32)
    for size, weight in ((WAVE / 2, 1.0), (WAVE / 4, 0.7), (WAVE, 0.5)):
        side = int(2 * SIDE / WAVE * (WAVE / 2 / size))
        grid = rng.standard_normal((side, side, 3), np.float32)
        picture += weight * cv2.resize(grid, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    grey = picture.mean(-1, keepdims=True)
    picture = 37 * grey / grey.std() + 20 * picture / picture.std()
    return np.clip(rng.uniform(90, 160) + picture, 0, 255).astype(np.uint8)


def scene(rng: np.random.Generator) -> Picture:
    """Draws one scene: RGB, uint8, ``[SIDE, SIDE, 3]``."""
    palette = _palette(rng)
    colours = np.empty((SIDE, SIDE, 3), np.uint8)
    colours[:] = _pick(palette, rng)
    rough = np.full((SIDE, SIDE), rng.choice([0, int(rng.integers(0, 90))]), np.uint8)
    striped = np.zeros((SIDE, SIDE), np.uint8)
    count = int(np.exp(rng.uniform(np.log(25), np.log(2500))))
    smallest = rng.uniform(2, 14)
    for size in _sizes(count, smallest, rng.uniform(120, 420), rng):
        points = _shape(size, rng)
        cv2.fillPoly(colours, points, _pick(palette, rng), cv2.LINE_AA)
        cv2.fillPoly(rough, points, int(rng.choice([0, int(rng.integers(0, 140))])))
        cv2.fillPoly(striped, points, int(rng.choice([0, 0, 0, int(rng.integers(30, 200))])))
    for _ in range(rng.integers(0, 40)):
        _line(colours, palette, rng)
    if rng.random() < 0.3:
        _lettering(colours, palette, rng)
    picture = colours.astype(np.float32)
    picture += (rough.astype(np.float32) * _noise(rng))[..., None]
    picture += (striped.astype(np.float32) * _stripes(rng))[..., None]
    picture *= _light(rng)[..., None]
    blur = rng.choice([0.0, 0.0, rng.uniform(0.5, 3.0)])
    if blur:
        picture = cv2.GaussianBlur(picture, (0, 0), blur)
    middle = picture.mean()
    picture = middle + (picture - middle) * rng.uniform(0.6, 1.25)
    return np.clip(picture * rng.uniform(0.55, 1.2), 0, 255).astype(np.uint8)


def _palette(rng: np.random.Generator) -> NDArray[np.float64]:
    """A few colours that go together: ``[colours, 3]``. Most scenes are far from colourful."""
    count = rng.integers(3, 9)
    light = rng.uniform(40, 215) + rng.normal(0, rng.uniform(12, 75), (count, 1))
    tint = rng.normal(0, rng.uniform(2, 30), (1, 3))
    hues = rng.normal(0, rng.exponential(22), (count, 3))
    return np.clip(light + tint + hues, 0, 255)


def _pick(palette: NDArray[np.float64], rng: np.random.Generator) -> tuple[float, ...]:
    grey = rng.normal(0, 18)
    return tuple(np.clip(palette[rng.integers(len(palette))] + grey, 0, 255))


def _sizes(
    count: int, smallest: float, largest: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Radii with a density that falls with the third power, large ones first, more or less."""
    low, high = smallest**-2, largest**-2
    radii = (low + rng.random(count) * (high - low)) ** -0.5
    # A few large ones, or small shapes alone would cover everything.
    radii[: count // 12] = rng.uniform(smallest, largest, count // 12)
    return radii[np.argsort(-radii * rng.uniform(0.3, 1.0, count))]


def _shape(radius: float, rng: np.random.Generator) -> list[NDArray[np.int32]]:
    """A polygon: box, ellipse or something with corners, turned or upright."""
    kind = rng.integers(3)
    if kind == 0:
        corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]], float)
    elif kind == 1:
        around = np.linspace(0, 2 * np.pi, 17)[:-1]
        corners = np.stack([np.cos(around), np.sin(around)], 1)
    else:
        around = np.sort(rng.uniform(0, 2 * np.pi, rng.integers(3, 9)))
        corners = np.stack([np.cos(around), np.sin(around)], 1)
        corners *= rng.uniform(0.5, 1.3, (len(around), 1))
    corners *= radius * np.exp(rng.uniform(-0.9, 0.9, 2))
    angle = rng.choice([0.0, rng.uniform(0, np.pi)])
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return [np.round(corners @ turn + rng.uniform(0, SIDE, 2)).astype(np.int32)]


def _line(picture: Picture, palette: NDArray[np.float64], rng: np.random.Generator) -> None:
    start = rng.uniform(0, SIDE, 2)
    angle = rng.choice([0.0, np.pi / 2, rng.uniform(0, np.pi)])
    end = start + rng.uniform(40, SIDE) * np.array([np.cos(angle), np.sin(angle)])
    (x0, y0), (x1, y1) = np.round(start).astype(int), np.round(end).astype(int)
    thickness = int(rng.integers(1, 9))
    colour = _pick(palette, rng)
    cv2.line(picture, (int(x0), int(y0)), (int(x1), int(y1)), colour, thickness, cv2.LINE_AA)


def _lettering(picture: Picture, palette: NDArray[np.float64], rng: np.random.Generator) -> None:
    for _ in range(rng.integers(1, 12)):
        text = "".join(chr(code) for code in rng.integers(48, 91, rng.integers(2, 12)))
        x, y = (int(v) for v in rng.integers(0, SIDE, 2))
        scale, thick = rng.uniform(0.5, 5), int(rng.integers(1, 8))
        cv2.putText(
            picture, text, (x, y), cv2.FONT_HERSHEY_SIMPLEX, scale, _pick(palette, rng),
            thick, cv2.LINE_AA,
        )  # fmt: skip


def _noise(rng: np.random.Generator) -> NDArray[np.float32]:
    """Texture with detail of every size, about -1 to 1."""
    total = np.zeros((SIDE, SIDE), np.float32)
    fade = rng.uniform(0.5, 1.0)  # how much weaker each finer octave is
    strength = 1.0
    for side in (8, 16, 32, 64, 128, 256, 512, 1024):
        grid = rng.standard_normal((side, side), np.float32)
        total += strength * cv2.resize(grid, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR)
        strength *= fade
    return total / (2 * total.std())


def _stripes(rng: np.random.Generator) -> NDArray[np.float32]:
    """Stripes or bricks, -0.5 to 0.5."""
    y, x = np.mgrid[:SIDE, :SIDE].astype(np.float32)
    angle = rng.choice([0.0, np.pi / 2, rng.uniform(0, np.pi)])
    period = np.exp(rng.uniform(np.log(10), np.log(120)))
    along = (x * np.cos(angle) + y * np.sin(angle)) / period
    wave = along % 1 < rng.uniform(0.1, 0.6)
    if rng.random() < 0.5:
        across = (y * np.cos(angle) - x * np.sin(angle)) / (period * rng.uniform(1, 3))
        wave ^= (across + 0.5 * (along // 1 % 2)) % 1 < rng.uniform(0.1, 0.6)
    return wave.astype(np.float32) - 0.5


def _light(rng: np.random.Generator) -> NDArray[np.float32]:
    """Soft light that belongs to the scene, about 0.5 to 1.3."""
    grid = rng.uniform(0.6, 1.25, (4, 4)).astype(np.float32)
    return cv2.resize(grid, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
