"""Clips of what is followed are what a stream of the device is shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import edgevid
from benchmarks.parts.tiny_model import LABELS, tiny_model
from edgevid.records import Frame, Prediction
from edgevid.runtime.model import Stream
from edgevid.runtime.preprocess import Preprocess
from export.data import dataset
from export.data.clips import Clip
from export.data.followed import Follower
from export.data.frames import gather, watch
from tests.conftest import write_video

SIZE, FPS = 48, 5.0
AREA = (320, 240)


def film(path: Path, *, moves: bool = True, seed: int = 0, first: int = 10) -> Path:
    """Four seconds of a noisy room, in whose right half something comes and moves about."""
    rng = np.random.default_rng(seed)
    room = rng.integers(40, 120, (AREA[1], AREA[0], 3)).astype(np.uint8)
    pictures = []
    for number in range(80):
        picture = room.copy()
        if moves and number >= first:
            x, y = 200 + int(25 * np.sin(number / 4)), 90 + int(20 * np.cos(number / 3))
            picture[y : y + 60, x : x + 40] = 255 - room[y : y + 60, x : x + 40]
        pictures.append(picture)
    path.parent.mkdir(parents=True, exist_ok=True)
    return write_video(path, pictures, fps=20.0)


def shown_live(path: Path, what: str, tmp_path: Path) -> list[NDArray[np.uint8]]:
    """What the stream of the first track is shown where the device follows."""
    (tmp_path / "tiny.tflite").write_bytes(tiny_model())
    model = edgevid.load_model(tmp_path / "tiny.tflite", labels=LABELS)
    seen: list[NDArray[np.uint8]] = []

    class Spy(Stream):
        def step(self, frame: Frame) -> Prediction:
            seen.append(frame.image.copy())
            return super().step(frame)

    def new_stream() -> Stream:
        stream = model.stream()
        stream.__class__ = Spy
        return stream

    following = edgevid.follow(what, new_stream, fps=FPS)
    with edgevid.open_source(path) as source:
        tracks = {p.track for frame in source for p in following.take(frame).predictions or ()}
    assert tracks == {1}  # else one picture would not be one track's
    return seen


def test_what_is_trained_on_is_what_is_watched(tmp_path: Path) -> None:
    path = film(tmp_path / "a.avi")
    live = shown_live(path, "motion", tmp_path)
    assert 5 < len(live) < 20  # not before something came
    assert all(picture.shape[0] < AREA[1] for picture in live)
    preprocess = Preprocess(SIZE, SIZE)
    expected = np.stack([preprocess.fit(np.ascontiguousarray(p)).copy() for p in live])
    ((_, watched),), lost = watch(
        [Clip(path, "a")], size=SIZE, fps=FPS, follow=Follower("motion", FPS)
    )
    assert lost == []
    np.testing.assert_array_equal(watched.pictures, expected)


def test_training_has_the_frames_between_two_looks_too(tmp_path: Path) -> None:
    clip = Clip(film(tmp_path / "a.avi"), "a")
    follower = Follower("motion", FPS)
    ((_, frames),), _ = gather([clip], tmp_path / "cache", follow=follower)
    ((_, whole),), _ = gather([clip], tmp_path / "cache")
    assert len(whole.jpegs) == 80  # of its own in the cache
    assert 30 < len(frames.jpegs) < 80
    height, width = frames.picture(0).shape[:2]
    assert height == width < AREA[1]
    ((_, again),), _ = gather([clip], tmp_path / "cache", follow=follower)
    assert [len(jpeg) for jpeg in again.jpegs] == [len(jpeg) for jpeg in frames.jpegs]


def test_clips_without_anything_to_follow_are_left_out_and_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for label in "ab":
        for number in range(2):
            film(tmp_path / "data" / label / f"{number}.avi", seed=number)
    film(tmp_path / "data" / "a" / "still.avi", moves=False)
    data = dataset.load(
        tmp_path / "data", cache=tmp_path / "cache", size=SIZE, fps=FPS, validation=0.0,
        follow="motion",
    )  # fmt: skip
    assert "still.avi: there is nothing to follow (motion)" in capsys.readouterr().err
    assert [clip.path.name for clip, _ in data.train] == ["0.avi", "1.avi"] * 2
    (first, _) = dataset.folds(data, 2)
    assert all(len(pictures) < 20 for pictures in first.validation.pictures)


def test_what_cannot_be_followed_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("tensorflow", reason="needs the extra 'train'")
    from export.training.finetune import Job

    with pytest.raises(edgevid.UsageError, match="follow must be motion or people or people-close"):
        Job(data=tmp_path, out=tmp_path, follow="cats")


@pytest.mark.parametrize("other", [{"follow": "people"}, {"fps": 10.0}])
def test_folds_of_what_is_seen_otherwise_are_others(
    tmp_path: Path, network_module: Any, other: dict[str, Any]
) -> None:
    from export.training.finetune import Job
    from export.training.folds import _plain

    assert _plain(Job(data=tmp_path, out=tmp_path, **other)) != _plain(
        Job(data=tmp_path, out=tmp_path)
    )
