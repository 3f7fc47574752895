from __future__ import annotations

import copy
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.parts.tiny_model import LABELS, WEIGHTS, tiny_model
from edgevid.errors import LabelsError, MissingDependencyError, ModelError, UsageError
from edgevid.modelfile import flatbuffer, signature
from edgevid.modelfile.manifest import Manifest, write
from edgevid.models.load import load_model
from edgevid.records import Frame
from edgevid.runtime.backends import open_backend
from edgevid.runtime.model import Model, Stream
from tests.conftest import moving_pictures
from tests.prepare.mini_movinet import CLASSES, mini_movinet


@pytest.fixture
def tiny_path(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.tflite"
    path.write_bytes(tiny_model())
    return path


@pytest.fixture
def tiny(tiny_path: Path) -> Model:
    return load_model(tiny_path, labels=LABELS)


# The contract of streams, written once and run over every model that is found.


@pytest.fixture(scope="session")
def mini_prepared(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """A MoViNet in miniature, prepared: past frames apart, means that can forget."""
    path = tmp_path_factory.mktemp("models") / "mini.tflite"
    path.write_bytes(mini_movinet(int8=False))
    return load_model(path, labels=[str(n) for n in range(CLASSES)])


@pytest.fixture(params=["tiny", "mini_prepared", "published"])
def any_model(request: pytest.FixtureRequest) -> Model:
    model: Model = request.getfixturevalue(request.param)
    return model


PICTURES = moving_pictures(12, size=(80, 60))
OTHERS = [picture[::-1].copy() for picture in PICTURES]


def logits_of(stream: Stream, pictures: Iterable[NDArray[np.uint8]]) -> NDArray[np.float32]:
    return np.array([stream.logits(picture) for picture in pictures])


def test_state_matters(any_model: Model) -> None:
    stream = any_model.stream()
    first, second = stream.logits(PICTURES[0]), stream.logits(PICTURES[0])
    assert not np.array_equal(first, second)


def test_interleaved_streams_equal_streams_run_apart(any_model: Model) -> None:
    apart = [logits_of(any_model.stream(), clip) for clip in (PICTURES, OTHERS)]
    one, two = any_model.stream(), any_model.stream()
    together = np.array(
        [(one.logits(a), two.logits(b)) for a, b in zip(PICTURES, OTHERS, strict=True)]
    )
    assert np.array_equal(together[:, 0], apart[0])
    assert np.array_equal(together[:, 1], apart[1])


def test_reset_equals_a_fresh_stream(any_model: Model) -> None:
    used = any_model.stream()
    logits_of(used, OTHERS)
    used.reset()
    assert np.array_equal(logits_of(used, PICTURES), logits_of(any_model.stream(), PICTURES))


def test_reset_while_another_stream_runs(any_model: Model) -> None:
    used, other = any_model.stream(), any_model.stream()
    logits_of(used, OTHERS)
    other.logits(PICTURES[0])
    used.reset()
    other.logits(PICTURES[1])
    assert np.array_equal(logits_of(used, PICTURES), logits_of(any_model.stream(), PICTURES))


def test_a_stream_that_is_alone_takes_no_memory_for_its_state(any_model: Model) -> None:
    alone, other = any_model.stream(), any_model.stream()
    alone.logits(PICTURES[0])
    assert alone._state is None
    other.logits(PICTURES[0])
    assert alone._state is not None
    alone.reset()
    assert alone._state is None


def test_steps_after_a_restored_state_equal_uninterrupted_ones(any_model: Model) -> None:
    expected = logits_of(any_model.stream(), PICTURES)
    first = any_model.stream()
    logits_of(first, PICTURES[:5])
    saved = first.save()
    logits_of(first, OTHERS)  # what happens later must not reach the saved state
    for stream in (first, any_model.stream()):
        stream.restore(saved)
        assert np.array_equal(logits_of(stream, PICTURES[5:]), expected[5:])


def test_streams_in_threads_do_not_mix(any_model: Model) -> None:
    expected = [logits_of(any_model.stream(), clip) for clip in (PICTURES, OTHERS)]
    found: dict[int, np.ndarray] = {}

    def run(number: int) -> None:
        clip = (PICTURES, OTHERS)[number % 2]
        found[number] = logits_of(any_model.stream(), clip)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number in range(6):
        assert np.array_equal(found[number], expected[number % 2])


def test_step_ranks_the_logits_of_the_frame(any_model: Model) -> None:
    logits = any_model.stream().logits(PICTURES[0]).astype(np.float64)
    probabilities = np.exp(logits - logits.max()) / np.exp(logits - logits.max()).sum()
    prediction = any_model.stream(top_k=3).step(Frame(PICTURES[0], 1.5, 7))
    assert (prediction.timestamp, prediction.index) == (1.5, 7)
    assert prediction.inference_ms > 0
    assert prediction.top.label == any_model.manifest.labels[int(logits.argmax())]
    assert prediction.top.probability == pytest.approx(probabilities.max(), rel=1e-4)
    assert len(prediction.scores) == 3


# What the tiny network computes is known.


def test_logits_are_the_networks_own(tiny: Model) -> None:
    stream = tiny.stream()
    red = np.zeros((8, 8, 3), np.uint8)
    red[..., 0] = 255
    for steps in (1, 2, 3):
        assert stream.logits(red) == pytest.approx(WEIGHTS @ [steps, 0, 0], abs=1e-5)
    stream.reset()
    assert stream.logits(red) == pytest.approx(WEIGHTS @ [1, 0, 0], abs=1e-5)


def test_a_network_that_cannot_forget_says_so(tiny: Model) -> None:
    with pytest.raises(UsageError, match="only a prepared model"):
        tiny.stream(memory=3)
    tiny.stream(memory=float("inf"))
    with pytest.raises(UsageError, match="0 seconds or more"):
        tiny.stream(memory=-1)


# Labels.


def test_labels_from_a_file_a_list_or_the_model(tiny_path: Path, tmp_path: Path) -> None:
    file = tmp_path / "labels.txt"
    file.write_text("\ufeffrot\ngrün\nblau\nnichts\n\n", "utf-8")
    assert load_model(tiny_path, labels=file).manifest.labels == ("rot", "grün", "blau", "nichts")
    assert load_model(tiny_path, labels=LABELS).manifest.labels == LABELS
    tiny_path.write_bytes(write(tiny_model(), Manifest(name="tiny", labels=LABELS, fps=7)))
    assert load_model(tiny_path).manifest.labels == LABELS
    assert load_model(tiny_path, labels=file).manifest.fps == 7


def test_a_published_file_brings_kinetics_600(published: Model) -> None:
    assert len(published.manifest.labels) == 600
    assert published.manifest.labels[0] == "abseiling"
    assert published.manifest.labels[-1] == "zumba"


@pytest.mark.parametrize("text", ["red\ngreen\nblue\n", "a\nb\nc\nd\ne\n"])
def test_too_few_or_too_many_labels(tiny_path: Path, tmp_path: Path, text: str) -> None:
    file = tmp_path / "labels.txt"
    file.write_text(text)
    count = len(text.split())
    with pytest.raises(LabelsError, match=f"it has 4 classes, the labels name {count}"):
        load_model(tiny_path, labels=file)


def test_labels_that_cannot_be_read(tiny_path: Path, tmp_path: Path) -> None:
    with pytest.raises(LabelsError, match="No such file"):
        load_model(tiny_path, labels=tmp_path / "none.txt")
    file = tmp_path / "labels.txt"
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(LabelsError, match=r"labels\.txt"):
        load_model(tiny_path, labels=file)
    with pytest.raises(LabelsError, match="4 classes and no labels"):
        load_model(tiny_path)


# Bad files.


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-200])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def text(path: Path) -> None:
    path.write_text("not a model\n" * 50)


