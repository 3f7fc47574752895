"""Reports to systemd: the protocol of ``sd_notify(3)``.

One datagram with lines ``NAME=value`` to the socket that ``NOTIFY_SOCKET`` names; nothing at all
where systemd did not start the service.
"""

from __future__ import annotations

import os
import socket
import time
from contextlib import suppress


class Notifier:
    """One service's line to systemd."""

    def __init__(self) -> None:
        address = os.environ.get("NOTIFY_SOCKET", "")
        self._address = "\0" + address[1:] if address.startswith("@") else address
        # A ping at half the time that systemd waits, as sd_watchdog_enabled(3) recommends.
        self._interval = int(os.environ.get("WATCHDOG_USEC", "0")) / 2e6
        self._pinged = -float("inf")

    def say(self, *lines: str) -> None:
        """Sends lines such as ``READY=1``."""
        if not self._address:
            return
        # Also where there is no socket to be had: then the watchdog goes by the next.
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
            line.sendto("\n".join(lines).encode(), self._address)

    def ping(self) -> None:
        """Tells the watchdog that all is well; as often as it is called, but no more than due."""
        now = time.monotonic()
        if self._interval > 0 and now - self._pinged >= self._interval:
            self._pinged = now
            self.say("WATCHDOG=1")
