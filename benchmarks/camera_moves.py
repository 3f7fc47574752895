"""Known camera moves over real footage: a window slides, shrinks or turns over a real clip.

Nothing here is shared with what generates the training clips: the pictures are real, and the
moves are computed another way.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.clips import on_clock
from edgevid.support.opencv import cv2

FPS = 5.0
LEAD_S = 2.0  # before a move starts; moves start between two frames
MOVE_S = 2.0  # or less, where a fast zoom reaches its end before
SPEEDS = (0.05, 0.08, 0.13, 0.2, 0.32, 0.5)  # of the content: picture widths a second, on average
BEYOND = (0.01, 0.02, 0.03, 0.8, 1.1)  # slower and faster: to see where it ends
EASES_S = (0.0, 0.25, 0.5)  # from rest to full speed

OPPOSITE = {
    "pan left": "pan right",
    "tilt up": "tilt down",
    "zoom in": "zoom out",
    "roll clockwise": "roll counter-clockwise",
}
OPPOSITE |= {after: before for before, after in OPPOSITE.items()}
MOVES = tuple(OPPOSITE)
MIRRORED = {move: OPPOSITE[move] for move in MOVES if move.startswith(("pan", "roll"))}
OTHERS = ("shake", "covered")

_RADIUS = 0.3826  # mean distance of a square's points from its middle, in sides
_ZOOM = math.log(3.6)  # from the whole picture to a part that is this much smaller
_VIEW = 256  # pixels: what a trial's pictures measure
_SHORT = 480  # pixels: footage is made no larger than this at its shorter side
_READ_FPS = 15.0
_READ_S = 8.0
_CALM = 0.012  # widths a second: the camera of a clip that moves less than this stands still
_JUMP = 0.5  # widths a second from one picture to the next: a cut

Picture = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Footage:
    """Part of a real clip.

    Attributes:
        name: file name.
        pictures: RGB, uint8, at most 480 pixels at the shorter side.
        fps: pictures a second.
        fixed: whether the camera that filmed it stood still; where it did not, or where there was
            a cut, moves are tried on one of its pictures alone.
    """

    name: str
    pictures: list[Picture]
    fps: float
    fixed: bool

    def at(self, seconds: float) -> Picture:
        """The picture at a time; from the last one the clip is played backwards, and so on."""
        if not self.fixed:
            return self.pictures[len(self.pictures) // 2]
        index = int(seconds * self.fps) % max(1, 2 * len(self.pictures) - 2)
        return self.pictures[min(index, 2 * len(self.pictures) - 2 - index)]


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """One move over one clip.

    Attributes:
        clip: file name.
        move: what the camera does.
        speed: picture widths a second; of ``shake`` the standard deviation, 5 times in widths.
        ease: seconds until it is reached.
        fixed: whether the footage itself was moving, before a camera that stood still.
        start: when the move starts, in seconds.
        pictures: RGB, uint8, ``[frames, 256, 256, 3]``, at ``FPS``.
    """

    clip: str
    move: str
    speed: float
    ease: float
    fixed: bool
    start: float
    pictures: NDArray[np.uint8]

    @property
    def first(self) -> int:
        """The last frame before the move."""
        return int(self.start * FPS)

    @property
    def even(self) -> int:
        """The first frame at full speed."""
        return math.ceil((self.start + self.ease) * FPS)


def read(path: Path) -> Footage:
    """Reads a clip's first seconds."""
    pictures: list[Picture] = []
    times = []
    with closing(on_clock(path, _READ_FPS)) as frames:
        for frame in frames:
            if frame.timestamp > _READ_S:
                break
            height, width = frame.image.shape[:2]
            scale = min(1.0, _SHORT / min(height, width))
            size = (round(width * scale), round(height * scale))
            pictures.append(cv2.resize(frame.image, size, interpolation=cv2.INTER_AREA))
            times.append(frame.timestamp)
    fps = (len(times) - 1) / (times[-1] - times[0]) if len(times) > 1 else _READ_FPS
    own = own_speed(pictures, fps)
    return Footage(path.name, pictures, fps, own < _CALM)


def paced(footage: Footage) -> list[Picture]:
    """A clip's pictures at ``FPS``, small."""
    steps = np.arange(0, len(footage.pictures), footage.fps / FPS)
    chosen = [footage.pictures[int(step)] for step in steps]
    height, width = chosen[0].shape[:2]
    scale = min(1.0, _VIEW / min(height, width))
    size = (round(width * scale), round(height * scale))
    return [cv2.resize(one, size, interpolation=cv2.INTER_AREA) for one in chosen]


