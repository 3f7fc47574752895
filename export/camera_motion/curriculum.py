"""The order of training clips: simple ones first.

First clips of one even move over a soft scene, then more and more clips without corruptions and
foreground, then clips as they come.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from export.camera_motion import moves
from export.camera_motion.render import Shot, render
from export.camera_motion.scenes import WAVE, Pyramid
from export.camera_motion.synthetic import (
    FPS,
    SyntheticClip,
    lens_cover,
    recoloured,
    synthetic_clip,
)

_SPEEDS = (0.06, 0.3)  # widths a second of a curriculum clip's move


def clip_at(
    step: int,
    scenes: Sequence[Pyramid],
    frames: int,
    size: int,
    rng: np.random.Generator,
    *,
    curriculum: tuple[int, int],
    easy_until: int,
    people: bool,
) -> SyntheticClip:
    """Makes a clip as it suits a step of the training.

    Args:
        step: of the training, from 0.
        scenes: to choose from.
        frames: how many.
        size: height and width in pixels.
        rng: decides.
        curriculum: up to the first step all are curriculum clips, from the second on none.
        easy_until: from the first step of ``curriculum`` to this one ever fewer of the others are
            easy.
        people: whether people walk past in the others.
    """
    start, end = curriculum
    if rng.random() < _fading(step, start, end):
        return curriculum_clip(scenes, frames, size, rng)
    easy = rng.random() < _fading(step, start, easy_until)
    return synthetic_clip(scenes, frames, size, rng, easy=easy, people=people)


def curriculum_clip(
    scenes: Sequence[Pyramid], frames: int, size: int, rng: np.random.Generator
) -> SyntheticClip:
    """Makes a clip of one even move over a soft scene, from its first frame to its last.

    Without such clips a network with random weights learns nothing at first: what random features
    say of a motion is lost among what they say of the scene.

    Args:
        scenes: of which every fourth is soft.
        frames: how many.
        size: height and width in pixels.
        rng: decides.
    """
    label = int(rng.integers(len(moves.LABELS)))
    speed = float(np.exp(rng.uniform(*np.log(_SPEEDS))))
    speed *= {moves.STILL: 0.0, moves.SHAKE: 0.3, 5: 0.6, 6: 0.6}.get(label, 1.0)
    seconds = (frames + 2) / FPS
    segment = moves.Segment(label, -1.0, seconds + 1, speed, 0.0)
    path = moves.path([segment], seconds, rng, hand=False)
    scene = scenes[4 * int(rng.integers(len(scenes) // 4))]
    waves = rng.uniform(2.4, 5)  # in the picture's width
    side = scene[0].shape[0]
    shot = Shot(
        recoloured(scene, rng), origin=rng.uniform(0.2, 0.8, 2) * side,
        scale=waves * WAVE / size, upright=0.0, path=path, cover=lens_cover(rng),
        cover_side=rng.normal(size=2),
    )  # fmt: skip
    pictures = render(shot, [0.1 + k / FPS for k in range(frames)], size)
    weights = np.ones(frames, np.float32)
    weights[: frames // 4] = 0
    return SyntheticClip(pictures, np.full(frames, label, np.int32), weights)


def _fading(step: int, start: int, end: int) -> float:
    """1 until ``start``, 0 from ``end`` on."""
    return float(np.clip((end - step) / (end - start), 0, 1))
