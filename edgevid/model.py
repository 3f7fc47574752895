"""A model, and the streams that run on it.

A model never changes and is shared; what a stream remembers belongs to the stream. Any number
of streams take turns on one model, from any thread, and never mix.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgevid.backends import Backend
from edgevid.errors import ModelError, UsageError
from edgevid.interface import Interface
from edgevid.manifest import Manifest
from edgevid.preprocess import Preprocess
from edgevid.records import Box, Frame, Prediction
from edgevid.scenes import CUT, Description, SceneWatch
from edgevid.scores import Ranking


class Model:
    """A network that is ready to run, and its manifest. Made by ``edgevid.load_model``.

    Attributes:
        manifest: what the network expects and means.
        interface: the tensors by which it is driven.

    Example:
        >>> model = edgevid.load_model("camera-motion")
        >>> model.manifest.fps, len(model.manifest.labels)
        (5.0, 11)
    """

    def __init__(self, manifest: Manifest, interface: Interface, backend: Backend) -> None:
        self.manifest = manifest
        self.interface = interface
        self._backend = backend
        self._lock = threading.Lock()
        self._resident: Stream | None = None  # whose state the backend's tensors hold
        self._moves = [(state.input.index, state.output.index) for state in interface.states]
        for state in interface.idle:
            backend.tensor(state.input.index).fill(state.initial)

    def stream(
        self,
        *,
        memory: float | None = None,
        follow_scene: bool | None = None,
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
            follow_scene: when the picture changes to another scene, let what was before count
                for little; from the manifest when None. Without effect where ``memory`` is
                ``inf``.
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
        if follow_scene is None:
            follow_scene = self.manifest.follow_scene
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
            SceneWatch() if follow_scene and memory < math.inf else None,
        )

    def _run(self, stream: Stream, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Moves one stream on by one frame; returns its logits ``[classes]``.

        Raises:
            ModelError: the network computes no numbers.
        """
        tensor, network = self._backend.tensor, self.interface
        with self._lock:
            stream._preprocess(image, tensor(network.image.index))
            sees_cut = stream._sees_cut()
            self._place_state(stream)
            if sees_cut:  # then the last frames are of no use to this one
                for state in network.states:
                    if not state.is_running_mean:
                        tensor(state.input.index).fill(state.initial)
            if network.alpha is not None:
                tensor(network.alpha.index)[0] = stream._alpha()
            self._backend.invoke()
            logits: NDArray[np.float32] = tensor(network.logits.index)[0].copy()
        if not np.isfinite(logits).all():
            raise ModelError(
                f"{self.manifest.name or 'the model'} computes logits that are infinite or no "
                "numbers (NaN): its file is damaged, or it was trained badly; use another"
            )
        return logits

    def _place_state(self, stream: Stream) -> None:
        """Puts a stream's state into the network's inputs."""
        tensor, states = self._backend.tensor, self.interface.states
        if self._resident is stream:
            for into, out in self._moves:
                np.copyto(tensor(into), tensor(out))
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
    """What a stream remembers at one moment.

    Attributes:
        arrays: the network's states.
        counted: for how many frames the past counts in a running mean.
        scene: what the last pictures looked like.

    Example:
        >>> stream = edgevid.load_model("camera-motion").stream()
        >>> before = stream.save()
        >>> frame = edgevid.Frame(np.zeros((48, 64, 3), np.uint8), 0.0, 0)
        >>> first = stream.step(frame)
        >>> stream.restore(before)
        >>> stream.step(frame).scores == first.scores
        True
    """

    arrays: tuple[NDArray[Any], ...]
    counted: float
    scene: tuple[Description, ...]


class Stream:
    """One camera's or one clip's passage through a model. Made by ``Model.stream``.

    ``step`` on the frames of a clip, one by one, gives after the last what the network gives
    for the whole clip at once. Two streams of one model never influence each other. One stream
    belongs to one thread at a time.

    Example:
        >>> stream = edgevid.load_model("camera-motion").stream(top_k=3)
        >>> prediction = stream.step(edgevid.Frame(np.zeros((48, 64, 3), np.uint8), 0.0, 0))
        >>> prediction.top.label
        'covered'
    """

    def __init__(
        self,
        model: Model,
        preprocess: Preprocess,
        ranking: Ranking,
        memory_frames: float,
        scenes: SceneWatch | None,
    ) -> None:
        self.model = model
        self._preprocess = preprocess
        self._ranking = ranking
        self._memory_frames = memory_frames
        self._scenes = scenes
        self._counted: float = 0
        self._state = tuple(
            np.full(state.input.shape, state.initial, state.input.dtype)
            for state in model.interface.states
        )

    @property
    def memory_frames(self) -> float:
        """For how many frames the past weighs in a prediction; ``inf`` when it never forgets."""
        return self._memory_frames

    def view(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Returns the part of a picture that the network sees, in the picture's own pixels.

        Args:
            image: RGB, uint8, ``[height, width, 3]``.

        Raises:
            UsageError: the crop lies outside the picture.
        """
        return self._preprocess.view(image)

    def step(self, frame: Frame) -> Prediction:
        """Takes one more frame and says what is happening.

        Frames are expected at the model's own rate, ``model.manifest.fps``.

        Raises:
            ModelError: the network computes no numbers, at the first frame where it does.
        """
        started = time.perf_counter()
        scores = self._ranking.top(self.logits(frame.image))
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
        self._counted += 1
        return logits

    def _sees_cut(self) -> bool:
        """Lets the past count for as long as the scene lasts; returns whether it was cut short."""
        if self._scenes is None:
            return False
        counts = self._scenes.look(self._preprocess.pixels)
        self._counted = min(self._counted, counts)
        return counts == CUT

    def _alpha(self) -> float:
        """Returns the next frame's share in a mean over the last N; over all until there are N."""
        return 1 / min(self._counted + 1, self._memory_frames)

    def reset(self) -> None:
        """Forgets everything: what follows is as in a new stream."""
        self.model._release(self)
        self._counted = 0
        if self._scenes is not None:
            self._scenes.seen.clear()
        for state, values in zip(self.model.interface.states, self._state, strict=True):
            values.fill(state.initial)

    def save(self) -> StreamState:
        """Returns a copy of what the stream remembers."""
        self.model._release(self)
        scene = tuple(self._scenes.seen) if self._scenes is not None else ()
        return StreamState(tuple(values.copy() for values in self._state), self._counted, scene)

    def restore(self, state: StreamState) -> None:
        """Goes on from a saved moment, of this stream or another of the same model."""
        self.model._release(self)
        for values, saved in zip(self._state, state.arrays, strict=True):
            np.copyto(values, saved)
        self._counted = state.counted
        if self._scenes is not None:
            self._scenes.seen.clear()
            self._scenes.seen.extend(state.scene)
