"""Events and states as JSON, for MQTT and the page."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from apps.raspberry_pi.bus import CameraEvent
from apps.raspberry_pi.status import CameraStatus


def event_message(found: CameraEvent) -> dict[str, Any]:
    """Returns an event as it is sent; ``event_type`` is what Home Assistant looks for."""
    event = found.event
    where = {"track": event.track, "box": event.box, "zone": event.zone}
    where["reason"] = found.reason or None
    return {
        "id": found.id,
        "camera": found.camera,
        "event_type": event.state,
        "level": found.level,
        "label": event.label,
        "probability": round(event.probability, 3),
        "time": utc(found.at),
        **{name: value for name, value in where.items() if value is not None},
    }


def state_message(camera: CameraStatus) -> dict[str, Any]:
    """Returns a camera's state as it is sent."""
    top = camera.scores[0] if camera.scores else None
    return {
        "state": camera.state,
        "since": utc(camera.since),
        "problem": camera.problem,
        "label": top.label if top else None,
        "probability": round(top.probability, 2) if top else None,
        "active": list(camera.active),
        "watching": camera.watching,
    }


def utc(seconds: float) -> str:
    """Returns a moment, Unix seconds, as ISO 8601."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
