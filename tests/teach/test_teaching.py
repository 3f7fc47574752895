from __future__ import annotations

import csv
import io
from dataclasses import replace

import numpy as np
import pytest

from edgevid.errors import UsageError
from edgevid.modelfile.manifest import EventRules
from edgevid.records import Prediction, Score
from edgevid.runtime.events import EventDetector
from edgevid.runtime.head import HeadState
from edgevid.runtime.topk import probability
from edgevid.teach import choosing, report
from edgevid.teach.data import Span
from edgevid.teach.examples import Example
from edgevid.teach.frames import Frames, warmed_up
from edgevid.teach.heads import Fitting, to_head
from edgevid.teach.judging import confusion, judge, worth
from edgevid.teach.teaching import TeachingResult, learn
from tests.teach.making import FEATURES, example, falls


@pytest.fixture(scope="module")
def result() -> TeachingResult:
    return learn(falls(), grouped=True)


def test_it_finds_what_it_never_saw(result: TeachingResult) -> None:
    (judged,) = result.judgements
    assert (judged.shown, judged.found, len(judged.false)) == (12, 12, 0)
    assert 0 < judged.median_delay < 1.5
    frames = Frames([example("new", [Span("fall", 5, 8)]), example("quiet", seconds=60)])
    logits = np.concatenate([run(result, one) for one in frames.examples])
    found = judge(frames, "fall", logits, result.rules)
    assert (found.found, len(found.false)) == (1, 0)


def run(result: TeachingResult, one: Example) -> np.ndarray:
    state = HeadState(result.head)
    return np.array([state.step(features)[0] for features in one.features], np.float64)


def test_nothing_is_the_normal_answer(result: TeachingResult) -> None:
    assert (run(result, example("elsewhere", seconds=30)) < 0).mean() > 0.95


def test_the_head_says_what_was_fitted(result: TeachingResult) -> None:
    frames, recipe = result.frames, result.recipe
    fitting = Fitting(frames, result.labels, recipe)
    fitted = fitting.fit(np.full(len(frames), True))
    right = fitted.logits(fitting.means)
    head = to_head(fitted, frames, recipe, np.ones(1), np.zeros(1))
    for number, one in enumerate(frames.examples):
        state = HeadState(head)
        found = [state.step(features)[0] for features in one.features]
        np.testing.assert_allclose(found, right[frames.rows(number), 0], atol=2e-3)


def test_no_event_comes_from_a_single_frame(result: TeachingResult) -> None:
    assert result.rules.min_duration >= 0.1
    one = example("flash", seconds=8)
    one.features[20, 0] += 100
    frames = Frames([one])
    logits = np.where(np.arange(40) == 20, 50.0, -50.0)
    assert not judge(frames, "fall", logits, result.rules).false


def test_the_report_says_step_by_step_what_the_model_does(result: TeachingResult) -> None:
    rows = list(csv.DictReader(io.StringIO(report.steps(result))))
    assert len(rows) == len(result.frames)
    one = result.frames.examples[0]
    told = [float(row["fall"]) for row in rows if row["source"] == one.recording.source]
    np.testing.assert_allclose(told, 1 / (1 + np.exp(-run(result, one))), atol=1e-6)
    assert any(row["fall"] != row["fall, held out"] for row in rows)


def test_little_footage_is_told(result: TeachingResult) -> None:
    told = "\n".join(result.warnings)
    assert "do not show that there are 1 an hour or fewer" in told
    assert "hours more of background" in told


def test_labels_are_independent() -> None:
    made = []
    for number in range(6):
        spans = [Span("fall", 3, 5)] + [Span("wave", 4, 6)] * (number % 2)
        made.append(example(f"both{number}", spans))
        made.append(example(f"wave{number}", [Span("wave", 2, 4)]))
        made.append(example(f"none{number}"))
    found = learn(made)
    assert found.labels == ("fall", "wave")
    assert set(found.rules.by_label) == {"fall", "wave"}
    frames = Frames([example("new", [Span("fall", 3, 6), Span("wave", 3, 6)])])
    state = HeadState(found.head)
    logits = np.array([state.step(f) for f in frames.examples[0].features], np.float64)
    table = confusion(frames, found.labels, logits, found.rules)
    assert table.tolist() == [[1, 1, 0], [1, 1, 0], [0, 0, 0]]


def test_clips_need_no_times() -> None:
    made = [
        example(f"c{n}", [Span("fall")] * (n % 2), is_clip=True, seconds=3, strength=0.8)
        for n in range(24)
    ]
    found = learn(made)
    assert found.logits is not None
    assert worth(found.frames, "fall", found.logits[:, 0]) > 0.9


def test_a_part_of_a_clip_can_be_what_shows_it() -> None:
    made = []
    for n in range(10):
        one = example(f"c{n}", [Span("fall", 4, 6)], seconds=10)
        made.append(
            replace(one, recording=replace(one.recording, spans=(Span("fall"),), is_clip=True))
        )
        made.append(example(f"n{n}", is_clip=True))
    frames = Frames(made)
    recipe = replace(choosing.default(5.0), windows=(1, 3), partly=True)
    fitting = Fitting(frames, ("fall",), recipe)
    logits = fitting.fit(np.full(len(frames), True)).logits(fitting.means)[:, 0]
    within = np.concatenate([(one.times >= 4) & (one.times <= 6) for one in made])
    shows = np.concatenate([np.full(len(one.times), bool(one.recording.spans)) for one in made])
    assert logits[shows & within].mean() > logits[shows & ~within].mean() + 1


