"""A model, and the streams that run on it.

A model never changes and is shared; what a stream remembers belongs to the stream. Any number
of streams take turns on one model, from any thread, and do not affect one another.
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

from edgevid.errors import ModelError, UsageError
from edgevid.modelfile.manifest import Manifest
from edgevid.modelfile.signature import Signature, check_steps
from edgevid.records import Box, Frame, Prediction
from edgevid.runtime.backends import Backend
from edgevid.runtime.head import HeadState
from edgevid.runtime.preprocess import Preprocess
from edgevid.runtime.scenes import CUT, Description, SceneWatch
from edgevid.runtime.topk import TopK


class Model:
    """A network that is ready to run, and its manifest. Made by ``edgevid.load_model``.

    Attributes:
        manifest: what the network expects and means.
        signature: the tensors by which it is driven.

    Example:
        >>> model = edgevid.load_model("camera-motion")
        >>> model.manifest.fps, len(model.manifest.labels)
        (5.0, 11)
    """

    def __init__(self, manifest: Manifest, signature: Signature, backend: Backend) -> None:
        check_steps(signature)
        self.manifest = manifest
        self.signature = signature
        self._backend = backend
        self._lock = threading.Lock()
        self._resident: Stream | None = None  # whose state the backend's tensors hold
        self._moves = _Moves(backend, signature)
        for state in signature.idle:
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
        head = self.manifest.head
        if memory is None:
            memory = self.manifest.memory_s
        if follow_scene is None:
            follow_scene = self.manifest.follow_scene
        if not memory >= 0:
            raise UsageError(f"memory must be 0 seconds or more, not {memory}")
        if head is not None and memory != self.manifest.memory_s:
            raise UsageError(
                f"{self.manifest.name} was taught with the memory that it has: it cannot be set"
            )
        if head is None and self.signature.alpha is None and memory != math.inf:
            raise UsageError(
                f"{self.manifest.name} averages over all it ever saw: only a prepared model "
                "has a memory that can be set"
            )
        return Stream(
            self,
            Preprocess(
                self.signature.height,
                self.signature.width,
                fit=fit or self.manifest.fit,
                crop=crop,
            ),
            TopK(
                self.manifest.labels,
                top_k=top_k,
                allow=allow,
                deny=deny,
                independent=head is not None,
            ),
            max(1.0, memory * self.manifest.fps),
            SceneWatch(self.manifest.fps) if follow_scene and memory < math.inf else None,
            HeadState(head) if head is not None else None,
        )

    def _run(self, stream: Stream, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Moves one stream on by one frame; returns its logits ``[classes]``.

        Raises:
            ModelError: the network computes no numbers.
        """
        tensor, network = self._backend.tensor, self.signature
        logits: NDArray[np.float32]
        with self._lock:
            pixels = stream._preprocess.fit(image)
            stream._preprocess.write(pixels, tensor(network.image.index))
            sees_cut = stream._sees_cut(pixels)
            self._place_state(stream)
            if sees_cut:  # then the last frames are of no use to this one
                for state in network.states:
                    if not state.is_running_mean:
                        tensor(state.input.index).fill(state.initial)
                if stream._head is not None:
                    stream._head.means.clear()
            if network.alpha is not None:
                tensor(network.alpha.index)[0] = stream._alpha()
            self._backend.invoke()
            if stream._head is not None and network.features is not None:
                logits = stream._head.step(tensor(network.features.index).reshape(-1))
            elif network.logits is not None:
                logits = tensor(network.logits.index)[0].copy()
        if not np.isfinite(logits).all():
            raise ModelError(
                f"{self.manifest.name or 'the model'} computes logits that are infinite or no "
                "numbers (NaN): its file is damaged, or it was trained badly; use another"
            )
        return logits

    def _place_state(self, stream: Stream) -> None:
        """Puts a stream's state into the network's inputs."""
        if self._resident is stream:
            self._moves.make()
        else:
            self._evict()
            for state, values in zip(self.signature.states, stream._state, strict=True):
                np.copyto(self._backend.tensor(state.input.index), values)
            self._resident = stream

    def _evict(self) -> None:
        """Hands the resident stream its state, so that another can take its place."""
        stream, self._resident = self._resident, None
        if stream is not None:
            self._keep_features(stream)
            for state, values in zip(self.signature.states, stream._state, strict=True):
                np.copyto(values, self._backend.tensor(state.output.index))

    def _features(self, stream: Stream) -> NDArray[np.float32] | None:
        """Returns a copy of what the network made of a stream's last frame; None before it."""
        with self._lock:
            if self._resident is stream:
                self._keep_features(stream)
            return stream._features

    def _keep_features(self, resident: Stream) -> None:
        # Only when they are asked for, or before they are lost: few streams' ever are.
        if self.signature.features is not None:
            tensor = self._backend.tensor(self.signature.features.index)
            resident._features = tensor.reshape(-1).copy()

    def _release(self, stream: Stream) -> None:
        """Makes sure that a stream holds its own state."""
        with self._lock:
            if self._resident is stream:
                self._evict()


