"""Variations of a clip for training: other moments, another camera, another light.

What a clip means must survive: a crop keeps whatever moves, nothing is mirrored unless asked
(left and right may be classes), and time runs forward.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgevid.support.opencv import cv2
from export.data.frames import Frames

Box = tuple[float, float, float, float]  # left, top, right, bottom as shares of the picture

_MIX = (0.4, 0.4)  # of the beta distribution: mostly a trace of the other clip, sometimes half
_UNKNOWN: Box = (0.3, 0.1, 0.7, 0.8)  # the middle: where people who hold a camera put what matters


@dataclass(frozen=True)
class Augmentation:
    """How far training clips may differ from what was filmed.

    Attributes:
        seconds: at most as much of a clip is shown, one stretch of it.
        speed: slowest and fastest, as a factor of real time.
        shorten: probability that up to a fifth is missing at one end.
        zoom: smallest and largest crop as a share of the shorter side; past 1 it is wide.
        aspect: strongest change of width to height, as a logarithm.
        turn: largest rotation in degrees, applied to half the clips.
        bend: strength of a smooth distortion, as a share of the picture: people of another build.
        light: strongest change of brightness, contrast and saturation, each as a share.
        hue: largest rotation of the colours, in degrees: other clothes.
        grey: probability of a picture without colour.
        overlay: probability that a still picture of another clip shines through, as strongly as
            0.1 to 0.35: so the place in which it was filmed helps less, and what moves more.
        mirror: probability of a mirrored clip.
    """

    seconds: float = 3.2
    speed: tuple[float, float] = (0.65, 1.5)
    shorten: float = 0.3
    zoom: tuple[float, float] = (0.45, 1.1)
    aspect: float = 0.2
    turn: float = 12.0
    bend: float = 0.03
    light: float = 0.45
    hue: float = 35.0
    grey: float = 0.15
    overlay: float = 0.5
    mirror: float = 0.0

    def most(self, fps: float) -> int:
        """Returns how many frames are shown at most, to a network of so many a second."""
        return max(1, round(self.seconds * fps))


def moving_part(frames: Frames, fps: float) -> Box:
    """The part of a clip's picture in which something moves; its middle when nothing does."""
    small = [_grey_thumbnail(frames.picture(index)) for index in frames.paced(fps)]
    if len(small) < 2:
        return _UNKNOWN
    change = np.abs(np.diff(np.stack(small), axis=0)).max(0)
    rows, columns = np.nonzero(change > max(12.0, 0.4 * np.percentile(change, 99)))
    if len(rows) < 4:
        return _UNKNOWN
    height, width = change.shape
    left, right = np.percentile(columns, (2, 98)) / width
    top, bottom = np.percentile(rows, (2, 98)) / height
    if right - left > 0.85 or bottom - top > 0.95:
        return _UNKNOWN  # the camera moved, or the light changed
    # A little more above: what moves are arms, and the head that they are near matters.
    return float(left), max(0.0, float(top) - 0.08), float(right), float(bottom)


def _grey_thumbnail(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    grey = cv2.GaussianBlur(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), (9, 9), 0)
    return cv2.resize(grey, (86, 64), interpolation=cv2.INTER_AREA).astype(np.float32)


