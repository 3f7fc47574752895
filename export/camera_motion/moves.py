"""Camera moves and their names.

A pose says where the camera looks. Times are seconds. Lengths are shares of the picture's width,
at magnification 1, x to the right and y down. A move's speed is that of the picture's content,
in widths a second, averaged over a square picture: so a zoom or a roll of speed 0.1 looks as fast
as a pan of speed 0.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LABELS = (
    "still", "pan left", "pan right", "tilt up", "tilt down", "zoom in", "zoom out",
    "roll clockwise", "roll counter-clockwise", "shake", "covered",
)  # fmt: skip
STILL, SHAKE, COVERED = (LABELS.index(name) for name in ("still", "shake", "covered"))
STEADY = range(STILL + 1, SHAKE)  # moves with a direction

UNSEEN = 0.006  # widths a second: a camera that drifts less is still,
SEEN = 0.022  # and one that moves more is not; between the two nothing is asked
FASTEST = 1.0
_FASTEST_TURN = 0.6  # widths a second of a zoom or roll

# Mean distance of a square's points from its middle, in sides: what a zoom of 1/s or a roll of
# 1 rad/s moves the content by on average.
MEAN_RADIUS = 0.3826

_TICK = 0.02  # seconds between the poses of a path
_LONGEST_ZOOM = 1.7  # natural logarithm of the magnification: no lens does more


@dataclass(frozen=True)
class Segment:
    """A stretch of time in which the camera does one thing.

    Attributes:
        label: index in ``LABELS``.
        start: when it starts.
        end: when it ends.
        speed: of the content, widths a second; for ``SHAKE`` the content's standard deviation
            in widths.
        ease: how long it takes to reach full speed, and to stop.
    """

    label: int
    start: float
    end: float
    speed: float
    ease: float


@dataclass(frozen=True)
class Path:
    """Where the camera looks at any time.

    Attributes:
        poses: x, y, logarithm of the magnification, and roll in radians clockwise, every
            ``_TICK`` from time 0: ``[ticks, 4]``.
        cover: how much of the lens is covered, 0 to 1: ``[ticks]``.
        speed: the present segment's own speed: ``[ticks]``.
        label: the present segment's label: ``[ticks]``.
    """

    poses: NDArray[np.float64]
    cover: NDArray[np.float64]
    speed: NDArray[np.float64]
    label: NDArray[np.intp]

    def pose(self, time: float) -> NDArray[np.float64]:
        """The pose at a time, ``[4]``."""
        place = np.clip(time / _TICK, 0, len(self.poses) - 1.001)
        before = int(place)
        share = place - before
        return (1 - share) * self.poses[before] + share * self.poses[before + 1]

    def covered(self, time: float) -> float:
        """How much of the lens is covered at a time."""
        return float(self.cover[min(int(time / _TICK), len(self.cover) - 1)])


def plan(seconds: float, rng: np.random.Generator, *, slowest: float = 1.1 * SEEN) -> list[Segment]:
    """Decides what a camera does, one thing after the other.

    Args:
        seconds: how long.
        rng: decides.
        slowest: widths a second of the slowest move.
    """
    segments: list[Segment] = []
    now, before = 0.0, -1
    while now < seconds:
        label = _next(before, rng)
        speed = _speed(label, slowest, rng)
        lasts = rng.uniform(0.5, 2.0) if label == STILL else rng.uniform(0.9, 3.5)
        if LABELS[label].startswith("zoom"):
            lasts = min(lasts, max(0.7, _LONGEST_ZOOM * MEAN_RADIUS / speed))
        # A segment that was going on when the clip began shows no start.
        ease = float(rng.choice([0.0, rng.uniform(0.1, 0.7)]))
        start = now if segments or rng.random() < 0.5 else now - rng.uniform(0, lasts / 2)
        segments.append(Segment(label, start, start + lasts, speed, min(ease, lasts / 3)))
        now, before = start + lasts, label
    return segments


def _next(before: int, rng: np.random.Generator) -> int:
    if before in STEADY and rng.random() < 0.25:
        return before + 1 if before % 2 == 1 else before - 1  # back again
    if before not in (-1, STILL) and rng.random() < 0.6:
        return STILL
    shares = np.ones(len(LABELS))
    shares[STILL] = 0.0 if before == STILL else 3.5
    shares[COVERED] = 0.8
    return int(rng.choice(len(LABELS), p=shares / shares.sum()))


def _speed(label: int, slowest: float, rng: np.random.Generator) -> float:
    if label == STILL:
        return float(rng.choice([0.0, 0.0, rng.uniform(0, UNSEEN)]))
    if label == SHAKE:
        return float(np.exp(rng.uniform(np.log(0.012), np.log(0.1))))
    turns = LABELS[label].startswith(("zoom", "roll"))
    fastest = _FASTEST_TURN if turns else FASTEST
    return float(np.exp(rng.uniform(np.log(slowest), np.log(fastest))))


def path(
    segments: Sequence[Segment], seconds: float, rng: np.random.Generator, *, hand: bool = True
) -> Path:
    """Moves a camera along its segments.

    Args:
        segments: one after the other, from 0 or before to ``seconds`` or later.
        seconds: how long.
        rng: decides on what no segment says: the hand that holds the camera, what else moves
            a little, directions.
        hand: whether the camera trembles, and moves in other ways a little.
    """
    times = np.arange(0, seconds + 2 * _TICK, _TICK)
    velocity = np.zeros((len(times), 4))
    offset = np.zeros((len(times), 4))
    cover, speeds = np.zeros(len(times)), np.zeros(len(times))
    labels = np.zeros(len(times), np.intp)
    for one in segments:
        inside = (times >= one.start) & (times < one.end)
        if not inside.any():
            continue
        labels[inside] = one.label
        profile = _eased(times[inside], one)
        if one.label == SHAKE:
            offset[inside] += one.speed * _tremble(times[inside], rng, fast=True)
            speeds[inside] = one.speed
        elif one.label == COVERED:
            cover[inside] = _covering(times[inside], one, rng)
        else:
            direction = rng.integers(1, STEADY[-1] + 1) if one.label == STILL else one.label
            own = one.speed * profile
            speeds[inside] = own
            velocity[inside] += own[:, None] * _DIRECTIONS[direction]
            if hand and one.label != STILL and rng.random() < 0.6:
                other = int(rng.choice([d for d in STEADY if (d - 1) // 2 != (one.label - 1) // 2]))
                share = rng.uniform(0, 0.3)
                velocity[inside] += share * own[:, None] * _DIRECTIONS[other]
            if hand and rng.random() < 0.6:
                most = max(0.0025, 0.02 * one.speed)
                offset[inside] += rng.uniform(0, most) * _tremble(times[inside], rng)
    poses = np.cumsum(velocity, axis=0) * _TICK
    # The camera moves along its own axes, which may be turned, and by less when it is zoomed in.
    zoom, roll = poses[:, 2], poses[:, 3]
    along = velocity[:, :2] * np.exp(-zoom)[:, None]
    poses[:, 0] = np.cumsum(along[:, 0] * np.cos(roll) - along[:, 1] * np.sin(roll)) * _TICK
    poses[:, 1] = np.cumsum(along[:, 0] * np.sin(roll) + along[:, 1] * np.cos(roll)) * _TICK
    offset[:, :2] *= np.exp(-zoom)[:, None]
    return Path(poses + offset, cover, speeds, labels)


# What each label's speed 1 does to a pose in a second.
_DIRECTIONS = np.zeros((len(LABELS), 4))
for _name, _axis, _step in (
    ("pan left", 0, -1.0),
    ("pan right", 0, 1.0),
    ("tilt up", 1, -1.0),
    ("tilt down", 1, 1.0),
    ("zoom in", 2, 1 / MEAN_RADIUS),
    ("zoom out", 2, -1 / MEAN_RADIUS),
    ("roll clockwise", 3, 1 / MEAN_RADIUS),
    ("roll counter-clockwise", 3, -1 / MEAN_RADIUS),
):
    _DIRECTIONS[LABELS.index(_name), _axis] = _step


def _eased(times: NDArray[np.float64], one: Segment) -> NDArray[np.float64]:
    """Share of the full speed, 0 to 1."""
    if one.ease == 0:
        return np.ones(len(times))
    edge = np.clip(np.minimum(times - one.start, one.end - times) / one.ease, 0, 1)
    return edge * edge * (3 - 2 * edge)


def _tremble(
    times: NDArray[np.float64], rng: np.random.Generator, *, fast: bool = False
) -> NDArray[np.float64]:
    """Offsets of a pose with a standard deviation of 1 width over all axes, ``[times, 4]``."""
    offsets = np.zeros((len(times), 4))
    # x, y, zoom, roll: a shaken camera seldom zooms.
    weights = np.array([1.0, 1.0, 0.1, 1.0]) * rng.uniform(0.2, 1.0, 4)
    for axis in range(4):
        for _ in range(4):
            rate = rng.uniform(1.6, 6.5) if fast else rng.uniform(0.3, 6)
            offsets[:, axis] += rng.normal() * np.sin(2 * np.pi * (rate * times + rng.random()))
    offsets *= weights / np.sqrt(2 * (weights**2).sum())
    offsets[:, 2:] /= MEAN_RADIUS
    return offsets


def _covering(
    times: NDArray[np.float64], one: Segment, rng: np.random.Generator
) -> NDArray[np.float64]:
    comes, goes = rng.uniform(0.1, 0.6, 2)
    full = rng.uniform(0.93, 1.0)
    edge = np.minimum((times - one.start) / comes, (one.end - times) / goes)
    return full * np.clip(edge, 0, 1)


def targets(route: Path, times: Sequence[float]) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """What a network should say at each time of seeing a picture, and how much it matters.

    Nothing is asked (weight 0) where the answer is open: speeds between ``UNSEEN`` and ``SEEN``,
    a lens half covered, and the first picture that shows something new.

    Returns:
        Labels, int32, and weights, float32, ``[times]``.
    """
    labels = np.zeros(len(times), np.int32)
    weights = np.ones(len(times), np.float32)
    for k, time in enumerate(times):
        last = min(int(time / _TICK), len(route.label) - 1)
        # What one picture cannot show counts as still.
        first = last if k == 0 else min(int(times[k - 1] / _TICK), last)
        between = slice(min(first + 1, last), last + 1)
        said = int(np.bincount(route.label[between]).argmax())
        speed, cover = float(route.speed[between].mean()), route.covered(time)
        labels[k] = said
        if said == COVERED or cover > 0:
            labels[k] = COVERED if cover > 0.85 else STILL
            weights[k] = 0.0 if 0.1 < cover <= 0.85 else 1.0
        elif said in STEADY:
            if speed < UNSEEN:
                labels[k] = STILL
            elif speed < SEEN:
                weights[k] = 0.0
        if k == 0 and labels[k] != COVERED:
            labels[k] = STILL
        elif k > 0 and labels[k] != labels[k - 1]:
            weights[k] = 0.0
    weights[0] *= 0.5
    return labels, weights
