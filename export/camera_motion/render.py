"""Renders what a camera sees that moves through a drawn scene.

The order is that of the light: scene, foreground, shutter, what covers the lens. What the lens and
the sensor do to the pictures is added by ``corruptions``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from edgevid.support.opencv import cv2
from export.camera_motion.moves import Path
from export.camera_motion.scenes import LEVELS, Picture, Pyramid
from export.data.frames import Pictures

_MOTION_BLUR = 1.5  # pixels that a shutter must smear before that is worth drawing
_SUBFRAMES = 3


@dataclass(frozen=True)
class ForegroundObject:
    """Something in the foreground, which moves by itself.

    Attributes:
        picture: RGB, uint8, square.
        mask: where it is, uint8 0 or 255, of the same size.
        width: of the square, in picture widths.
        start: where its middle is at time 0, relative to the camera's start, in picture widths.
        velocity: picture widths a second.
        swing: amplitudes of its swaying: x, y in widths, turn in radians, size as a logarithm.
        rate: of the swaying in Hz.
        phase: of the swaying in turns, for each of its amplitudes.
        on_lens: whether it goes with the camera: who is followed, or dirt on the lens.
    """

    picture: Picture
    mask: Picture
    width: float
    start: NDArray[np.float64]
    velocity: NDArray[np.float64]
    swing: NDArray[np.float64]
    rate: float
    phase: NDArray[np.float64]
    on_lens: bool

    def pose(self, time: float) -> tuple[NDArray[np.float64], float, float]:
        """Its middle, its turn in radians and its width at a time."""
        sway = self.swing * np.sin(2 * np.pi * (self.rate * time + self.phase))
        middle = self.start + self.velocity * time + sway[:2]
        return middle, float(sway[2]), self.width * float(np.exp(sway[3]))


@dataclass(frozen=True)
class Shot:
    """What is filmed, and how.

    Attributes:
        scene: with its smaller copies.
        origin: of the path, in the scene's pixels.
        scale: the scene's pixels to a pixel of the picture, at magnification 1.
        upright: roll at the start in radians.
        path: where the camera looks.
        foreground: what moves by itself, the farthest first.
        shutter: how long it is open, in seconds.
        readout: from the first line's exposure to the last line's, in seconds.
        cover: what may cover the lens.
        cover_side: unit vector to the side from which it comes.
    """

    scene: Pyramid
    origin: NDArray[np.float64]
    scale: float
    upright: float
    path: Path
    foreground: Sequence[ForegroundObject] = ()
    shutter: float = 0.0
    readout: float = 0.0
    cover: Picture | None = None
    cover_side: NDArray[np.float64] = field(default_factory=lambda: np.array([1.0, 0.0]))


def render(shot: Shot, times: Sequence[float], size: int | tuple[int, int]) -> Pictures:
    """Pictures at these times, RGB, uint8, ``[times, height, width, 3]``.

    Args:
        shot: what is filmed.
        times: seconds from the path's start.
        size: width and height in pixels, or both in one. Lengths count in the smaller.
    """
    width, height = (size, size) if isinstance(size, int) else size
    pictures = np.empty((len(times), height, width, 3), np.uint8)
    for place, time in enumerate(times):
        pictures[place] = _exposed(shot, time, width, height)
        covered = shot.path.covered(time)
        if covered and shot.cover is not None:
            _cover(pictures[place], shot.cover, covered, shot.cover_side)
    return pictures


def _exposed(shot: Shot, time: float, width: int, height: int) -> Picture:
    side = min(width, height)
    opens = max(0.0, time - shot.shutter)
    first, last = shot.path.pose(opens), shot.path.pose(time)
    moved = np.abs(last - first) @ (1, 1, 0.4, 0.4) * side * np.exp(last[2])
    if moved < _MOTION_BLUR:
        return _seen(shot, time, width, height)
    total = np.zeros((height, width, 3), np.uint16)
    for moment in np.linspace(opens, time, _SUBFRAMES):
        total += _seen(shot, moment, width, height)
    return (total // _SUBFRAMES).astype(np.uint8)


def _seen(shot: Shot, time: float, width: int, height: int) -> Picture:
    """One instant's picture."""
    side = min(width, height)
    to_scene = _to_scene(shot, time, width, height)
    if shot.readout:
        # Lower lines are later: the map of each line is that of its own moment.
        later = _to_scene(shot, time + shot.readout, width, height)
        middle = np.array([width / 2, height / 2, 1.0])
        to_scene[:, 1] += (later - to_scene) @ middle / height
    shrink = np.sqrt(abs(np.linalg.det(to_scene[:, :2])))
    level = int(np.clip(np.round(np.log2(max(shrink, 1e-3))), 0, LEVELS - 1))
    picture = cv2.warpAffine(
        shot.scene[level], _at_level(to_scene, level), (width, height),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REFLECT_101,
    )  # fmt: skip
    for one in shot.foreground:
        _put(picture, one, time, shot, to_scene, side)
    return picture


