"""One contract for every runtime that can execute a model.

Those installed beside pytest are tested in this process. Runtimes that cannot be (tflite-runtime
needs numpy 1) are compared through other Pythons, named in EDGEVID_PYTHONS as a PATH is.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from numpy.typing import NDArray

from benchmarks.parts.tiny_model import SIZE, WEIGHTS, tiny_model
from edgevid import MissingDependencyError, ModelError, UsageError, load_model
from edgevid.modelfile import flatbuffer, signature
from edgevid.prepare import prepare
from edgevid.runtime.backends import NAMES, Backend, InterpreterBackend, open_backend
from edgevid.runtime.model import Model
from edgevid.runtime.pace import Pace
from edgevid.sources import open_source

PRINT_LOGITS = Path(__file__).with_name("print_logits.py")


def opened(name: str, content: bytes, threads: int = 1) -> Backend:
    try:
        return open_backend(content, name=name, threads=threads)
    except MissingDependencyError as error:
        pytest.skip(str(error))


def step(backend: Backend, image: NDArray[np.float32]) -> NDArray[np.float32]:
    """One step of the tiny model, by its tensors."""
    network = signature.of(flatbuffer.read(tiny_model()))
    np.copyto(backend.tensor(network.image.index), image)
    for state in network.states:
        np.copyto(backend.tensor(state.input.index), backend.tensor(state.output.index))
    backend.invoke()
    logits: NDArray[np.float32] = backend.tensor(network.result.index).copy()
    return logits


class MovingInterpreter:
    """Puts its tensors elsewhere whenever it runs, as those with open shapes may."""

    def __init__(self) -> None:
        self.arrays = [np.zeros(3, np.float32)]
        self.kept: list[NDArray[np.float32]] = []

    def allocate_tensors(self) -> None:
        pass

    def get_output_details(self) -> list[dict[str, int]]:
        return [{"index": 0}]

    def tensor(self, index: int) -> Callable[[], NDArray[np.float32]]:
        return lambda: self.arrays[index]

    def invoke(self) -> None:
        self.kept += self.arrays  # the old memory stays alive, so the new is another
        self.arrays = [self.arrays[0] + 1]


def test_views_follow_tensors_that_move() -> None:
    backend = InterpreterBackend(MovingInterpreter())
    for count in (1, 2, 3):
        assert backend.tensor(0).tolist() == [count - 1] * 3
        backend.invoke()
        assert backend.tensor(0).tolist() == [count] * 3


@pytest.mark.parametrize("name", NAMES)
def test_tensors_are_views_and_steps_add_up(name: str) -> None:
    backend = opened(name, tiny_model())
    network = signature.of(flatbuffer.read(tiny_model()))
    for state in network.states:
        backend.tensor(state.output.index).fill(0)
    colours = np.array([[0.9, 0.1, 0.2], [0.3, 0.6, 0.1]], np.float32)
    for count in (1, 2):
        image = np.broadcast_to(colours[count - 1], (*network.image.shape[:-3], SIZE, SIZE, 3))
        logits = step(backend, image)
        assert logits[0] == pytest.approx(WEIGHTS @ colours[:count].sum(axis=0), abs=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_threads_do_not_change_the_result(name: str, published_path: Path) -> None:
    content = published_path.read_bytes()
    network = signature.of(flatbuffer.read(content))
    image = np.random.default_rng(0).random(network.image.shape, np.float32)
    results = []
    for threads in (1, 2):
        backend = opened(name, content, threads)
        for state in (*network.states, *network.idle):
            backend.tensor(state.input.index).fill(state.initial)
        np.copyto(backend.tensor(network.image.index), image)
        backend.invoke()
        results.append(backend.tensor(network.result.index).copy())
    assert (results[0] == results[1]).all()
    assert np.ptp(results[0]) > 1


@pytest.mark.parametrize("name", NAMES)
def test_a_network_that_the_runtime_refuses(name: str) -> None:
    def with_unknown_operation(model: Any) -> None:
        model.operatorCodes[0].customCode = b"NoSuchOperation"
        model.operatorCodes[0].builtinCode = model.operatorCodes[0].deprecatedBuiltinCode = 32

    opened(name, tiny_model())  # skips where there is no such runtime
    with pytest.raises(ModelError, match="refuses the model") as caught:
        open_backend(tiny_model(with_unknown_operation), name=name)
    assert "\n" not in str(caught.value)


def test_wrong_requests() -> None:
    with pytest.raises(UsageError, match="no backend 'onnx': choose auto, litert"):
        open_backend(tiny_model(), name="onnx")
    with pytest.raises(UsageError, match="threads must be 1 or more"):
        open_backend(tiny_model(), threads=0)


@pytest.mark.parametrize(
    ("name", "module", "command"),
    [
        ("litert", "ai_edge_litert.interpreter", "pip install ai-edge-litert"),
        ("tflite-runtime", "tflite_runtime.interpreter", "pip install tflite-runtime 'numpy<2'"),
        ("tensorflow", "tensorflow", "pip install tensorflow"),
    ],
)
def test_a_missing_runtime_names_the_command(
    name: str, module: str, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)  # as if it were not installed
    with pytest.raises(MissingDependencyError) as caught:
        open_backend(tiny_model(), name=name)
    assert str(caught.value).endswith(command)
    assert "\n" not in str(caught.value)


def test_auto_names_all_that_it_tried_and_never_loads_tensorflow(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for module in ("ai_edge_litert.interpreter", "tflite_runtime.interpreter"):
        monkeypatch.setitem(sys.modules, module, None)
    loaded = "tensorflow" in sys.modules
    with pytest.raises(MissingDependencyError, match=r"litert .*; or tflite-runtime "):
        open_backend(tiny_model())
    assert ("tensorflow" in sys.modules) == loaded


@pytest.fixture
def pythons() -> list[str]:
    named = [name for name in os.environ.get("EDGEVID_PYTHONS", "").split(os.pathsep) if name]
    if not named:
        pytest.skip("no other Pythons are named in EDGEVID_PYTHONS")
    return named


def test_the_runtimes_agree_on_a_real_clip(
    pythons: list[str], published_path: Path, carving_ice: Path, tmp_path: Path
) -> None:
    """Two kernels round differently, and a network carries that on; the same kernels may not.

    LiteRT and TensorFlow run XNNPACK's kernels, tflite-runtime the ones built in, which LiteRT
    has too. So each runtime must give what LiteRT gives with one kind or the other, to within
    int8 rounding: two steps of the grid on which the logits lie.
    """
    published = load_model(published_path, prepare=False)
    pictures = pictures_at(carving_ice, published.manifest.fps)
    built_in = InterpreterBackend(
        Interpreter(
            str(published_path),
            experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        )
    )
    expected = [
        logits_of(published, pictures),
        logits_of(Model(published.manifest, published.signature, built_in), pictures),
    ]
    spacings = np.diff(np.unique(expected))
    grid = spacings[spacings > 1e-3].min()  # less is float32's own rounding
    for name, logits in logits_elsewhere(pythons, published_path, pictures, tmp_path):
        nearest = min(np.abs(logits - one).max() for one in expected)
        assert nearest <= 2.01 * grid, f"{name}: {nearest / grid:.1f} steps"


def test_the_runtimes_agree_on_a_prepared_model(
    pythons: list[str], published: Model, published_path: Path, carving_ice: Path, tmp_path: Path
) -> None:
    """Its float islands leave each runtime more ways to round: what counts is what it says."""
    assert published.signature.alpha is not None
    path = tmp_path / "prepared.tflite"
    path.write_bytes(prepare(published_path.read_bytes(), name="a0").data)
    pictures = pictures_at(carving_ice, published.manifest.fps)
    expected = logits_of(load_model(path, prepare=False), pictures)
    for name, logits in logits_elsewhere(pythons, path, pictures, tmp_path):
        assert (logits.argmax(axis=1) == expected.argmax(axis=1)).mean() > 0.9, name
        assert np.abs(probabilities(logits) - probabilities(expected)).max() < 0.2, name


def probabilities(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    weights: NDArray[np.float32] = np.exp(logits - logits.max(axis=1, keepdims=True))
    weights /= weights.sum(axis=1, keepdims=True)
    return weights


def logits_elsewhere(
    pythons: list[str], model: Path, pictures: list[NDArray[np.uint8]], folder: Path
) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """Yields what each runtime of each other Python makes of some pictures."""
    np.save(folder / "clip.npy", pictures)
    for python in pythons:
        command = [python, str(PRINT_LOGITS), str(model), str(folder / "clip.npy")]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        answer = json.loads(done.stdout)
        assert answer, f"{python} has no runtime"
        for name, logits in answer.items():
            yield f"{name} of {python}", np.array(logits, np.float32)


def logits_of(model: Model, pictures: list[NDArray[np.uint8]]) -> NDArray[np.float32]:
    stream = model.stream()
    return np.array([stream.logits(picture) for picture in pictures])


def pictures_at(path: Path, fps: float) -> list[NDArray[np.uint8]]:
    pace = Pace(fps)
    with open_source(path) as source:
        return [frame.image for frame in source if pace.due(frame.timestamp)]
