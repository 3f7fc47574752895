from __future__ import annotations

import math

import numpy as np
import pytest

from edgevid.runtime.scenes import CUT, SceneWatch
from edgevid.support.opencv import cv2
from tests.conftest import LabelledClip


def scene(seed: int) -> np.ndarray:
    chance = np.random.default_rng(seed)
    small = chance.integers(0, 256, (6, 6, 3), np.uint8)
    return np.asarray(cv2.resize(small, (172, 172), interpolation=cv2.INTER_CUBIC))


def cuts_in(pictures: list[np.ndarray]) -> list[int]:
    watch = SceneWatch(fps=5.0)
    return [n for n, picture in enumerate(pictures) if watch.look(picture) == CUT]


def test_another_scene_is_a_cut_and_the_same_is_none() -> None:
    assert cuts_in([scene(seed) for seed in (0, 0, 1, 1, 2)]) == [2, 4]


@pytest.mark.parametrize("change", ["light", "motion", "noise"])
def test_light_motion_and_noise_are_none(change: str) -> None:
    picture = scene(0)
    changed = {
        "light": np.clip(picture.astype(float) * 0.5, 0, 255).astype(np.uint8),
        "motion": np.roll(picture, 8, axis=1),
        "noise": np.clip(
            picture + np.random.default_rng(0).normal(0, 30, picture.shape), 0, 255
        ).astype(np.uint8),
    }[change]
    assert cuts_in([picture, changed]) == []


def test_black_pictures_are_no_trouble() -> None:
    black = np.zeros((172, 172, 3), np.uint8)
    assert cuts_in([black] * 3) == []
    assert cuts_in([black, scene(0)]) == [1]


@pytest.mark.parametrize("fps", [5, 10])
def test_a_scene_that_fades_into_another_stops_counting(fps: int) -> None:
    """No step of a slow fade is a cut, but two seconds later the scene is another one."""
    watch = SceneWatch(fps)
    fade = [n / (2 * fps) for n in range(1, 2 * fps + 1)]
    shares = [0.0] * 2 * fps + fade + [1.0] * 3 * fps
    counts = [
        watch.look(cv2.addWeighted(scene(1), share, scene(0), 1 - share, 0)) for share in shares
    ]
    assert CUT not in counts
    assert set(counts[: 2 * fps + 2]) == {math.inf}
    assert fps in counts[3 * fps : 6 * fps]  # a second
    assert counts[-1] == math.inf


def test_real_clips_one_after_the_other(real_clips: list[LabelledClip]) -> None:
    pictures: list[np.ndarray] = []
    joints = []
    for clip in real_clips:
        if "YOWOv2" in clip.path.name:
            joints.append(len(pictures))
            pictures += clip.pictures()
    assert cuts_in(pictures) == joints[1:]
