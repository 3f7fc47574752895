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

from apps.raspberry_pi.alerts import Level, reaches
from apps.raspberry_pi.clock import unix_time
from edgevid import Event

_LOG = logging.getLogger("edgevid.service")

Listener = Callable[["CameraEvent"], None]
LevelOf = Callable[[str, Event, float], Level]
_Entry = tuple[Listener, Level]  # who listens, and from which level on

_RECENT = 200  # events that are kept to be looked at


@dataclass(frozen=True, slots=True)
class CameraEvent:
    """An action started or ended in front of a camera.

    Attributes:
        camera: its name.
        event: what happened; its timestamp is on the monotonic clock.
        at: the same moment, Unix seconds.
        id: no other event has it, on this device or another.
        level: how much it matters.
        reason: why it ended, where that was not what is seen; else empty.
    """

    camera: str
    event: Event
    at: float
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    level: Level = "show"
    reason: str = ""


class EventBus:
    """Hands each event to its keepers first, then to its listeners.

    Args:
        level_of: gives an event of a camera, at a moment in Unix seconds, its level.
    """

    def __init__(self, level_of: LevelOf = lambda camera, event, at: "show") -> None:
        self._level_of = level_of
        self._lock = threading.Lock()
        self._keepers: list[_Entry] = []
        self._listeners: list[_Entry] = []
        self._recent: deque[CameraEvent] = deque(maxlen=_RECENT)

    def publish(self, camera: str, event: Event, reason: str = "") -> None:
        """An action started or ended in front of a camera; perhaps for a reason of our own."""
        at = unix_time(event.timestamp)
        with self._lock:
            level = self._level_of(camera, event, at)
            keepers = list(self._keepers)
        found = CameraEvent(camera, event, at, level=level, reason=reason)
        _pass_on(found, keepers)
        with self._lock:
            if reaches(level, "show"):
                self._recent.append(found)
            listeners = list(self._listeners)
        _pass_on(found, listeners)

    def recent(self) -> list[CameraEvent]:
        """Returns the last events that are to be shown, oldest first."""
        with self._lock:
            return list(self._recent)

    def listen(self, listener: Listener, least: Level = "show") -> Callable[[], None]:
        """Has a listener called with each event from now on; returns what ends that.

        It is called from the watcher's thread: it must be quick. What it raises is logged.

        Args:
            listener: takes an event.
            least: the lowest level that it is to hear of.
        """
        return self._enter(self._listeners, (listener, least))

    def keep(self, keeper: Listener, least: Level = "show") -> Callable[[], None]:
        """Has a keeper called with each event before anything else is done with it.

        It puts the event where no crash takes it, and the watcher waits for that.

        Args:
            keeper: takes an event.
            least: the lowest level that it is to hear of.
        """
        return self._enter(self._keepers, (keeper, least))

    def _enter(self, entries: list[_Entry], entry: _Entry) -> Callable[[], None]:
        with self._lock:
            entries.append(entry)

        def leave() -> None:
            with self._lock:
                if entry in entries:
                    entries.remove(entry)

        return leave


def _pass_on(found: CameraEvent, entries: Iterable[_Entry]) -> None:
    for listener, least in entries:
        if not reaches(found.level, least):
            continue
        try:
            listener(found)
        except Exception:  # the watching goes on, and so do the others
            _LOG.exception("an event is not passed on to %r", listener)
