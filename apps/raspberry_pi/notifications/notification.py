"""What a notification says, and how it waits on disk."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass

from apps.raspberry_pi.bus import CameraEvent
from apps.raspberry_pi.pictures import small

_LONGEST_SIDE = 1280  # pixels: what waits is bounded, and phones are small


@dataclass(frozen=True, slots=True)
class Notification:
    """One notification.

    Attributes:
        id: the event's. Who gets one twice, because the answer to the first was lost, knows by it.
        at: the event's moment, Unix seconds.
        title, body: text.
        picture: JPEG; empty for none.
    """

    id: str
    at: float
    title: str
    body: str
    picture: bytes = b""

    def encoded(self) -> bytes:
        """Returns it as it waits: a line of JSON, then the picture."""
        text = {"id": self.id, "at": self.at, "title": self.title, "body": self.body}
        return json.dumps(text).encode() + b"\n" + self.picture

    @classmethod
    def decoded(cls, content: bytes) -> Notification:
        """Returns what waited.

        Raises:
            ValueError: that is none.
        """
        text, _, picture = content.partition(b"\n")
        found = json.loads(text)
        try:
            return cls(found["id"], found["at"], found["title"], found["body"], picture)
        except (TypeError, KeyError) as error:
            raise ValueError(f"no notification: {error}") from error


def notification(found: CameraEvent, picture: bytes = b"") -> Notification:
    """Returns what is told of an alert.

    Args:
        found: the alert.
        picture: what the camera showed, JPEG; empty for none.
    """
    event = found.event
    moment = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(found.at))
    zone = f", {event.zone}" if event.zone is not None else ""
    return Notification(
        id=found.id,
        at=found.at,
        title=f"{found.camera}: {event.label}",
        body=f"{event.probability:.0%}{zone}, {moment}\nid {found.id}",
        picture=small(picture, _LONGEST_SIDE) if picture else b"",
    )
