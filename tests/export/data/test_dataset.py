"""Clips are decoded once, and what they are measured on is said."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

import edgevid
from edgevid.errors import SourceError, UsageError
from edgevid.sources.base import Source
from export.data import dataset, frames
from export.data.dataset import Dataset
from tests.export.conftest import SIZE, MakeClip


@pytest.fixture
def source(tmp_path: Path, make_clip: MakeClip) -> Path:
    """Twelve clips of two classes, the last two of another person."""
    for number in range(6):
        for label in "ab":
            make_clip(tmp_path / "data" / label / f"p{number}_{label}.avi", seed=number)
    return tmp_path / "data"


def load(source: Path, tmp_path: Path, validation: float, test: Path | None = None) -> Dataset:
    return dataset.load(
        source, cache=tmp_path / "cache", size=SIZE, fps=5.0, test=test, validation=validation,
        group="^(p[0-9]+)_",
    )  # fmt: skip


def test_each_clip_is_decoded_once_for_all_that_is_done_with_it(
    source: Path, tmp_path: Path, make_clip: MakeClip, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: Counter[str] = Counter()
    open_source = edgevid.open_source

    def counted(path: Path) -> Source:
        opened[path.name] += 1
        return open_source(path)

    monkeypatch.setattr(frames, "open_source", counted)
    for label in "ab":
        make_clip(tmp_path / "test" / label / f"p9_{label}.avi")
    data = load(source, tmp_path, 0.3, tmp_path / "test")
    assert len(data.calibration()) == len(data.train)
    assert [len(data.validation), len(data.test)] == [4, 2]
    data.held_out()
    assert len(opened) == 14
    assert set(opened.values()) == {1}


def test_verified_is_on_what_was_not_trained_on_where_there_is_any(
    source: Path, tmp_path: Path, make_clip: MakeClip
) -> None:
    for label in "ab":
        make_clip(tmp_path / "test" / label / f"p9_{label}.avi")
    assert load(source, tmp_path, 0.3, tmp_path / "test").held_out().name == "test"
    held = load(source, tmp_path, 0.3)
    assert held.held_out() is held.validation
    trained = load(source, tmp_path, 0.0)
    found = trained.held_out()
    assert found.name == "training"
    assert [clip for clip, _ in trained.train] == list(found.clips)
    assert [trained.labels[i] for i in found.truth] == [clip.label for clip in found.clips]


def test_calibration_clips_are_trained_on_and_of_every_class(source: Path, tmp_path: Path) -> None:
    data = load(source, tmp_path, 0.3)
    seen = data.calibration(2)
    assert all(pictures.shape == (6, SIZE, SIZE, 3) for pictures in seen)
    first = {clip.label: frames for clip, frames in reversed(data.train)}
    for label, pictures in zip("ab", seen, strict=True):
        assert np.array_equal(pictures, first[label].pictures(size=SIZE, fps=5.0))


def test_a_test_of_which_nothing_can_be_read(source: Path, tmp_path: Path) -> None:
    for label in "ab":
        (tmp_path / "test" / label).mkdir(parents=True)
        (tmp_path / "test" / label / "p9_x.avi").write_bytes(b"no video")
    with pytest.raises(SourceError, match=r"none of the clips of .*test can be read"):
        load(source, tmp_path, 0.0, tmp_path / "test")


def test_folds_hold_every_clip_out_once_and_no_person_is_on_both_sides(
    source: Path, tmp_path: Path
) -> None:
    data = load(source, tmp_path, 0.0)
    parts = dataset.folds(data, 3)
    held = [clip for part in parts for clip in part.validation.clips]
    assert sorted(clip.path for clip in held) == sorted(clip.path for clip, _ in data.train)
    for part in parts:
        assert len(part.validation) == 4
        assert len(part.train) == 8
        people = {clip.group for clip, _ in part.train}
        assert people.isdisjoint(clip.group for clip in part.validation.clips)
        assert part.validation.pictures[0].shape[1:] == (SIZE, SIZE, 3)
        assert not len(part.test)


def test_a_fold_that_would_lack_a_class(source: Path, tmp_path: Path, make_clip: MakeClip) -> None:
    make_clip(source / "c" / "p0_c.avi")
    data = load(source, tmp_path, 0.0)
    with pytest.raises(UsageError, match="would be trained on no clip of 'c'"):
        dataset.folds(data, 2)
