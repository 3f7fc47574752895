"""Synthetic training clips with a target for each frame.

A clip follows from its seed alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from export.camera_motion import moves
from export.camera_motion.corruptions import corrupt, repeat_some
from export.camera_motion.foreground import foreground_objects
from export.camera_motion.render import Shot, render
from export.camera_motion.scenes import Picture, Pyramid
from export.data.frames import Pictures

FPS = 5.0
_EASY_SPEED = 0.07  # widths a second


@dataclass(frozen=True)
class SyntheticClip:
    """A clip and what should be said after each of its frames.

    Attributes:
        pictures: RGB, uint8, ``[frames, size, size, 3]``.
        labels: indices in ``moves.LABELS``, int32 ``[frames]``.
        weights: how much each matters, float32 ``[frames]``.
    """

    pictures: Pictures
    labels: NDArray[np.int32]
    weights: NDArray[np.float32]


def synthetic_clip(
    scenes: Sequence[Pyramid],
    frames: int,
    size: int,
    rng: np.random.Generator,
    *,
    easy: bool = False,
    people: bool = False,
) -> SyntheticClip:
    """Makes a clip.

    Args:
        scenes: to choose from.
        frames: how many.
        size: height and width in pixels.
        rng: decides.
        easy: the camera moves at once so that one sees it, there is no foreground, and the
            pictures are perfect.
        people: half of the foreground is people who walk past.
    """
    times = _times(frames, rng)
    seconds = times[-1] + 0.2
    slowest = _EASY_SPEED if easy else 1.1 * moves.SEEN
    plan = moves.plan(seconds, rng, slowest=slowest)
    path = moves.path(plan, seconds, rng, hand=not easy)
    labels, weights = moves.targets(path, times)
    shot = _shot(scenes, path, rng, alone=easy, people=people)
    pictures = render(shot, times, size)
    if easy:
        return SyntheticClip(pictures, labels, weights)
    if rng.random() < 0.08:
        repeat_some(pictures, rng)
    return SyntheticClip(corrupt(pictures, rng), labels, weights)


def _times(frames: int, rng: np.random.Generator) -> list[float]:
    """When each picture is taken: cameras have rates that do not divide by the network's."""
    step = rng.uniform(0.88, 1.15) / FPS
    late = rng.choice([0.0, 0.02, 0.05])
    times = 0.1 + np.arange(frames) * step + rng.uniform(0, late, frames)
    return [float(time) for time in times]


def _shot(
    scenes: Sequence[Pyramid],
    path: moves.Path,
    rng: np.random.Generator,
    *,
    alone: bool,
    people: bool,
) -> Shot:
    scene = scenes[int(rng.integers(len(scenes)))]
    side = scene[0].shape[0]
    return Shot(
        scene=recoloured(scene, rng),
        origin=rng.uniform(0.2, 0.8, 2) * side,
        scale=float(np.exp(rng.uniform(np.log(0.8), np.log(4.5)))),
        upright=float(rng.choice([rng.normal(0, 0.05), rng.uniform(-np.pi, np.pi)])),
        path=path,
        foreground=() if alone else foreground_objects(scenes, rng, people=people),
        shutter=float(rng.choice([0.0, rng.uniform(0, 0.06)])),
        readout=float(rng.choice([0.0, rng.uniform(0, 0.03)])),
        cover=lens_cover(rng),
        cover_side=rng.normal(size=2),
    )


def recoloured(scene: Pyramid, rng: np.random.Generator) -> Pyramid:
    """The same shapes in other colours: cheap, as only the order of the channels changes."""
    order = rng.permutation(3)
    if np.all(order == (0, 1, 2)):
        return scene
    return tuple(np.ascontiguousarray(level[..., order]) for level in scene)


def lens_cover(rng: np.random.Generator) -> Picture:
    """A hand, a cloth, a cap: one colour, dark as a rule, with hardly anything in it."""
    colour = rng.uniform(0, 1, 3) ** 2 * rng.choice([8, 40, 120, 230])
    picture = np.clip(colour + rng.normal(0, rng.uniform(0, 12), (4, 4, 3)), 0, 255)
    return picture.astype(np.uint8)
