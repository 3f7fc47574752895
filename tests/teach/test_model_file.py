from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgevid.errors import LabelsError, ModelError, UsageError
from edgevid.modelfile import manifest
from edgevid.modelfile.head import Head
from edgevid.models.load import load_model
from edgevid.prepare import cut, prepare
from edgevid.records import Frame, Prediction, Score
from edgevid.runtime.events import EventDetector
from edgevid.runtime.head import HeadState
from edgevid.runtime.model import Model
from edgevid.runtime.topk import probability
from edgevid.teach import taught
from tests.prepare.mini_movinet import CHANNELS, LABELS, SIZE, mini_movinet
from tests.teach.conftest import RULES

PICTURES = np.random.default_rng(3).integers(0, 256, (12, SIZE, SIZE, 3)).astype(np.uint8)


def loaded(folder: Path, data: bytes) -> Model:
    path = folder / "model.tflite"
    path.write_bytes(data)
    return load_model(path)


def test_it_is_one_file_that_says_what_it_holds(waving: bytes, head: Head) -> None:
    found = manifest.read(waving)
    assert found is not None
    assert (found.name, found.labels, found.events) == ("waving", ("wave", "fall"), RULES)
    assert (found.memory_s, found.follow_scene) == (0.0, False)
    assert found.head is not None
    assert np.array_equal(found.head.weights, head.weights)


@pytest.mark.parametrize("se", [True, False])
@pytest.mark.parametrize("int8", [True, False])
def test_features_are_the_same_with_and_without_the_classifier(
    tmp_path: Path, head: Head, se: bool, int8: bool
) -> None:
    data = prepare(mini_movinet(int8=int8, se=se), name="mini", labels=LABELS).data
    whole = loaded(tmp_path, data).stream(memory=0, follow_scene=False)
    made = taught(data, head, name="waving", labels=("wave", "fall"), events=RULES)
    short = loaded(tmp_path, made).stream()
    for picture in PICTURES:
        whole.logits(picture)
        short.logits(picture)
        assert whole.features.shape == (CHANNELS,)
        assert whole.features.any()
        assert np.array_equal(whole.features, short.features)


def test_labels_have_probabilities_of_their_own(tmp_path: Path, waving: bytes, head: Head) -> None:
    stream, state = loaded(tmp_path, waving).stream(), HeadState(head)
    for number, picture in enumerate(PICTURES):
        prediction = stream.step(Frame(picture, number / 5, number))
        right = [probability(logit) for logit in state.step(stream.features).tolist()]
        found = {score.label: score.probability for score in prediction.scores}
        assert [found["wave"], found["fall"]] == pytest.approx(right)
        assert prediction.top.probability == max(right)


def test_a_stream_is_saved_and_reset_with_its_head(tmp_path: Path, waving: bytes) -> None:
    model = loaded(tmp_path, waving)
    stream, other = model.stream(), model.stream()
    first = [stream.logits(picture) for picture in PICTURES[:6]]
    kept = stream.save()
    later = [stream.logits(picture) for picture in PICTURES[6:]]
    other.logits(PICTURES[0])
    other.restore(kept)
    assert np.array_equal([other.logits(picture) for picture in PICTURES[6:]], later)
    stream.reset()
    assert np.array_equal([stream.logits(picture) for picture in PICTURES[:6]], first)


def test_rules_may_differ_by_label() -> None:
    detector = EventDetector(RULES)
    scores = (Score("wave", 0.7), Score("fall", 0.7))
    assert [event.label for event in detector.update(Prediction(0.0, 0, scores, 0.0))] == ["wave"]
    assert RULES.changed(on_threshold=0.9).of("wave").on_threshold == 0.9
    assert RULES.changed(on_threshold=0.9).of("wave").off_threshold == 0.2
    assert RULES.of("fall") is RULES


def test_it_is_prepared_already(waving: bytes) -> None:
    assert prepare(waving, name="again").data == waving
    assert prepare(waving, name="again").report == ()


