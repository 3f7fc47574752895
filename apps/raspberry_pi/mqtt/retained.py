"""The topics that the broker retains for this service, so that outdated ones are cleared.

A broker keeps a retained message until it is cleared. A camera that is removed from the config
would stay in Home Assistant, shown as live. So the topics are written to the state folder before
they are published, and cleared when their camera is gone.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from edgevid import OutputError
from edgevid.support.atomic_file import atomic_file

_LOG = logging.getLogger("edgevid.mqtt")

_STATES = ("starting", "live", "lost", "off")


class Retained:
    """The topics under which this service has told something that brokers keep.

    Args:
        path: the file in which they are remembered.

    Attributes:
        topics: all of them.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._is_failing = False
        self.topics: frozenset[str] = frozenset()
        # Damaged: what the broker holds is looked at as well.
        with suppress(OSError, ValueError, RecursionError):
            found = json.loads(path.read_text("utf-8"))
            if isinstance(found, list):
                self.topics = frozenset(topic for topic in found if isinstance(topic, str))

    def add(self, topics: Iterable[str]) -> None:
        """Remembers topics; comes before they are told."""
        self._set(self.topics.union(topics))

    def remove(self, topic: str) -> None:
        """Forgets a topic; comes when the broker has cleared it."""
        self._set(self.topics - {topic})

    def _set(self, topics: frozenset[str]) -> None:
        if topics == self.topics:
            return
        self.topics = topics
        try:
            with atomic_file(self._path) as file:
                file.write(json.dumps(sorted(topics), indent=1).encode())
            self._is_failing = False
        except OutputError as error:
            if not self._is_failing:
                _LOG.error("%s", error)
            self._is_failing = True


def is_state(payload: bytes) -> bool:
    """Whether a message is a camera's state as this service tells it."""
    found = _read(payload)
    return found.get("state") in _STATES and "active" in found and "label" in found


def is_announcement(payload: bytes, availability: str) -> bool:
    """Whether a message announces a camera of a service to Home Assistant.

    Args:
        payload: the message.
        availability: the topic by which the service is known.
    """
    found = _read(payload)
    origin, given = found.get("origin"), found.get("availability")
    topics = (
        [one.get("topic") for one in given if isinstance(one, dict)]
        if isinstance(given, list)
        else []
    )
    topics.append(found.get("availability_topic"))  # as it was told before
    return isinstance(origin, dict) and origin.get("name") == "edgevid" and availability in topics


def _read(payload: bytes) -> dict[str, Any]:
    try:
        found = json.loads(payload)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