def test_windows_are_as_many_seconds_at_any_rate() -> None:
    assert choosing.default(5.0).windows == (2, 5, 15)
    assert choosing.default(10.0).windows == (4, 10, 30)
    assert {recipe.windows for recipe in choosing.recipes(10.0)} == {(2, 6, 20), (4, 10, 30)}
    assert choosing.default(0.5).windows == (1, 2)  # frames, none of them twice


@pytest.mark.parametrize("shown", [1, 2])
def test_few_clips_teach_something_and_say_so(shown: int) -> None:
    made = [example(f"f{n}", [Span("fall", 3, 5)]) for n in range(shown)]
    found = learn([*made, example("nothing", seconds=20)])
    assert any("too few to trust" in warning for warning in found.warnings)
    assert bool(found.judgements) == (shown > 1)
    if shown == 1:
        assert found.rules == choosing.UNMEASURED
        assert any("nothing could be held out" in warning for warning in found.warnings)
    assert run(found, made[0])[15:25].max() > run(found, example("nothing", seconds=20)).max()


def test_one_class_and_no_background_is_refused() -> None:
    clip = example("c", [Span("fall")], is_clip=True)
    with pytest.raises(UsageError, match=r"only one class, 'fall', and no background"):
        learn([clip, example("d", [Span("fall")], is_clip=True)])
    with pytest.raises(UsageError, match="nothing but background"):
        learn([example("a"), example("b")])


def test_places_that_are_apart_are_told() -> None:
    def result(place: int) -> str:
        clips = [example(f"f{n}", [Span("fall")], is_clip=True, place=1) for n in range(3)]
        rest = [example(f"b{n}", is_clip=True, place=place) for n in range(3)]
        return "\n".join(learn(clips + rest).warnings)

    assert "different places" in result(2)
    assert "different places" not in result(1)


def test_a_budget_of_false_events_is_kept() -> None:
    made = falls(people=3, each=4)
    hard = [example(f"trip{n}", [Span("fall", 5, 6)], strength=1.2, seconds=60) for n in range(4)]
    made += [replace(one, recording=replace(one.recording, spans=())) for one in hard]
    strict, free = learn(made, false_an_hour=1), learn(made, false_an_hour=1000)
    assert not strict.judgements[0].false
    assert strict.rules.on_threshold >= free.rules.on_threshold
    assert strict.judgements[0].found <= free.judgements[0].found


def test_announcements_are_judged_by_time() -> None:
    frames = Frames([example("a", [Span("fall", 5, 6)])])
    rules = EventRules(0.5, 0.5, 0.0, 0.0, 0.0)

    def judged(*on: float) -> tuple[int, int]:
        logits = np.where(np.isin(frames.times, on), 5.0, -5.0)
        found = judge(frames, "fall", logits, rules)
        return found.found, len(found.false)

    assert judged() == (0, 0)
    assert judged(4.6) == (1, 0)
    assert judged(4.0) == (0, 1)
    assert judged(7.0) == (1, 0)
    assert judged(8.0, 5.4) == (1, 1)


def test_warming_up() -> None:
    assert warmed_up(20).tolist() == [False] * 5 + [True] * 15
    assert warmed_up(4).tolist() == [False] * 2 + [True] * 2
    assert warmed_up(1).tolist() == [True]
    assert FEATURES > 2


def test_of_hours_of_background_some_is_fitted_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgevid.teach.frames._SEEN", 1000)
    made = [*falls(people=2), example("night", seconds=1200)]
    frames = Frames(made)
    seen = frames.seen()
    night = frames.rows(len(made) - 1)
    assert seen[: night[0]].sum() > 200
    assert 500 < seen[night].sum() <= 1000
    assert Frames(made[:-1]).seen().all()
    result = learn(made, false_an_hour=20)
    assert result.judgements[0].found >= 5
    assert result.judgements[0].hours > 0.3
    assert "do not show" not in "\n".join(result.warnings)


def test_quiet_frames_are_passed_over_without_another_result() -> None:
    random = np.random.default_rng(4)
    one = example("long", seconds=400)
    one.breaks[[300, 301, 900]] = True
    logits = np.cumsum(random.normal(size=2000)) % 9 - 6
    for lasts, cool in ((0.0, 0.0), (0.3, 2.0)):
        rules = EventRules(0.6, 0.2, 0.0, lasts, cool)
        frames = Frames([one])
        quick = [start.time for start in judge(frames, "fall", logits, rules).false]
        detector, slow = EventDetector(rules), []
        for number, time in enumerate(one.times.tolist()):
            if one.breaks[number]:
                detector.close()
            score = Score("fall", probability(float(logits[number])))
            events = detector.update(Prediction(time, number, (score,), 0.0))
            slow += [event.timestamp for event in events if event.state == "start"]
        assert quick == slow
        assert len(slow) > 10