def test_its_memory_cannot_be_set(tmp_path: Path, waving: bytes) -> None:
    model = loaded(tmp_path, waving)
    with pytest.raises(UsageError, match="taught with the memory"):
        model.stream(memory=2.0)
    assert model.stream(memory=0.0)


def test_features_before_the_first_frame_or_of_another_file(
    tmp_path: Path, waving: bytes, prepared: bytes
) -> None:
    with pytest.raises(UsageError, match="before the first frame"):
        loaded(tmp_path, waving).stream().features  # noqa: B018
    path = tmp_path / "published.tflite"
    path.write_bytes(mini_movinet(int8=True))
    unprepared = load_model(path, labels=LABELS, prepare=False)
    with pytest.raises(UsageError, match="gives no features"):
        unprepared.stream().features  # noqa: B018


def test_taught_again_it_keeps_its_network(waving: bytes, head: Head) -> None:
    again = taught(waving, head, name="again", labels=("a", "b"), events=RULES)
    assert manifest.split(again)[0] == manifest.split(waving)[0]


def test_what_does_not_fit_is_refused(tmp_path: Path, prepared: bytes, head: Head) -> None:
    with pytest.raises(ModelError, match="was not prepared"):
        cut(mini_movinet(int8=True))
    with pytest.raises(ModelError, match="2 labels, 1 are named"):
        taught(prepared, head, name="x", labels=("a",), events=RULES)
    wide = Head((1,), np.ones((1, 99), np.float32), np.zeros(1, np.float32))
    made = taught(prepared, wide, name="x", labels=("a",), events=RULES)
    with pytest.raises(ModelError, match="takes 99 features, the network gives 8"):
        loaded(tmp_path, made)
    with pytest.raises(ModelError, match="no head"):
        loaded(tmp_path, cut(prepared))
    described = manifest.read(made)
    assert described is not None
    with pytest.raises(ModelError, match="as well as a head"):
        loaded(tmp_path, manifest.write(manifest.split(prepared)[0], described))


def test_labels_are_counted(tmp_path: Path, waving: bytes) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(waving)
    assert load_model(path, labels=["one", "two"]).manifest.labels == ("one", "two")
    with pytest.raises(LabelsError, match="2 classes"):
        load_model(path, labels=["one"])


@pytest.mark.parametrize("se", [True, False])
def test_a_stream_goes_on_where_one_of_another_model_of_the_network_was(
    tmp_path: Path, head: Head, se: bool
) -> None:
    data = prepare(mini_movinet(int8=True, se=se), name="mini", labels=LABELS).data
    base = loaded(tmp_path, data).stream(memory=0, follow_scene=False)
    model = loaded(tmp_path, taught(data, head, name="w", labels=("wave", "fall"), events=RULES))
    whole, successor, again = model.stream(), model.stream(), model.stream()
    for picture in PICTURES[:6]:
        base.logits(picture)
        whole.logits(picture)
    assert successor.succeed(base)
    for picture in PICTURES[6:9]:
        whole.logits(picture)
        successor.logits(picture)
        assert np.array_equal(whole.features, successor.features)
    assert again.succeed(successor)  # of a model that was taught, too
    whole.logits(PICTURES[9])
    again.logits(PICTURES[9])
    assert np.array_equal(whole.features, again.features)


def test_of_another_network_it_begins_anew(tmp_path: Path, waving: bytes, head: Head) -> None:
    other = loaded(
        tmp_path, prepare(mini_movinet(int8=True, se=True), name="x", labels=LABELS).data
    )
    before, fresh, successor = other.stream(), loaded(tmp_path, waving), loaded(tmp_path, waving)
    before.logits(PICTURES[0])
    alone, going_on = fresh.stream(), successor.stream()
    assert not going_on.succeed(before)
    assert np.array_equal(alone.logits(PICTURES[1]), going_on.logits(PICTURES[1]))
