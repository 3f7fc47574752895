"""Training clips: a shot in front of a cheap camera, with what a network should say of it.

A clip follows from its seed alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from export.camera_motion import moves, render
from export.camera_motion.corruptions import repeat_some, spoil
from export.camera_motion.foreground import things
from export.camera_motion.render import Clip, Shot
from export.camera_motion.scenes import WAVE, Picture, Pyramid

FPS = 5.0
_EASY_SPEED = 0.07  # widths a second
_LESSON_SPEEDS = (0.06, 0.3)


@dataclass(frozen=True)
class Example:
    """A clip and what should be said after each of its frames.

    Attributes:
        frames: RGB, uint8, ``[frames, size, size, 3]``.
        labels: indices in ``moves.LABELS``, int32 ``[frames]``.
        weights: how much each matters, float32 ``[frames]``.
    """

    frames: Clip
    labels: NDArray[np.int32]
    weights: NDArray[np.float32]


def example(
    scenes: Sequence[Pyramid],
    frames: int,
    size: int,
    random: np.random.Generator,
    *,
    easy: bool = False,
    people: bool = False,
) -> Example:
    """Makes a clip.

    Args:
        scenes: to choose from.
        frames: how many.
        size: height and width in pixels.
        random: decides.
        easy: the camera moves at once so that one sees it, nothing else does, and the pictures
            are perfect.
        people: half of what moves by itself is somebody who walks past.
    """
    times = _times(frames, random)
    seconds = times[-1] + 0.2
    slowest = _EASY_SPEED if easy else 1.1 * moves.SEEN
    plan = moves.plan(seconds, random, slowest=slowest)
    path = moves.path(plan, seconds, random, hand=not easy)
    labels, weights = moves.targets(path, times)
    shot = _shot(scenes, path, random, alone=easy, people=people)
    seen = render.film(shot, times, size)
    if easy:
        return Example(seen, labels, weights)
    if random.random() < 0.08:
        repeat_some(seen, random)
    return Example(spoil(seen, random), labels, weights)


def lesson(
    scenes: Sequence[Pyramid], frames: int, size: int, random: np.random.Generator
) -> Example:
    """Makes a clip of one even move over a soft scene, from its first frame to its last.

    Without such clips a network with random weights learns nothing at first: what random features
    say of a motion is lost among what they say of the scene.

    Args:
        scenes: of which every fourth is soft.
        frames: how many.
        size: height and width in pixels.
        random: decides.
    """
    label = int(random.integers(len(moves.LABELS)))
    speed = float(np.exp(random.uniform(*np.log(_LESSON_SPEEDS))))
    speed *= {moves.STILL: 0.0, moves.SHAKE: 0.3, 5: 0.6, 6: 0.6}.get(label, 1.0)
    seconds = (frames + 2) / FPS
    segment = moves.Segment(label, -1.0, seconds + 1, speed, 0.0)
    path = moves.path([segment], seconds, random, hand=False)
    scene = scenes[4 * int(random.integers(len(scenes) // 4))]
    waves = random.uniform(2.4, 5)  # in the picture's width
    side = scene[0].shape[0]
    shot = Shot(
        _recoloured(scene, random), origin=random.uniform(0.2, 0.8, 2) * side,
        scale=waves * WAVE / size, upright=0.0, path=path, cover=_cover(random),
        cover_side=random.normal(size=2),
    )  # fmt: skip
    seen = render.film(shot, [0.1 + k / FPS for k in range(frames)], size)
    weights = np.ones(frames, np.float32)
    weights[: frames // 4] = 0
    return Example(seen, np.full(frames, label, np.int32), weights)


def _times(frames: int, random: np.random.Generator) -> list[float]:
    """When each picture is taken: cameras have rates that do not divide by the network's."""
    step = random.uniform(0.88, 1.15) / FPS
    late = random.choice([0.0, 0.02, 0.05])
    times = 0.1 + np.arange(frames) * step + random.uniform(0, late, frames)
    return [float(time) for time in times]


def _shot(
    scenes: Sequence[Pyramid],
    path: moves.Path,
    random: np.random.Generator,
    *,
    alone: bool,
    people: bool,
) -> Shot:
    scene = scenes[int(random.integers(len(scenes)))]
    side = scene[0].shape[0]
    return Shot(
        scene=_recoloured(scene, random),
        origin=random.uniform(0.2, 0.8, 2) * side,
        scale=float(np.exp(random.uniform(np.log(0.8), np.log(4.5)))),
        upright=float(random.choice([random.normal(0, 0.05), random.uniform(-np.pi, np.pi)])),
        path=path,
        things=() if alone else things(scenes, random, people=people),
        shutter=float(random.choice([0.0, random.uniform(0, 0.06)])),
        readout=float(random.choice([0.0, random.uniform(0, 0.03)])),
        cover=_cover(random),
        cover_side=random.normal(size=2),
    )


def _recoloured(scene: Pyramid, random: np.random.Generator) -> Pyramid:
    """The same shapes in other colours: cheap, as only the order of the channels changes."""
    order = random.permutation(3)
    if np.all(order == (0, 1, 2)):
        return scene
    return tuple(np.ascontiguousarray(level[..., order]) for level in scene)


def _cover(random: np.random.Generator) -> Picture:
    """A hand, a cloth, a cap: one colour, dark as a rule, with hardly anything in it."""
    colour = random.uniform(0, 1, 3) ** 2 * random.choice([8, 40, 120, 230])
    picture = np.clip(colour + random.normal(0, random.uniform(0, 12), (4, 4, 3)), 0, 255)
    return picture.astype(np.uint8)