@pytest.mark.parametrize("damage", [truncate, empty, text])
def test_a_damaged_file_is_refused_by_name(tiny_path: Path, damage: Callable[[Path], None]) -> None:
    damage(tiny_path)
    with pytest.raises(ModelError, match=r"tiny\.tflite: "):
        load_model(tiny_path)


def test_a_graph_that_the_runtime_refuses(tiny_path: Path) -> None:
    def wrong_axis(model: Any) -> None:
        model.buffers[1].data = np.frombuffer(np.array([1, 2, 9], np.int32).tobytes(), np.uint8)

    tiny_path.write_bytes(tiny_model(wrong_axis))
    with pytest.raises(ModelError, match="runtime refuses"):
        load_model(tiny_path, labels=LABELS)


def test_backends_are_checked(tiny_path: Path) -> None:
    with pytest.raises(UsageError, match="no backend 'gpu'"):
        load_model(tiny_path, labels=LABELS, backend="gpu")
    with pytest.raises(UsageError, match="threads"):
        load_model(tiny_path, labels=LABELS, threads=0)
    try:
        import tflite_runtime  # noqa: F401
    except ImportError:
        with pytest.raises(MissingDependencyError, match="pip install tflite-runtime"):
            load_model(tiny_path, labels=LABELS, backend="tflite-runtime")