def _to_scene(shot: Shot, time: float, width: int, height: int) -> NDArray[np.float64]:
    """The affine map ``[2, 3]`` from the picture's pixels to the scene's."""
    x, y, zoom, roll = shot.path.pose(time)
    side = min(width, height)
    linear = _rotation(roll + shot.upright) * (shot.scale * np.exp(-zoom))
    aim = shot.origin + _rotation(shot.upright) @ (x, y) * (shot.scale * side)
    return np.column_stack([linear, aim - linear @ ((width - 1) / 2, (height - 1) / 2)])


def _at_level(to_scene: NDArray[np.float64], level: int) -> NDArray[np.float64]:
    """The same map to a smaller copy: pixel i of it covers several of the scene's."""
    factor = 2.0**level
    smaller = to_scene / factor
    smaller[:, 2] += 0.5 / factor - 0.5
    return smaller


def _rotation(angle: float) -> NDArray[np.float64]:
    """Clockwise on a screen, where y points down."""
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def _put(
    picture: Picture,
    one: ForegroundObject,
    time: float,
    shot: Shot,
    to_scene: NDArray[np.float64],
    side: int,
) -> None:
    """Paints a foreground object into a picture."""
    middle, turn, across = one.pose(time)
    height, width = picture.shape[:2]
    pixels = one.picture.shape[0]
    if one.on_lens:
        linear = _rotation(turn) * (across * side / pixels)
        place = np.array([width / 2, height / 2]) + middle * side
    else:
        inverse = cv2.invertAffineTransform(to_scene)
        upright = _rotation(shot.upright)
        at = shot.origin + upright @ middle * (shot.scale * side)
        linear = inverse[:, :2] @ upright @ _rotation(turn) * (shot.scale * side * across / pixels)
        place = inverse[:, :2] @ at + inverse[:, 2]
    reach = np.abs(linear).sum() * pixels / 2
    if np.any(place < -reach) or np.any(place > np.array([width, height]) + reach):
        return
    forward = np.column_stack([linear, place - linear @ (pixels / 2, pixels / 2)])
    mask = cv2.warpAffine(one.mask, forward, (width, height), flags=cv2.INTER_NEAREST)
    painted = cv2.warpAffine(
        one.picture, forward, (width, height), flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )  # fmt: skip
    cv2.copyTo(painted, mask, picture)


def _cover(picture: Picture, cover: Picture, share: float, side: NDArray[np.float64]) -> None:
    """Slides something out of focus over a picture, from one side."""
    height, width = picture.shape[:2]
    y, x = np.mgrid[:height, :width].astype(np.float32)
    along = ((x / width - 0.5) * side[0] + (y / height - 0.5) * side[1]) / np.abs(side).sum()
    edge = 0.12  # widths: how soft what is so near looks
    opacity = np.clip(((along + 0.5) - (1 - share) * (1 + edge) + edge) / edge, 0, 1)
    hidden = cv2.resize(cover, (width, height), interpolation=cv2.INTER_CUBIC)
    mixed = picture + (hidden.astype(np.float32) - picture) * opacity[..., None]
    picture[:] = np.clip(mixed, 0, 255)
