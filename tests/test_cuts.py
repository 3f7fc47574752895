from __future__ import annotations

import numpy as np
import pytest

from edgevid.cuts import CutDetector
from edgevid.opencv import cv2
from edgevid.pace import Pace
from edgevid.preprocess import Preprocess
from edgevid.sources import open_source
from tests.conftest import LabelledClip


def scene(seed: int) -> np.ndarray:
    chance = np.random.default_rng(seed)
    small = chance.integers(0, 256, (6, 6, 3), np.uint8)
    return cv2.resize(small, (172, 172), interpolation=cv2.INTER_CUBIC)


def test_another_scene_is_a_cut_and_the_same_is_none() -> None:
    detector = CutDetector()
    seen = [detector.is_cut(scene(seed)) for seed in (0, 0, 1, 1, 2)]
    assert seen == [False, False, True, False, True]


@pytest.mark.parametrize("change", ["light", "motion", "noise"])
def test_light_motion_and_noise_are_none(change: str) -> None:
    detector = CutDetector()
    picture = scene(0)
    detector.is_cut(picture)
    changed = {
        "light": np.clip(picture.astype(float) * 0.5, 0, 255).astype(np.uint8),
        "motion": np.roll(picture, 25, axis=1),
        "noise": np.clip(
            picture + np.random.default_rng(0).normal(0, 30, picture.shape), 0, 255
        ).astype(np.uint8),
    }[change]
    assert not detector.is_cut(changed)


def test_black_pictures_are_no_trouble() -> None:
    detector = CutDetector()
    black = np.zeros((172, 172, 3), np.uint8)
    assert [detector.is_cut(black) for _ in range(3)] == [False] * 3


def pictures_of(clip: LabelledClip) -> list[np.ndarray]:
    preprocess, pace, pictures = Preprocess(172, 172), Pace(5), []
    with open_source(clip.path) as source:
        for frame in source:
            if pace.due(frame.timestamp):
                preprocess(frame.image, np.empty((172, 172, 3), np.uint8))
                pictures.append(preprocess.pixels.copy())
    return pictures


def test_real_clips_one_after_the_other(real_clips: list[LabelledClip]) -> None:
    short = [clip for clip in real_clips if "YOWOv2" in clip.path.name]
    detector, cuts, joints = CutDetector(), [], []
    for clip in short:
        pictures = pictures_of(clip)
        joints.append(len(cuts))
        cuts += [detector.is_cut(picture) for picture in pictures]
    found = [index for index, cut in enumerate(cuts) if cut]
    assert found == joints[1:]
