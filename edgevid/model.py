"""A model, and the streams that run on it.

A model never changes and is shared; what a stream remembers belongs to the stream. Any number
of streams take turns on one model, from any thread, and never mix.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgevid import interface, manifest, model_files, tflite
from edgevid.backends import Backend, open_backend
from edgevid.cuts import CutDetector, Description
from edgevid.errors import LabelsError, ModelError, UsageError
from edgevid.interface import Interface
from edgevid.manifest import Manifest
from edgevid.preprocess import Box, Preprocess
from edgevid.records import Frame, Prediction
from edgevid.scores import Ranking, softmax

_KINETICS_600 = "kinetics_600.txt"


def load_model(
    name_or_path: str | Path,
    *,
    labels: str | Path | Sequence[str] | None = None,
    threads: int = 1,
    backend: str = "auto",
) -> Model:
    """Loads a MoViNet streaming model.

    Args:
        name_or_path: a name that ``python -m edgevid.models`` lists, or a ``.tflite`` file.
        labels: a file with a label a line, or the labels themselves; from the model when None.
        threads: CPU threads for inference.
        backend: ``auto``, ``litert``, ``tflite-runtime`` or ``tensorflow``.

    Raises:
        ModelError: no such model, or a file that is damaged or no MoViNet stream.
        LabelsError: the labels cannot be read, or are more or fewer than the logits.
        DownloadError: the model had to be fetched, and could not.
        MissingDependencyError: the backend's library is not installed.
    """
    path = model_files.locate(name_or_path)
    try:
        data = _read(path)
        flatbuffer, _ = manifest.split(data)
        network = interface.of(tflite.read(flatbuffer))
        described = manifest.read(data) or Manifest(name=path.stem, labels=())
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from error
    chosen = _labels(labels) if labels is not None else described.labels
    chosen = chosen or _default_labels(network.classes, path)
    if len(chosen) != network.classes:
        raise LabelsError(
            f"{path}: the model has {network.classes} classes, the labels name {len(chosen)}"
        )
    loaded = open_backend(flatbuffer, name=backend, threads=threads)
    return Model(replace(described, labels=chosen), network, loaded)


class Model:
    """A network that is ready to run, and its manifest. Made by ``load_model``.

    Attributes:
        manifest: what the network expects and means.
        interface: the tensors by which it is driven.
    """

    def __init__(self, manifest: Manifest, interface: Interface, backend: Backend) -> None:
        self.manifest = manifest
        self.interface = interface
        self._backend = backend
        self._lock = threading.Lock()
        self._resident: Stream | None = None  # whose state the backend's tensors hold
        for state in interface.idle:
            backend.tensor(state.input.index).fill(state.initial)

    def stream(
        self,
        *,
        memory: float | None = None,
        forget_on_cut: bool = True,
        top_k: int = 5,
        allow: Collection[str] = (),
        deny: Collection[str] = (),
        fit: str | None = None,
        crop: Box | None = None,
    ) -> Stream:
        """Starts a stream: one camera's or one clip's passage through the model.

        Args:
            memory: seconds of the past that weigh in a prediction; 0 forgets at once, ``inf``
                never does; from the manifest when None.
            forget_on_cut: when the picture cuts to another scene, let all that was before count
                as one frame. Without effect where ``memory`` is ``inf``.
            top_k: how many labels a prediction gives.
            allow: give only these labels; all when empty.
            deny: never give these labels.
            fit: how a picture becomes the input's shape: ``crop``, ``stretch`` or
                ``letterbox``; from the manifest when None.
            crop: the part of each picture to look at: x, y, width, height in pixels.

        Raises:
            UsageError: a value that makes no sense for this model.
            LabelsError: ``allow`` or ``deny`` names a label that the model lacks.
        """
        if memory is None:
            memory = self.manifest.memory_s
        if not memory >= 0:
            raise UsageError(f"memory must be 0 seconds or more, not {memory}")
        if self.interface.alpha is None and memory != math.inf:
            raise UsageError(
                f"{self.manifest.name} averages over all it ever saw: only a prepared model "
                "has a memory that can be set"
            )
        return Stream(
            self,
            Preprocess(
                self.interface.height,
                self.interface.width,
                fit=fit or self.manifest.fit,
                crop=crop,
            ),
            Ranking(self.manifest.labels, top_k=top_k, allow=allow, deny=deny),
            max(1.0, memory * self.manifest.fps),
            CutDetector() if forget_on_cut and memory < math.inf else None,
        )

    def _run(self, stream: Stream, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Moves one stream on by one frame; returns its logits ``[classes]``."""
        tensor, network = self._backend.tensor, self.interface
        with self._lock:
            stream._preprocess(image, tensor(network.image.index))
            self._place_state(stream)
            if stream._sees_cut():
                for state in network.states:
                    if not state.is_running_mean:
                        tensor(state.input.index).fill(state.initial)
            if network.alpha is not None:
                tensor(network.alpha.index)[0] = stream._alpha()
            self._backend.invoke()
            logits: NDArray[np.float32] = tensor(network.logits.index)[0].copy()
            return logits

    def _place_state(self, stream: Stream) -> None:
        """Puts a stream's state into the network's inputs."""
        tensor, states = self._backend.tensor, self.interface.states
        if self._resident is stream:
            for state in states:
                np.copyto(tensor(state.input.index), tensor(state.output.index))
        else:
            self._evict()
            for state, values in zip(states, stream._state, strict=True):
                np.copyto(tensor(state.input.index), values)
            self._resident = stream

    def _evict(self) -> None:
        """Hands the resident stream its state, so that another can take its place."""
        stream, self._resident = self._resident, None
        if stream is not None:
            for state, values in zip(self.interface.states, stream._state, strict=True):
                np.copyto(values, self._backend.tensor(state.output.index))

    def _release(self, stream: Stream) -> None:
        """Makes sure that a stream holds its own state."""
        with self._lock:
            if self._resident is stream:
                self._evict()


