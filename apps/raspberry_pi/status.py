"""How each camera is: its state, what the model sees, and how long that takes. Thread-safe."""

from __future__ import annotations

import threading
import time
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from apps.raspberry_pi.clock import unix_time
from edgevid import Event, Frame, Prediction, Score
from edgevid.support.percentiles import Percentiles

State = Literal["starting", "live", "lost", "off"]

BOUNDS_S = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)  # of the histograms


@dataclass(frozen=True, slots=True)
class Histogram:
    """Durations counted by how long they were.

    Attributes:
        counts: for each of ``BOUNDS_S`` those that took no longer than it, but longer than the
            one before; at last those that took longer than them all.
        total_s: of all together, seconds.
    """

    counts: tuple[int, ...] = (0,) * (len(BOUNDS_S) + 1)
    total_s: float = 0.0

    def plus(self, seconds: float) -> Histogram:
        """Returns it with one more duration."""
        place = bisect_left(BOUNDS_S, seconds)
        counts = (*self.counts[:place], self.counts[place] + 1, *self.counts[place + 1 :])
        return Histogram(counts, self.total_s + seconds)


@dataclass(frozen=True, slots=True)
class CameraStatus:
    """How a camera is, at one moment.

    Attributes:
        name: from the config.
        state: ``starting`` until its first frame, ``live`` while frames come, ``off`` when it was
            told to rest, else ``lost``.
        since: when it came to that, Unix seconds.
        problem: one line that says why it is not live, else empty. Holds no password.
        steps: of the model, since the service started.
        saved: predictions that stood without a step, as nothing in the picture changed.
        tracks: how many are followed now.
        skipped: moments of the model's clock for which there was no frame or no time.
        losses: how often it was lost.
        latency_ms: ``p50``, ``p95``, ``p99`` of the milliseconds from a frame's capture to
            its prediction; 0 before the first.
        inference_ms: the same of the model's part of it.
        latency, inference: the same two as histograms.
        scores: the last prediction, best first, of several the surest; empty while the camera is
            not live, or nobody is there to follow.
        active: labels of the actions that are going on, in the order in which they started.
        watching: whether it is to watch; it is ``off`` soon after it is not.
        seen: when its newest frame was taken, Unix seconds; None before the first.
    """

    name: str
    state: State
    since: float
    problem: str = ""
    steps: int = 0
    saved: int = 0
    tracks: int = 0
    skipped: int = 0
    losses: int = 0
    latency_ms: Mapping[str, float] = field(default_factory=dict)
    inference_ms: Mapping[str, float] = field(default_factory=dict)
    latency: Histogram = field(default_factory=Histogram)
    inference: Histogram = field(default_factory=Histogram)
    scores: tuple[Score, ...] = ()
    active: tuple[str, ...] = ()
    watching: bool = True
    seen: float | None = None


class Status:
    """What there is to know of a service's cameras.

    Args:
        names: the cameras, in the order in which they are to be shown.
        model: what the model is called that watches them.

    Attributes:
        model: the same.
        problem: what is wrong with the service itself, empty while nothing is.
    """

    def __init__(self, names: Iterable[str], model: str = "") -> None:
        self.model = model
        self.problem = ""
        self._lock = threading.Lock()
        self._cameras = {name: _Camera(name) for name in names}

    def cameras(self) -> list[CameraStatus]:
        """Returns how each camera is."""
        with self._lock:
            return [camera.now() for camera in self._cameras.values()]

    def camera(self, name: str) -> CameraStatus | None:
        """Returns how one camera is; None when there is none of that name."""
        with self._lock:
            camera = self._cameras.get(name)
            return camera.now() if camera else None

    def set_state(self, name: str, state: State, problem: str = "") -> bool:
        """A camera is in a state; returns whether that is news."""
        with self._lock:
            camera = self._cameras[name]
            before = camera.status
            if (before.state, before.problem) == (state, problem):
                return False
            camera.status = replace(
                before,
                state=state,
                since=time.time() if state != before.state else before.since,
                problem=problem,
                losses=before.losses + (state == "lost" and before.state != "lost"),
                scores=before.scores if state == "live" else (),
            )
            return True

    def set_watching(self, name: str, on: bool) -> None:
        """A camera is to watch, or to rest."""
        with self._lock:
            camera = self._cameras[name]
            camera.status = replace(camera.status, watching=on)

    def record_step(
        self,
        name: str,
        frame: Frame,
        predictions: Sequence[Prediction],
        *,
        skipped: int = 0,
        saved: int = 0,
    ) -> None:
        """The model has looked at a frame; see ``Hub.record_step``."""
        late = max(0.0, time.monotonic() - frame.timestamp)
        surest = max(predictions, key=lambda one: one.top.probability, default=None)
        with self._lock:
            camera = self._cameras[name]
            camera.latency.add(late * 1000)
            inference = camera.status.inference
            for prediction in predictions:
                if prediction.inference_ms:  # a step was taken
                    camera.inference.add(prediction.inference_ms)
                    inference = inference.plus(prediction.inference_ms / 1000)
            camera.status = replace(
                camera.status,
                steps=camera.status.steps + len(predictions) - saved,
                saved=camera.status.saved + saved,
                tracks=sum(prediction.track is not None for prediction in predictions),
                skipped=camera.status.skipped + skipped,
                latency=camera.status.latency.plus(late),
                inference=inference,
                scores=surest.scores if surest is not None else (),
                seen=unix_time(frame.timestamp),
            )

    def record_event(self, name: str, event: Event) -> None:
        """An action started or ended in front of a camera."""
        this = (event.track, event.label)
        with self._lock:
            camera = self._cameras[name]
            camera.active = [one for one in camera.active if one != this]
            camera.active += [this] if event.state == "start" else []
            active = tuple(dict.fromkeys(label for _, label in camera.active))
            camera.status = replace(camera.status, active=active)


class _Camera:
    """What is known of one camera."""

    def __init__(self, name: str) -> None:
        self.status = CameraStatus(name, "starting", time.time())
        self.latency, self.inference = Percentiles(), Percentiles()
        self.active: list[tuple[int | None, str]] = []  # who does what

    def now(self) -> CameraStatus:
        return replace(
            self.status,
            latency_ms=_percentiles(self.latency),
            inference_ms=_percentiles(self.inference),
        )


def _percentiles(measured: Percentiles) -> dict[str, float]:
    return {f"p{percent}": round(measured.at(percent), 3) for percent in (50, 95, 99)}