@pytest.mark.parametrize("weight", [np.nan, np.inf])
def test_logits_that_are_no_numbers_are_an_error_at_the_first_step(
    tmp_path: Path, weight: float
) -> None:
    def spoil(model: Any) -> None:
        values = np.full((len(LABELS), 3), weight, np.float32)
        model.buffers[2].data = np.frombuffer(values.tobytes(), np.uint8)

    content = tiny_model(spoil)
    running = open_backend(content)
    spoilt = Model(Manifest("spoilt", LABELS), signature.of(flatbuffer.read(content)), running)
    with pytest.raises(ModelError, match="spoilt computes logits that are infinite or no numbers"):
        spoilt.stream().step(Frame(PICTURES[0], 0.0, 0))


# Memory.


def test_memory_decides_how_far_the_past_reaches(mini_prepared: Model) -> None:
    """Two pasts that differ, then the same pictures: after the memory's length nothing is left."""

    def last(past: Sequence[NDArray[np.uint8]], memory: float) -> NDArray[np.float32]:
        stream = mini_prepared.stream(memory=memory, follow_scene=False)
        logits: NDArray[np.float32] = logits_of(stream, [*past, *PICTURES * 8])[-1]
        return logits

    differences = {
        memory: np.abs(last(PICTURES, memory) - last(OTHERS, memory)).max()
        for memory in (0, 1, 100, float("inf"))
    }
    assert differences[0] == 0
    assert differences[1] < differences[100] / 3
    assert differences[float("inf")] >= differences[100] > 0


def test_after_a_cut_the_past_counts_as_one_frame(mini_prepared: Model) -> None:
    dark, bright = [np.full((60, 80, 3), 20, np.uint8)] * 20, PICTURES

    def tail(
        past: Sequence[NDArray[np.uint8]], follow_scene: bool | None = None
    ) -> NDArray[np.float32]:
        stream = mini_prepared.stream(memory=10, follow_scene=follow_scene)
        logits: NDArray[np.float32] = logits_of(stream, [*past, *bright])[-1]
        return logits

    fresh = tail([])
    followed, carried = tail(dark), tail(dark, follow_scene=False)
    assert np.abs(followed - fresh).max() < np.abs(carried - fresh).max()


def test_a_published_file_is_prepared_on_the_way_and_once(
    published_path: Path, published: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert published.signature.alpha is not None
    assert published.manifest.memory_s < float("inf")
    assert published.manifest.provenance["source_sha256"]
    as_it_is = load_model(published_path, prepare=False)
    assert as_it_is.signature.alpha is None
    monkeypatch.setitem(sys.modules, "edgevid.prepare", None)  # a second time it is not needed
    again = load_model(published_path)
    assert again.manifest == published.manifest


def test_a_file_that_cannot_be_prepared_runs_as_it_is(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def two_signatures(model: Any) -> None:
        other = copy.copy(model.signatureDefs[0])
        other.signatureKey = b"other"
        model.signatureDefs.append(other)

    path = tmp_path / "tiny.tflite"
    path.write_bytes(tiny_model(two_signatures))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for _ in ("the first time", "and each time after"):
        caplog.clear()
        model = load_model(path, labels=LABELS)
        assert "runs as it is" in caplog.text
        assert "has 2 signatures" in caplog.text
        model.stream().logits(PICTURES[0])


def test_labels_given_once_are_not_kept_for_the_next_time(tmp_path: Path) -> None:
    path = tmp_path / "mini.tflite"
    path.write_bytes(mini_movinet(int8=False))
    names = [("a", "b", "c", "d"), ("e", "f", "g", "h")]
    assert [load_model(path, labels=labels).manifest.labels for labels in names] == names
    with pytest.raises(LabelsError, match="no labels"):
        load_model(path)
