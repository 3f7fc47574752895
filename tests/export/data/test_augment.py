from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from export.data.augment import Augmentation, mix, moving_part, vary
from export.data.clips import Clip
from export.data.frames import Frames, decode
from tests.export.conftest import MakeClip

NONE = Augmentation(
    speed=(1.0, 1.0),
    shorten=0,
    zoom=(1.0, 1.0),
    aspect=0,
    turn=0,
    bend=0,
    light=0,
    hue=0,
    grey=0,
    overlay=0,
)


@pytest.fixture
def frames(tmp_path: Path, make_clip: MakeClip) -> Frames:
    return decode(Clip(make_clip(tmp_path / "a.avi", frames=20, fps=10), "a"))


def variation(
    frames: Frames, augmentation: Augmentation, seed: int = 0, fps: float = 5.0
) -> np.ndarray:
    return vary(
        frames, moving_part(frames, fps), np.zeros((48, 64, 3), np.uint8), size=32, fps=fps,
        augmentation=augmentation, rng=np.random.default_rng(seed),
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
    assert len(variation(frames, replace(NONE, seconds=1.2))) == 6


def test_more_frames_a_second_show_as_long_a_part(frames: Frames) -> None:
    assert len(variation(frames, replace(NONE, seconds=1.2), fps=10.0)) == 12


def test_nothing_is_mirrored_unless_asked(frames: Frames) -> None:
    box = (0.0, 0.0, 1.0, 1.0)

    def marked(mirror: float) -> np.ndarray:
        return vary(
            frames, box, np.zeros((48, 64, 3), np.uint8), size=32, fps=5.0,
            augmentation=replace(NONE, mirror=mirror), rng=np.random.default_rng(0),
        )  # fmt: skip

    plain, mirrored = marked(0.0), marked(1.0)
    assert np.abs(plain[:, :, ::-1].astype(int) - mirrored).mean() < 6
    assert np.abs(plain.astype(int) - mirrored).mean() > 12


def test_another_hue_keeps_the_light(frames: Frames) -> None:
    plain, turned = variation(frames, NONE), variation(frames, replace(NONE, hue=60.0), 2)
    assert np.abs(plain.astype(int) - turned).mean() > 4
    assert abs(plain.mean() - turned.mean()) < 2


def test_bent_pictures_stay_bent_alike(tmp_path: Path, make_clip: MakeClip) -> None:
    """What stands still must not start to move."""
    still = decode(Clip(make_clip(tmp_path / "s.avi", frames=8, step=(0, 0)), "a"))
    bent = variation(still, replace(NONE, bend=0.05), 1).astype(int)
    assert np.abs(bent - variation(still, NONE, 1)).mean() > 4
    assert np.abs(np.diff(bent, axis=0)).max() == 0


def test_mixed_clips_ask_for_both_classes() -> None:
    clips = [np.full((n, 2, 2, 3), 100 * n, np.uint8) for n in (1, 2)]
    targets = np.eye(2, dtype=np.float32)
    rng = np.random.default_rng(0)
    for _ in range(20):
        mixed, asked = mix(clips, targets, share=1.0, rng=rng)
        assert [clip.shape for clip in mixed] == [clip.shape for clip in clips]
        assert np.allclose(asked.sum(1), 1)
        assert (np.diagonal(asked) >= 0.5).all()
        shown = 100 + 100 * asked[:, 1]  # each picture is as bright as its target says
        assert all(np.abs(clip - s).max() <= 1 for clip, s in zip(mixed, shown, strict=True))
    kept, same = mix(clips, targets, share=0.0, rng=rng)
    assert np.array_equal(same, targets)
    assert all(a is b for a, b in zip(kept, clips, strict=True))


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