def own_speed(pictures: list[Picture], fps: float) -> float:
    """How fast the camera of a clip moves by itself, in picture widths a second.

    Corners are followed from picture to picture, and the similarity that most of them agree on is
    taken for the camera's. What counts is the speed that one picture in ten exceeds; a cut is
    infinitely fast.
    """
    step = max(1, round(fps / FPS))
    grey = [cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY) for picture in pictures[::step]]
    speeds = []
    for before, after in itertools.pairwise(grey):
        side = min(before.shape)
        corners = cv2.goodFeaturesToTrack(before, 300, 0.01, 8)
        if corners is None or len(corners) < 12:
            continue
        found, good, _ = cv2.calcOpticalFlowPyrLK(before, after, corners, None)
        kept = good.ravel() == 1
        if kept.sum() < 12:
            return math.inf
        moved, _ = cv2.estimateAffinePartial2D(
            corners[kept], found[kept], ransacReprojThreshold=side / 300
        )
        if moved is None:
            return math.inf
        middle = np.array([before.shape[1] / 2, before.shape[0] / 2])
        shift = moved[:, :2] @ middle + moved[:, 2] - middle
        turn = moved[:, :2] - np.eye(2)
        own = math.hypot(*shift) / side + _RADIUS * math.hypot(turn[0, 0], turn[1, 0])
        speeds.append(own * fps / step)
    if not speeds:
        return 0.0
    return math.inf if max(speeds) > _JUMP else float(np.percentile(speeds, 90))


def trials(footage: Footage, number: int) -> Iterator[Trial]:
    """Renders every move once over a clip; its number decides on speed and easing."""
    for place, move in enumerate((*MOVES, *OTHERS)):
        turn = number + place * 5
        speed = SPEEDS[turn % len(SPEEDS)]
        yield render(footage, move, speed, EASES_S[(turn // 2) % len(EASES_S)], seed=turn)


def render(footage: Footage, move: str, speed: float, ease: float, *, seed: int) -> Trial:
    """Renders one move over a clip.

    Args:
        footage: the clip.
        move: of ``MOVES`` or ``OTHERS``.
        speed: picture widths a second.
        ease: seconds until it is reached.
        seed: decides where the window lies, and how it shakes.
    """
    rng = np.random.default_rng(seed)
    start = LEAD_S + rng.uniform(0, 1 / FPS)
    lasts = MOVE_S
    if move.startswith("zoom"):
        lasts = min(lasts, _ZOOM * _RADIUS / speed + ease / 2)
    elif move in OPPOSITE:
        lasts = min(lasts, 1 / speed)
    times = np.arange(0, start + lasts, 1 / FPS)
    shaken = _shaken(times - start, speed / 5, rng)
    views = []
    for k, time in enumerate(times):
        path = speed * _distance(max(0.0, time - start), ease)  # in widths
        whole = footage.at(time)
        if move == "shake":
            picture = _window(whole, move, 0.0, shaken[k])
        else:
            picture = _window(whole, move, path, np.zeros(2))
        if move == "covered":
            _cover(picture, min(1.0, max(0.0, time - start) / 0.4), rng.spawn(1)[0])
        views.append(picture)
    return Trial(footage.name, move, speed, ease, footage.fixed, start, np.stack(views))


def _distance(elapsed: float, ease: float) -> float:
    """How far one gets at speed 1, which grows evenly at first."""
    if elapsed < ease:
        return elapsed * elapsed / (2 * ease)
    return elapsed - ease / 2


def _shaken(
    times: NDArray[np.float64], strength: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Offsets of a window that somebody shakes at 2 to 4.5 Hz, in widths: ``[times, 2]``."""
    offsets = np.zeros((len(times), 2))
    for axis in (0, 1):
        for rate in rng.uniform(2.0, 4.5, 3):
            offsets[:, axis] += np.sin(2 * np.pi * rate * times) * strength * math.sqrt(1 / 3)
    return np.where(times[:, None] > 0, offsets, 0.0)


def _window(whole: Picture, move: str, path: float, offset: NDArray[np.float64]) -> Picture:
    """What the camera sees after a move over this many widths."""
    height, width = whole.shape[:2]
    short = min(height, width)
    side, angle = 0.5 * short, 0.0
    middle = np.array([width / 2, height / 2])
    if move.startswith("zoom"):
        shrunk = math.exp(-path / _RADIUS)
        side = 0.98 * short * (shrunk if move == "zoom in" else math.exp(-_ZOOM) / shrunk)
    elif move.startswith("roll"):
        side = 0.68 * short
        angle = path / _RADIUS * (1 if move == "roll clockwise" else -1)
    elif move in OPPOSITE:
        axis = 0 if move.startswith("pan") else 1
        sign = 1 if move in ("pan right", "tilt down") else -1
        # Half of the way lies on either side of the middle.
        middle[axis] += sign * side * (path - 0.5)
    middle = middle + offset * side
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    linear = turn * (side / _VIEW)
    shift = middle - 0.5 - linear @ np.full(2, (_VIEW - 1) / 2)
    picture: Picture = cv2.warpAffine(
        whole, np.column_stack([linear, shift]), (_VIEW, _VIEW),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE,
    )  # fmt: skip
    return picture


def _cover(picture: Picture, share: float, rng: np.random.Generator) -> None:
    """A dark, blurred thing comes up from below."""
    lines = round(share * len(picture))
    if lines:
        shade = np.full((lines, _VIEW, 3), (38, 26, 22), np.float32)
        shade += cv2.GaussianBlur(rng.normal(0, 25, shade.shape), (0, 0), 40)
        shade += rng.normal(0, 2, shade.shape)
        picture[-lines:] = np.clip(shade, 0, 255)
