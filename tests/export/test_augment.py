from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from export.augment import Augmentation, moving_part, vary
from export.clips import Clip
from export.frames import Frames, decode
from tests.export.conftest import MakeClip

NONE = Augmentation(
    speed=(1.0, 1.0), shorten=0, zoom=(1.0, 1.0), aspect=0, turn=0, light=0, grey=0, overlay=0
)


@pytest.fixture
def frames(tmp_path: Path, make_clip: MakeClip) -> Frames:
    return decode(Clip(make_clip(tmp_path / "a.avi", frames=20, fps=10), "a"))


def variation(frames: Frames, augmentation: Augmentation, seed: int = 0) -> np.ndarray:
    return vary(
        frames, moving_part(frames, 5.0), np.zeros((48, 64, 3), np.uint8), size=32, fps=5.0,
        augmentation=augmentation, random=np.random.default_rng(seed),
    )  # fmt: skip


def test_the_same_seed_gives_the_same_clip(frames: Frames) -> None:
    assert np.array_equal(
        variation(frames, Augmentation(), 3), variation(frames, Augmentation(), 3)
    )


def test_other_seeds_give_other_clips(frames: Frames) -> None:
    first, second = (variation(frames, Augmentation(), seed) for seed in (1, 2))
    assert first.shape != second.shape or not np.array_equal(first, second)


def test_without_variation_light_and_time_stay(frames: Frames) -> None:
    clip = variation(frames, NONE)
    assert clip.shape == (10, 32, 32, 3)
    assert abs(clip.mean() - frames.picture(0).mean()) < 8


def test_a_long_clip_is_shown_in_part(frames: Frames) -> None:
    assert len(variation(frames, replace(NONE, frames=6))) == 6


def test_nothing_is_mirrored_unless_asked(frames: Frames) -> None:
    box = (0.0, 0.0, 1.0, 1.0)

    def marked(mirror: float) -> np.ndarray:
        return vary(
            frames, box, np.zeros((48, 64, 3), np.uint8), size=32, fps=5.0,
            augmentation=replace(NONE, mirror=mirror), random=np.random.default_rng(0),
        )  # fmt: skip

    plain, mirrored = marked(0.0), marked(1.0)
    assert np.abs(plain[:, :, ::-1].astype(int) - mirrored).mean() < 6
    assert np.abs(plain.astype(int) - mirrored).mean() > 12


def test_what_moves_is_found(tmp_path: Path, make_clip: MakeClip) -> None:
    path = make_clip(tmp_path / "a.avi", frames=20, step=(2, 0))  # a square at the top
    left, top, right, bottom = moving_part(decode(Clip(path, "a")), 5.0)
    assert left < 0.2
    assert 0.6 < right < 0.95
    assert top < 0.1
    assert bottom < 0.55


def test_one_frame_is_enough(tmp_path: Path, make_clip: MakeClip) -> None:
    frames = decode(Clip(make_clip(tmp_path / "a.avi", frames=1), "a"))
    assert variation(frames, Augmentation()).shape == (1, 32, 32, 3)
