"""Footage without people: a drawn figure that walks, sits down and falls in a drawn room."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgevid import open_video
from edgevid.support.opencv import cv2

Picture = NDArray[np.uint8]
Span = tuple[float, float]

_SIZE = (480, 360)
_FPS = 15.0
_FLOOR = 235  # where the wall ends
_FALL_S = 0.7
# Clothes of each of the figures, and the colour of their room's wall: BGR.
_FIGURES = (
    ((60, 60, 170), (188, 205, 214)), ((150, 100, 40), (188, 205, 214)),
    ((50, 120, 60), (200, 196, 176)), ((60, 40, 60), (200, 196, 176)),
)  # fmt: skip
_SKIN, _TROUSERS = (150, 180, 222), (70, 60, 55)


def write(folder: Path, who: int) -> dict[Path, list[Span]]:
    """Writes what one of four figures does: three falls, and three that are none.

    Returns:
        Each video, and from when to when there is a fall in it, seconds.
    """
    found: dict[Path, list[Span]] = {}
    for number in range(6):
        falls = number < 3
        path = folder / f"P{who + 1}_{'fall' if falls else 'daily'}_{number}.mp4"
        start = 1.8 + 0.5 * number
        video = open_video(path)
        video.start(_FPS)
        for index, picture in enumerate(_pictures(who, number, start if falls else math.inf)):
            video.show(picture, index / _FPS)
        video.finish()
        found[path] = [(start, start + 2.5)] if falls else []
    return found


def _pictures(who: int, number: int, falls_at: float) -> Iterator[Picture]:
    clothes, wall = _FIGURES[who]
    picture_of_room = room(wall, mirrored=who > 1)
    chance = np.random.default_rng([who, number])
    begins, speed = 70 + 60 * (number % 3), 42 + 14 * (who % 2)
    sits_at = math.inf if falls_at < math.inf or number == 5 else 2.4
    for index in range(round(7 * _FPS)):
        second = index / _FPS
        ends = min(falls_at, sits_at)
        x = begins + speed * min(second, ends)
        lying = min(1.0, max(0.0, (second - falls_at) / _FALL_S))
        sitting = min(1.0, max(0.0, (second - sits_at) / 1.2))
        stride = math.sin(7 * second) if second < ends else 0.0
        picture = picture_of_room.copy()
        _figure(picture, x, lying * lying, sitting, stride, clothes)
        noise = chance.integers(-5, 6, picture.shape)
        yield np.clip(picture.astype(np.int16) + noise, 0, 255).astype(np.uint8)


def room(wall: tuple[int, int, int] = _FIGURES[0][1], *, mirrored: bool = False) -> Picture:
    """Draws a room without anybody in it, BGR, uint8, ``[360, 480, 3]``."""
    width, height = _SIZE
    drawn = np.full((height, width, 3), wall, np.uint8)
    drawn[_FLOOR:] = (118, 142, 168)
    cv2.rectangle(drawn, (330, 50), (430, 140), (236, 226, 208), -1)
    cv2.rectangle(drawn, (330, 50), (430, 140), (120, 130, 140), 4)
    cv2.line(drawn, (380, 50), (380, 140), (120, 130, 140), 3)
    cv2.rectangle(drawn, (20, 185), (120, 265), (96, 88, 132), -1)
    cv2.rectangle(drawn, (20, 170), (34, 270), (70, 62, 96), -1)
    cv2.ellipse(drawn, (260, 320), (170, 30), 0, 0, 360, (110, 120, 190), -1)
    for x in range(0, width, 60):
        cv2.line(drawn, (x, _FLOOR), (2 * x - width // 2, height), (108, 130, 155), 1)
    return np.ascontiguousarray(drawn[:, ::-1]) if mirrored else drawn


def _figure(
    picture: Picture,
    x: float,
    lying: float,
    sitting: float,
    stride: float,
    clothes: tuple[int, int, int],
) -> None:
    """Draws the figure; ``lying`` and ``sitting`` go from 0 to 1."""
    angle = math.radians(88 * lying)
    hip = np.array([x + 30 * lying, 238.0 + 62 * lying + 34 * sitting])
    up = np.array([math.sin(angle), -math.cos(angle)])
    neck = hip + 66 * up
    head = neck + 20 * up
    for side in (-1, 1):
        swing, upright = side * 20 * stride, 1 - lying
        knee = hip + _by(swing + 24 * sitting - 22 * lying, (34 - 20 * sitting) * upright + 4)
        foot = knee + _by(swing * 0.6 - 34 * lying, (34 + 4 * sitting) * upright + side * lying)
        _limb(picture, hip, knee, _TROUSERS, 15)
        _limb(picture, knee, foot, _TROUSERS, 13)
        elbow = neck + _by(-swing * 0.8 + 26 * lying, 30 * upright + side * 12 * lying)
        hand = elbow + _by(-swing * 0.5 + 16 * lying + 10 * sitting, 24 * upright)
        _limb(picture, neck, elbow, clothes, 11)
        _limb(picture, elbow, hand, _SKIN, 9)
    _limb(picture, hip, neck, clothes, 26)
    cv2.circle(picture, _pixel(head), 16, _SKIN, -1, cv2.LINE_AA)
    cv2.ellipse(
        picture, _pixel(head + 5 * up), (16, 11), math.degrees(angle), 180, 360, (50, 45, 45), -1
    )


def _by(x: float, y: float) -> NDArray[np.float64]:
    return np.array([x, y])


def _limb(
    picture: Picture,
    start: NDArray[np.float64],
    end: NDArray[np.float64],
    colour: tuple[int, int, int],
    width: int,
) -> None:
    cv2.line(picture, _pixel(start), _pixel(end), colour, width, cv2.LINE_AA)


def _pixel(place: NDArray[np.float64]) -> tuple[int, int]:
    return round(float(place[0])), round(float(place[1]))
