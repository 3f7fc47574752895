"""Sends a notification for each alert through the services that the owner uses.

What is to be sent waits on disk, for each address by itself, so that one that is away holds up
neither the others nor the watching.
"""

from __future__ import annotations

import hashlib
import logging
import time
from contextlib import suppress
from pathlib import Path

from apps.raspberry_pi.bus import CameraEvent
from apps.raspberry_pi.config import NotificationsConfig
from apps.raspberry_pi.hub import Hub
from apps.raspberry_pi.notifications.notification import Notification, notification
from apps.raspberry_pi.notifications.sender import Sender
from apps.raspberry_pi.outbox import Outbox
from edgevid import MissingDependencyError, OutputError

try:
    from apps.raspberry_pi.notifications.services import Service, services
except ImportError as error:
    raise MissingDependencyError("notifications need Apprise: pip install apprise") from error

__all__ = ["Notifications", "services", "start"]

_LOG = logging.getLogger("edgevid.notifications")


def start(config: NotificationsConfig, hub: Hub, state_folder: Path) -> Notifications:
    """Starts notifying; goes on whether or not the services can be reached.

    Args:
        config: with a ``urls_file``.
        hub: whose alerts are told.
        state_folder: where notifications wait.

    Raises:
        UsageError: an address cannot be used, or another service has the state folder.
    """
    assert config.urls_file is not None
    told = services(config.urls_file)
    paths = [state_folder / _file_name(service) for service in told]
    for old in sorted(state_folder.glob("notifications-*.sqlite*")):
        if old.name.partition(".")[0] not in {path.stem for path in paths}:
            with suppress(OSError):  # of an address that is no longer told
                old.unlink()
    senders: list[Sender] = []
    try:
        for service, path in zip(told, paths, strict=True):
            senders.append(Sender(service, Outbox(path, config.keep), config.keep_hours))
    except BaseException:
        for sender in senders:
            sender.stop(0.0)
        raise
    return Notifications(config, hub, senders)


def _file_name(service: Service) -> str:
    """Returns the queue's name, which stays the same when lines move; the address is not in it."""
    return f"notifications-{hashlib.sha256(service.address.encode()).hexdigest()[:16]}.sqlite"


class Notifications:
    """Puts each alert into every sender's queue."""

    def __init__(self, config: NotificationsConfig, hub: Hub, senders: list[Sender]) -> None:
        self._pictures = config.pictures
        self._hub = hub
        self._senders = senders
        self._leave_hub = hub.bus.keep(self._keep, "alert")

    def is_alive(self) -> bool:
        """Whether all its threads run."""
        return all(sender.is_alive() for sender in self._senders)

    def stop(self, within: float) -> None:
        """Sends what can be sent in so many seconds; the rest waits on disk for the next start."""
        self._leave_hub()
        deadline = time.monotonic() + within
        for sender in self._senders:
            sender.end(deadline)
        for sender in self._senders:
            sender.stop(max(0.0, deadline - time.monotonic()))

    def _keep(self, found: CameraEvent) -> None:
        """Takes an alert, in the thread in which it happened."""
        if found.event.state != "start":
            return
        content = self._notification(found).encoded()
        for sender in self._senders:
            sender.add(found.camera, content)

    def _notification(self, found: CameraEvent) -> Notification:
        snapshot = None
        if self._pictures:
            try:
                snapshot = self._hub.snapshots.snapshot(found.camera)
            except (OutputError, ValueError, MemoryError) as error:
                _LOG.error("%s: a notification goes without its picture: %s", found.camera, error)
        return notification(found, snapshot.jpeg if snapshot else b"")
