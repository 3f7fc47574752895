"""Where everything meets: the watcher publishes, whoever wants to know reads or listens.

Thread-safe. Of pictures and predictions only the newest are kept. A listener is called for each
event, so none is lost; it must be quick, since the watcher waits for it: put it in a queue.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from apps.raspberry_pi.pictures import jpeg
from edgevid import Event, Frame, Prediction, Score, draw
from edgevid.support.percentiles import Percentiles

_LOG = logging.getLogger("edgevid.service")

State = Literal["starting", "live", "lost"]
Listener = Callable[["CameraEvent"], None]

BOUNDS_S = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)  # of the histograms

_RECENT = 200  # events that are kept to be looked at


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
        state: ``starting`` until its first frame, ``live`` while frames come, else ``lost``.
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
    seen: float | None = None


@dataclass(frozen=True, slots=True)
class CameraEvent:
    """An action started or ended in front of a camera.

    Attributes:
        camera: its name.
        event: what happened; its timestamp is on the monotonic clock.
        at: the same moment, Unix seconds.
        id: no other event has it, on this device or another.
    """

    camera: str
    event: Event
    at: float
    id: str = field(default_factory=lambda: uuid.uuid4().hex)


@dataclass(frozen=True, slots=True)
class Shot:
    """A labelled picture: JPEG, and a number that is another for each picture."""

    jpeg: bytes
    number: int


class Hub:
    """The meeting point of one service.

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
        self._views = {name: _View(name) for name in names}
        self._keepers: list[Listener] = []
        self._listeners: list[Listener] = []
        self._recent: deque[CameraEvent] = deque(maxlen=_RECENT)

    # For whoever wants to know; from any thread.

    def cameras(self) -> list[CameraStatus]:
        """Returns how each camera is."""
        with self._lock:
            return [view.snapshot() for view in self._views.values()]

    def camera(self, name: str) -> CameraStatus | None:
        """Returns how one camera is; None when there is none of that name."""
        with self._lock:
            view = self._views.get(name)
            return view.snapshot() if view else None

    def recent(self) -> list[CameraEvent]:
        """Returns the last events, oldest first."""
        with self._lock:
            return list(self._recent)

    def shot(self, name: str) -> Shot | None:
        """Returns a camera's newest picture with its labels, drawn now if nobody asked before.

        None when there is no such camera, or no picture of it yet.
        """
        view = self._views.get(name)
        if view is None:
            return None
        with view.drawing:  # two who look at once cost one drawing
            with self._lock:
                newest, predictions = view.frame, view.predictions
                number, seen = view.number, view.status.seen
            if newest is None:
                return None
            if view.shot is None or view.shot.number != number:
                clock = time.strftime("%H:%M:%S", time.localtime(seen))
                tracks = [one for one in predictions if one.track is not None]
                whole = predictions[0] if predictions and not tracks else None
                view.shot = Shot(jpeg(draw(newest, whole, time=clock, tracks=tracks)), number)
            return view.shot

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Has a listener called with each event from now on; returns what ends that.

        It is called from the watcher's thread: it must be quick. What it raises is logged.
        """
        return self._enter(self._listeners, listener)

    def keep(self, keeper: Listener) -> Callable[[], None]:
        """Has a keeper called with each event before anything else is done with it.

        It puts the event where no crash takes it, and the watcher waits for that.
        """
        return self._enter(self._keepers, keeper)

    def _enter(self, listeners: list[Listener], listener: Listener) -> Callable[[], None]:
        with self._lock:
            listeners.append(listener)

        def leave() -> None:
            with self._lock:
                if listener in listeners:
                    listeners.remove(listener)

        return leave

    # For the watcher and the cameras.

    def turned(self, name: str, state: State, problem: str = "") -> bool:
        """A camera is in a state; returns whether that is news."""
        with self._lock:
            view = self._views[name]
            before = view.status
            if (before.state, before.problem) == (state, problem):
                return False
            view.status = replace(
                before,
                state=state,
                since=time.time() if state != before.state else before.since,
                problem=problem,
                losses=before.losses + (state == "lost" and before.state != "lost"),
                scores=before.scores if state == "live" else (),
            )
            return True

    def stepped(
        self,
        name: str,
        frame: Frame,
        predictions: Sequence[Prediction],
        *,
        skipped: int = 0,
        saved: int = 0,
    ) -> None:
        """The model has looked at a frame.

        Args:
            name: the camera.
            frame: what it saw.
            predictions: what the model says of it: one, or one for each track.
            skipped: ticks that went by before it.
            saved: predictions that stood without a step.
        """
        late = max(0.0, time.monotonic() - frame.timestamp)
        steps = [prediction.inference_ms for prediction in predictions if prediction.inference_ms]
        best = max(predictions, key=lambda one: one.top.probability, default=None)
        with self._lock:
            view = self._views[name]
            view.frame, view.predictions = frame, tuple(predictions)
            view.number += 1
            view.latency.add(late * 1000)
            inference = view.status.inference
            for step in steps:
                view.inference.add(step)
                inference = inference.plus(step / 1000)
            view.status = replace(
                view.status,
                steps=view.status.steps + len(predictions) - saved,
                saved=view.status.saved + saved,
                tracks=sum(prediction.track is not None for prediction in predictions),
                skipped=view.status.skipped + skipped,
                latency=view.status.latency.plus(late),
                inference=inference,
                scores=best.scores if best is not None else (),
                seen=time.time() - late,
            )

    def happened(self, name: str, event: Event) -> None:
        """An action started or ended."""
        age = time.monotonic() - event.timestamp
        found = CameraEvent(name, event, time.time() - age)
        with self._lock:
            keepers = list(self._keepers)
        _pass_on(found, keepers)
        with self._lock:
            view = self._views[name]
            this = (event.track, event.label)
            view.active = [one for one in view.active if one != this]
            view.active += [this] if event.state == "start" else []
            active = tuple(dict.fromkeys(label for _, label in view.active))
            view.status = replace(view.status, active=active)
            self._recent.append(found)
            listeners = list(self._listeners)
        _pass_on(found, listeners)


def _pass_on(found: CameraEvent, listeners: Iterable[Listener]) -> None:
    for listener in listeners:
        try:
            listener(found)
        except Exception:  # the watching goes on, and so do the others
            _LOG.exception("an event is not passed on to %r", listener)


class _View:
    """What is known of one camera."""

    def __init__(self, name: str) -> None:
        self.status = CameraStatus(name, "starting", time.time())
        self.frame: Frame | None = None
        self.predictions: tuple[Prediction, ...] = ()
        self.number = 0  # of the newest picture
        self.active: list[tuple[int | None, str]] = []  # who does what
        self.latency, self.inference = Percentiles(), Percentiles()
        self.drawing = threading.Lock()
        self.shot: Shot | None = None

    def snapshot(self) -> CameraStatus:
        return replace(
            self.status,
            latency_ms=_percentiles(self.latency),
            inference_ms=_percentiles(self.inference),
        )


def _percentiles(measured: Percentiles) -> dict[str, float]:
    return {f"p{percent}": round(measured.at(percent), 3) for percent in (50, 95, 99)}