@dataclass(frozen=True, slots=True, eq=False)
class StreamState:
    """What a stream remembers at one moment: an array a state, the steps, the last picture."""

    arrays: tuple[NDArray[Any], ...]
    steps: int
    scene: Description | None


class Stream:
    """One camera's or one clip's passage through a model. Made by ``Model.stream``.

    ``step`` on the frames of a clip, one by one, gives after the last what the network gives
    for the whole clip at once. Two streams of one model never influence each other. One stream
    belongs to one thread at a time.
    """

    def __init__(
        self,
        model: Model,
        preprocess: Preprocess,
        ranking: Ranking,
        memory_frames: float,
        cuts: CutDetector | None,
    ) -> None:
        self.model = model
        self._preprocess = preprocess
        self._ranking = ranking
        self._memory_frames = memory_frames
        self._cuts = cuts
        self._steps = 0
        self._state = tuple(
            np.full(state.input.shape, state.initial, state.input.dtype)
            for state in model.interface.states
        )

    def step(self, frame: Frame) -> Prediction:
        """Takes one more frame and says what is happening.

        Frames are expected at the model's own rate, ``model.manifest.fps``.
        """
        started = time.perf_counter()
        scores = self._ranking.top(softmax(self.logits(frame.image)))
        elapsed_ms = (time.perf_counter() - started) * 1000
        return Prediction(frame.timestamp, frame.index, scores, elapsed_ms)

    def logits(self, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Takes one more picture and returns the raw scores.

        Args:
            image: RGB, uint8, ``[height, width, 3]``.

        Returns:
            float32 ``[classes]``, before softmax.
        """
        logits = self.model._run(self, image)
        self._steps += 1
        return logits

    def _sees_cut(self) -> bool:
        """Whether the picture at hand cuts to another scene; all before then counts as one."""
        if self._cuts is None or not self._cuts.is_cut(self._preprocess.pixels):
            return False
        self._steps = min(self._steps, 1)
        return True

    def _alpha(self) -> float:
        """Returns the next frame's share in a mean over the last N; over all until there are N."""
        return 1 / min(self._steps + 1, self._memory_frames)

    def reset(self) -> None:
        """Forgets everything: what follows is as in a new stream."""
        self.model._release(self)
        self._steps = 0
        if self._cuts is not None:
            self._cuts.previous = None
        for state, values in zip(self.model.interface.states, self._state, strict=True):
            values.fill(state.initial)

    def save(self) -> StreamState:
        """Returns a copy of what the stream remembers."""
        self.model._release(self)
        scene = self._cuts.previous if self._cuts is not None else None
        return StreamState(tuple(values.copy() for values in self._state), self._steps, scene)

    def restore(self, state: StreamState) -> None:
        """Goes on from a saved moment, of this stream or another of the same model."""
        self.model._release(self)
        for values, saved in zip(self._state, state.arrays, strict=True):
            np.copyto(values, saved)
        self._steps = state.steps
        if self._cuts is not None:
            self._cuts.previous = state.scene


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > tflite.MAX_BYTES:
            raise ModelError(f"{path.stat().st_size >> 20} MB are too many for a MoViNet")
        return path.read_bytes()
    except OSError as error:
        raise ModelError(f"cannot be read: {error.strerror}") from error


def _labels(labels: str | Path | Sequence[str]) -> tuple[str, ...]:
    if not isinstance(labels, (str, Path)):
        return tuple(labels)
    try:
        return manifest.parse_labels(Path(labels).read_text("utf-8"))
    except OSError as error:
        raise LabelsError(f"{labels}: cannot be read: {error.strerror}") from error
    except (UnicodeDecodeError, LabelsError) as error:
        raise LabelsError(f"{labels}: {error}") from error


def _default_labels(classes: int, path: Path) -> tuple[str, ...]:
    """Returns the labels of a file that brings none: a published one, of Kinetics-600."""
    text = resources.files("edgevid").joinpath("labels", _KINETICS_600).read_text("utf-8")
    labels = manifest.parse_labels(text)
    if len(labels) != classes:
        raise LabelsError(f"{path} has {classes} classes and brings no labels: name a labels file")
    return labels
