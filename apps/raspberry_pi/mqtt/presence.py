"""Detects another service on the same topic: each asks when it starts, and a running one answers.

The broker itself reports only one that has the same client id, and then it is too late: each
would disconnect the other again and again.
"""

from __future__ import annotations

import json
import secrets
import socket
from typing import Any


class Presence:
    """What one run of a service says to others on its topic, and makes of what they say.

    Attributes:
        is_settled: whether the topic is ours: no other service has answered in time.
    """

    def __init__(self) -> None:
        self._id = secrets.token_hex(8)
        self.is_settled = False

    def question(self) -> bytes:
        """Returns the message that asks who is there."""
        return self._say("asks")

    def heard(self, payload: bytes) -> tuple[bytes | None, str]:
        """Takes a message that was heard under the topic, our own as well.

        Returns:
            The answer, None when there is none to give; and the host of a service that was there
            before us, empty when it was none.
        """
        try:
            found = json.loads(payload)
            other, host, says, settled = (found[k] for k in ("id", "host", "says", "settled"))
        except (ValueError, TypeError, KeyError, RecursionError):
            return None, ""  # not a service's
        if not isinstance(other, str) or other == self._id:
            return None, ""
        # Of two that come at once, one has the smaller id.
        ours = (not self.is_settled, self._id) < (not settled, other)
        answer = self._say("answers") if says == "asks" and (ours or self.is_settled) else None
        return answer, "" if ours else str(host)[:100]

    def _say(self, what: str) -> bytes:
        said: dict[str, Any] = {
            "id": self._id,
            "host": socket.gethostname(),
            "says": what,
            "settled": self.is_settled,
        }
        return json.dumps(said).encode()
