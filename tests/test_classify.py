from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.parts.tiny_model import LABELS, tiny_model
from edgevid.classify import classify
from edgevid.errors import SourceError
from edgevid.models.load import load_model
from edgevid.runtime.model import Model
from edgevid.sources.replay import ReplaySource
from tests.conftest import LabelledClip, moving_pictures, write_video


@pytest.fixture
def tiny(tmp_path: Path) -> Model:
    path = tmp_path / "tiny.tflite"
    path.write_bytes(tiny_model())
    return load_model(path, labels=LABELS)


def test_one_prediction_a_tick(tiny: Model) -> None:
    predictions = list(classify(ReplaySource(moving_pictures(60), fps=30), tiny, top_k=2))
    assert [p.index for p in predictions] == list(range(0, 60, 6))
    assert [p.timestamp for p in predictions] == pytest.approx([n / 5 for n in range(10)])
    assert all(len(p.scores) == 2 for p in predictions)


def test_a_folder_of_videos_starts_afresh_with_each(tiny: Model, tmp_path: Path) -> None:
    folder = tmp_path / "clips"
    folder.mkdir()
    write_video(folder / "a10.mp4", moving_pictures(25))
    write_video(folder / "a9.avi", moving_pictures(50))
    together = [p.scores for p in classify(folder, tiny)]
    apart = [p.scores for name in ("a9.avi", "a10.mp4") for p in classify(folder / name, tiny)]
    assert len(together) == 15
    assert together == apart


def test_a_source_that_the_caller_opened_is_closed_at_the_end_as_it_says(tiny: Model) -> None:
    class Held(ReplaySource):
        closed = False

        def close(self) -> None:
            self.closed = True

    source = Held(moving_pictures(5))
    predictions = classify(source, tiny)
    next(predictions)
    assert not source.closed
    list(predictions)
    assert source.closed
    assert "closed at the end" in (classify.__doc__ or "")


def test_a_missing_file_is_named(tiny: Model) -> None:
    with pytest.raises(SourceError, match=r"none\.mp4: no such file"):
        next(classify("none.mp4", tiny))


def test_carving_ice(published: Model, real_clips: list[LabelledClip]) -> None:
    least = {"examples__rpi_carving_ice.mp4": 0.95, "examples__android_carving_ice.mp4": 0.90}
    clips = {clip.path.name: clip.path for clip in real_clips}
    for name, probability in least.items():
        *_, last = classify(clips[name], published)
        assert last.top.label == "carving ice"
        assert last.top.probability >= probability


def test_accuracy_over_the_labelled_clips(published: Model, real_clips: list[LabelledClip]) -> None:
    labelled = [clip for clip in real_clips if clip.label]
    assert len(labelled) == 33
    first = five = 0
    for clip in labelled:
        *_, last = classify(clip.path, published)
        labels = [score.label for score in last.scores]
        first += labels[0] == clip.label
        five += clip.label in labels
    assert first / 33 >= 0.90
    assert five / 33 >= 0.96
