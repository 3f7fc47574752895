"""Events on their way from the watcher to all who listen. Thread-safe.

A listener is called for each event, so none is lost; it must be quick, since the watcher waits for
it: put the event in a queue.
"""

from __future__ import annotations

import logging
import threading
import uuid
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from apps.raspberry_pi.clock import unix_time
from edgevid import Event

_LOG = logging.getLogger("edgevid.service")

Listener = Callable[["CameraEvent"], None]

_RECENT = 200  # events that are kept to be looked at


@dataclass(frozen=True, slots=True)
class CameraEvent:
    """An action started or ended in front of a camera.

    Attributes:
        camera: its name.
        event: what happened; its timestamp is on the monotonic clock.
        at: the same moment, Unix seconds.
        id: no other event has it, on this device or another.
        reason: why it ended, where that was not what is seen; else empty.
    """

    camera: str
    event: Event
    at: float
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    reason: str = ""


class EventBus:
    """Hands each event to its keepers first, then to its listeners."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._keepers: list[Listener] = []
        self._listeners: list[Listener] = []
        self._recent: deque[CameraEvent] = deque(maxlen=_RECENT)

    def publish(self, camera: str, event: Event, reason: str = "") -> None:
        """An action started or ended in front of a camera; perhaps for a reason of our own."""
        found = CameraEvent(camera, event, unix_time(event.timestamp), reason=reason)
        with self._lock:
            keepers = list(self._keepers)
        _pass_on(found, keepers)
        with self._lock:
            self._recent.append(found)
            listeners = list(self._listeners)
        _pass_on(found, listeners)

    def recent(self) -> list[CameraEvent]:
        """Returns the last events, oldest first."""
        with self._lock:
            return list(self._recent)

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


def _pass_on(found: CameraEvent, listeners: Iterable[Listener]) -> None:
    for listener in listeners:
        try:
            listener(found)
        except Exception:  # the watching goes on, and so do the others
            _LOG.exception("an event is not passed on to %r", listener)