class _Moves:
    """The copies from what came out of a step to what goes into the next.

    As bytes: between two ``memoryview`` that takes hardly longer than the copy itself.
    """

    def __init__(self, backend: Backend, signature: Signature) -> None:
        self._tensor = backend.tensor
        self._places = [(state.input.index, state.output.index) for state in signature.states]
        self._first: NDArray[Any] | None = None  # a view for which the pairs hold
        self._pairs: list[tuple[memoryview, memoryview]] = []

    def make(self) -> None:
        """Copies all, in their order."""
        if not self._places:
            return
        first = self._tensor(self._places[0][0])
        if first is not self._first:  # the backend has put its tensors elsewhere
            self._pairs = [
                (self._tensor(into).data.cast("B"), self._tensor(out).data.cast("B"))
                for into, out in self._places
            ]
            self._first = first
        for into, out in self._pairs:
            into[:] = out


@dataclass(frozen=True, slots=True, eq=False)
class StreamState:
    """What a stream remembers at one moment.

    Attributes:
        arrays: the network's states.
        counted: for how many frames the past counts in a running mean.
        scene: what the last pictures looked like.
        head: the last frames' features, float32 ``[frames, features]``, in a model that was
            taught; else None.

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
    head: NDArray[np.float32] | None = None


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
        ranking: TopK,
        memory_frames: float,
        scenes: SceneWatch | None,
        head: HeadState | None,
    ) -> None:
        self.model = model
        self._preprocess = preprocess
        self._ranking = ranking
        self._memory_frames = memory_frames
        self._scenes = scenes
        self._head = head
        self._features: NDArray[np.float32] | None = None
        self._counted: float = 0
        self._state = tuple(
            np.full(state.input.shape, state.initial, state.input.dtype)
            for state in model.signature.states
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
        """Takes one more frame and returns the prediction after it.

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
            float32 ``[classes]``, before softmax; in a model that was taught before the logistic
            function.
        """
        logits = self.model._run(self, image)
        self._counted += 1
        return logits

    @property
    def features(self) -> NDArray[np.float32]:
        """What the network knew of the last frame before its classifier: float32 ``[features]``.

        Whatever the stream's memory is, they are of that frame (and the fraction of a second
        before it that the network's own convolutions see), not of the mean over all.

        Raises:
            UsageError: there was no frame yet, or the model gives none.
        """
        if self.model.signature.features is None:
            raise UsageError(
                f"{self.model.manifest.name or 'the model'} gives no features: only a published "
                "model that was prepared by this edgevid does, or one that was taught"
            )
        features = self.model._features(self)
        if features is None:
            raise UsageError("there are no features before the first frame")
        return features

    def _sees_cut(self, pixels: NDArray[np.uint8]) -> bool:
        """Lets the past count for as long as the scene lasts; returns whether it was cut short."""
        if self._scenes is None:
            return False
        counts = self._scenes.look(pixels)
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
        if self._head is not None:
            self._head.means.clear()
        self._features = None
        for state, values in zip(self.model.signature.states, self._state, strict=True):
            values.fill(state.initial)

    def save(self) -> StreamState:
        """Returns a copy of what the stream remembers."""
        self.model._release(self)
        scene = tuple(self._scenes.seen) if self._scenes is not None else ()
        head = self._head.means.save() if self._head is not None else None
        arrays = tuple(values.copy() for values in self._state)
        return StreamState(arrays, self._counted, scene, head)

    def restore(self, state: StreamState) -> None:
        """Goes on from a saved moment, of this stream or another of the same model."""
        self.model._release(self)
        for values, saved in zip(self._state, state.arrays, strict=True):
            np.copyto(values, saved)
        self._counted = state.counted
        if self._scenes is not None:
            self._scenes.seen.clear()
            self._scenes.seen.extend(state.scene)
        if self._head is not None and state.head is not None:
            self._head.means.restore(state.head)

    def succeed(self, other: Stream) -> bool:
        """Goes on from what another stream remembers, where both models are of one network.

        A taught model's head begins anew, as it may look at features in another way.

        Args:
            other: of any model; it must not be used again.

        Returns:
            Whether the networks were the same; else nothing is changed.
        """
        sources = [one.model.manifest.provenance.get("source_sha256") for one in (self, other)]
        saved = other.save()
        known = dict(zip(_names(other), saved.arrays, strict=True))
        mine = list(zip(_names(self), self._state, strict=True))
        if sources[0] is None or sources[0] != sources[1]:
            return False
        if not all(
            name in known and (known[name].shape, known[name].dtype) == (values.shape, values.dtype)
            for name, values in mine
        ):
            return False
        arrays = tuple(known[name] for name, _ in mine)
        self.restore(StreamState(arrays, saved.counted, saved.scene))
        return True


def _names(stream: Stream) -> list[str]:
    return [state.input.name for state in stream.model.signature.states]