def vary(
    frames: Frames,
    box: Box,
    other: NDArray[np.uint8],
    *,
    size: int,
    fps: float,
    augmentation: Augmentation,
    rng: np.random.Generator,
) -> NDArray[np.uint8]:
    """One variation of a clip.

    Args:
        frames: the clip.
        box: what to keep in view, of ``moving_part``.
        other: a picture of another clip.
        size: height and width in pixels.
        fps: frames a second of the network.
        augmentation: how far it may differ.
        rng: decides.

    Returns:
        uint8 ``[frames, size, size, 3]``, one frame or more.
    """
    chosen = _moments(frames.timestamps, fps, augmentation, rng)
    pictures = frames.at(chosen)
    height, width = pictures[0].shape[:2]
    camera = _camera(height, width, box, size, augmentation, rng)
    across, down = _looked_at(camera, size, augmentation, rng)
    light = _light(augmentation, rng)
    if rng.random() < augmentation.overlay:
        ghost = cv2.resize(other, (size, size)).astype(np.float32)
        strength = rng.uniform(0.1, 0.35)
    else:
        ghost, strength = np.zeros((size, size, 3), np.float32), 0.0
    clip = np.empty((len(chosen), size, size, 3), np.uint8)
    for place, picture in enumerate(pictures):
        seen = cv2.remap(picture, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
        lit = cv2.transform(seen.astype(np.float32), light)
        clip[place] = np.clip(lit * (1 - strength) + ghost * strength, 0, 255)
    return clip


def mix(
    clips: Sequence[NDArray[Any]],
    targets: NDArray[np.float32],
    *,
    share: float,
    rng: np.random.Generator,
) -> tuple[list[NDArray[Any]], NDArray[np.float32]]:
    """Shows other clips of a batch through some of its clips, and asks for both classes.

    Reference: Zhang et al., "mixup", https://arxiv.org/abs/1710.09412.

    Args:
        clips: each ``[frames, ...]``: pictures, or features.
        targets: what is asked of each, ``[clips, classes]``.
        share: of the clips through which another is to be seen, 0 to 1.
        rng: decides.

    Returns:
        The clips, as long as before, and their targets.
    """
    mixed, asked = list(clips), targets.copy()
    for place, clip in enumerate(clips):
        if rng.random() >= share:
            continue
        other = int(rng.integers(len(clips)))
        weight = rng.beta(*_MIX)
        weight = max(weight, 1 - weight)
        shown = clips[other][np.minimum(np.arange(len(clip)), len(clips[other]) - 1)]
        mixed[place] = (weight * clip + (1 - weight) * shown).astype(clip.dtype)
        asked[place] = weight * targets[place] + (1 - weight) * targets[other]
    return mixed, asked


def _moments(
    timestamps: NDArray[np.float64], fps: float, a: Augmentation, rng: np.random.Generator
) -> NDArray[np.intp]:
    """Indices of the frames to show."""
    step = np.exp(rng.uniform(*np.log(a.speed))) / fps
    last = timestamps[-1]
    wanted = np.arange(rng.uniform(0, min(step, 0.2 * last)), last + 1e-6, step)
    most = a.most(fps)
    if len(wanted) > most:
        start = rng.integers(len(wanted) - most + 1)
        wanted = wanted[start : start + most]
    if len(wanted) > 6 and rng.random() < a.shorten:
        lost = rng.integers(1, len(wanted) // 5 + 1)
        wanted = wanted[lost:] if rng.random() < 0.5 else wanted[:-lost]
    return np.abs(timestamps[None] - wanted[:, None]).argmin(1)


def _camera(
    height: int, width: int, box: Box, size: int, a: Augmentation, rng: np.random.Generator
) -> NDArray[np.float64]:
    """The affine map ``[2, 3]`` from the network's pixels to the picture's."""
    left, top, right, bottom = np.multiply(box, (width, height, width, height))
    short = min(height, width)
    needed = min(1.15 * max(right - left, bottom - top), a.zoom[1] * short)
    side = rng.uniform(max(a.zoom[0] * short, needed), a.zoom[1] * short)
    stretch = np.exp(rng.uniform(-a.aspect, a.aspect))
    across, down = min(width, side * stretch), min(height, side / stretch)
    x = _place(across, left, right, width, rng) + across / 2
    y = _place(down, top, bottom, height, rng) + down / 2
    angle = np.radians(rng.uniform(-a.turn, a.turn)) if rng.random() < 0.5 else 0.0
    if rng.random() < a.mirror:
        across = -across
    linear = np.array(
        [
            [across * np.cos(angle), -down * np.sin(angle)],
            [across * np.sin(angle), down * np.cos(angle)],
        ]
    ) / size  # fmt: skip
    # Pixel i reaches from i to i + 1; warping counts from the middle of the first.
    shift = np.array([x, y]) - 0.5 - linear.sum(1) * (size - 1) / 2
    return np.column_stack([linear, shift])


def _looked_at(
    camera: NDArray[np.float64], size: int, a: Augmentation, rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Column and row of the picture that each of the network's pixels shows, ``[size, size]``."""
    pixels = np.stack(np.meshgrid(np.arange(size), np.arange(size)), -1).astype(np.float64)
    if a.bend:
        knots = rng.normal(size=(5, 5, 2)) * rng.uniform(0, a.bend) * size
        pixels += cv2.resize(knots, (size, size), interpolation=cv2.INTER_CUBIC)
    places = (pixels @ camera[:, :2].T + camera[:, 2]).astype(np.float32)
    return np.ascontiguousarray(places[..., 0]), np.ascontiguousarray(places[..., 1])


def _place(length: float, low: float, high: float, full: float, rng: np.random.Generator) -> float:
    """Where a crop of this length starts so that it holds ``low`` to ``high``, if it can."""
    ends = np.clip(sorted((high - length, low)), 0, full - length)
    return float(rng.uniform(*ends))


def _light(a: Augmentation, rng: np.random.Generator) -> NDArray[np.float64]:
    """The affine colour map ``[3, 4]``."""
    brightness, contrast, saturation = rng.uniform(1 - a.light, 1 + a.light, 3)
    tint = rng.uniform(1 - a.light / 3, 1 + a.light / 3, 3)
    if rng.random() < a.grey:
        saturation = 0.0
    blend = np.full((3, 3), (1 - saturation) / 3) + saturation * np.eye(3)
    angle = np.radians(rng.uniform(-a.hue, a.hue))
    # A rotation about the axis of the greys (Rodrigues), which keeps them.
    same, more, less = (
        (1 + 2 * np.cos(angle + turn)) / 3 for turn in (0, 2 * np.pi / 3, -2 * np.pi / 3)
    )
    blend = blend @ np.array([[same, more, less], [less, same, more], [more, less, same]])
    middle = 110.0  # of most pictures: contrast turns around it
    scale = brightness * tint[:, None]
    return np.column_stack([scale * contrast * blend, scale[:, 0] * middle * (1 - contrast)])
