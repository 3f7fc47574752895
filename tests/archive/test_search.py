from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from edgevid.archive import Archive, Settings, find, index, search
from edgevid.archive.search import Where
from edgevid.errors import LabelsError, UsageError
from edgevid.modelfile.head import Head
from edgevid.runtime.head import HeadState
from edgevid.runtime.watch import Watch
from edgevid.sources import open_source


@pytest.fixture(scope="module")
def archive(footage: Path, settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Archive:
    folder = tmp_path_factory.mktemp("search") / "archive"
    index(find([str(footage)]), folder, settings, workers=1)
    return Archive(folder)


def sources(answers: list[search.Answer]) -> list[str]:
    return ["/".join(Path(answer.source).parts[-4:]) for answer in answers]


RED_YARD, GREEN_YARD = "2026-05-01/08/yard/00.00.mp4", "2026-05-01/08/yard/10.00.mp4"
RED_GATE, GREEN_GATE = "2026-05-02/09/gate/00.30.mp4", "2026-05-02/09/gate/01.30.mp4"
BLUE_YARD = "2026-05-01/23/yard/59.58.mp4"


def features_of(footage: Path, settings: Settings, name: str) -> np.ndarray:
    watch, rows = Watch(settings.load().stream()), []
    with open_source(footage / name) as source:
        for frame in source:
            if watch.take(frame).prediction is not None:
                rows.append(watch.stream.features)
    return np.stack(rows)


def test_words_find_labels(archive: Archive) -> None:
    answers = search.by_label(archive, "two")
    assert answers
    assert [answer.score for answer in answers] == sorted(
        (answer.score for answer in answers), reverse=True
    )
    assert {answer.label for answer in answers} == {"two"}
    first = answers[0]
    assert first.end > first.start
    assert first.time.tzinfo is not None


def test_windows_that_touch_are_one_answer(archive: Archive) -> None:
    """The first recording has two windows."""
    answers = search.by_label(archive, "two")
    assert sources(answers).count(RED_YARD) == 1
    whole = next(a for a in answers if sources([a]) == [RED_YARD])
    assert whole.start == 0.0
    assert whole.end == pytest.approx(8.0)


def test_words_are_beginnings() -> None:
    labels = ("falling off bike", "waterfall", "bike riding")
    assert search.matching("Fall", labels) == ["falling off bike"]
    assert search.matching("bike fall", labels) == ["falling off bike"]
    with pytest.raises(LabelsError, match="did you mean waterfall"):
        search.matching("watterfall", labels)


def test_like_finds_what_looks_alike(archive: Archive, footage: Path, settings: Settings) -> None:
    for one, other in ((RED_GATE, RED_YARD), (GREEN_YARD, GREEN_GATE)):
        content = find([str(footage / one)])[0].content()
        examples = search.stored(archive, content, 0, np.inf)
        assert examples is not None
        watched = search.means(features_of(footage, settings, one), 5.0)
        np.testing.assert_allclose(examples, watched, rtol=2e-3, atol=1e-4)
        answers = search.by_example(archive, examples, without=content)
        assert sources(answers)[0] == other
        assert one not in sources(answers)
        assert -1 <= answers[-1].score <= answers[0].score <= 1.0001


def test_what_is_in_the_archive_is_its_own_nearest(archive: Archive, footage: Path) -> None:
    content = find([str(footage / BLUE_YARD)])[0].content()
    examples = search.stored(archive, content, 1, 3)
    assert examples is not None
    answers = search.by_example(archive, examples, most=1)
    assert sources(answers) == [BLUE_YARD]
    assert answers[0].score > 0.9
    with pytest.raises(UsageError, match="nothing of it lies between"):
        search.stored(archive, content, 100, 101)
    assert search.stored(archive, "0" * 32, 0, 1) is None


def test_since_until_and_camera(archive: Archive) -> None:
    def found(**where: object) -> set[str]:
        return set(sources(search.by_label(archive, "two", Where(**where))))  # type: ignore[arg-type]

    day = datetime(2026, 5, 2, tzinfo=UTC)
    everything = found()
    assert found(cameras=("gate",)) == {RED_GATE, GREEN_GATE} & everything
    assert found(since=day.replace(hour=9, minute=1)) == {GREEN_GATE} & everything
    assert found(until=day.replace(day=1, hour=8, minute=5)) == {RED_YARD} & everything
    assert found(since=day.replace(day=3)) == set()
    examples = np.ones((1, 8), np.float32)
    for where, names in (
        (Where(since=day.replace(hour=9, minute=1)), {GREEN_GATE}),
        (Where(until=day.replace(day=1, hour=8, minute=10)), {RED_YARD, GREEN_YARD}),
        (Where(until=day.replace(day=1, hour=8, minute=5)), {RED_YARD}),
        (Where(since=day.replace(day=3)), set()),
    ):
        assert set(sources(search.by_example(archive, examples, where))) == names
    with pytest.raises(UsageError, match=r"no camera 'door' in .*: gate, yard"):
        found(cameras=("door",))


@pytest.mark.parametrize(("windows", "roots"), [((1,), 0), ((2, 7), 0), ((2, 7), 2)])
def test_a_head_says_what_its_stream_would(
    archive: Archive, footage: Path, settings: Settings, windows: tuple[int, ...], roots: int
) -> None:
    random = np.random.default_rng(3)
    weights = random.normal(0, 2, (2, 8 * len(windows))).astype(np.float32)
    head = Head(windows, weights, np.zeros(2, np.float32), roots)
    answers = search.by_head(archive, head, ("wave", "fall"), thresholds=(0.0, 0.0), most=100)
    assert len(answers) == 10  # at a threshold of 0 each recording is one answer for each label
    for name in (RED_YARD, BLUE_YARD):
        state = HeadState(head)
        logits = [state.step(row) for row in features_of(footage, settings, name)]
        highest = (1 / (1 + np.exp(-np.array(logits, np.float64)))).max(axis=0)
        mine = {a.label: a.score for a in answers if sources([a]) == [name]}
        assert mine["wave"] == pytest.approx(highest[0], abs=0.01)  # features have 11 bits
        assert mine["fall"] == pytest.approx(highest[1], abs=0.01)
    assert {
        a.label
        for a in search.by_head(
            archive, head, ("wave", "fall"), thresholds=(0.0, 0.0), wanted=("fall",)
        )
    } == {"fall"}
    other = Head((1,), np.zeros((1, 9), np.float32), np.zeros(1, np.float32))
    with pytest.raises(UsageError, match="for 9 features, the archive has 8"):
        search.by_head(archive, other, ("wave",), thresholds=(0.5,))


def test_an_answer_of_a_head_is_a_run_of_steps(archive: Archive) -> None:
    everything = Head((1,), np.zeros((1, 8), np.float32), np.ones(1, np.float32))
    answers = search.by_head(archive, everything, ("all",), thresholds=(0.5,))
    assert {(a.start, round(a.end, 1)) for a in answers} == {(0.0, 3.8), (0.0, 7.8)}
    assert search.by_head(archive, everything, ("all",), thresholds=(0.9,)) == []
