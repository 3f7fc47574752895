"""The messages by which Home Assistant discovers the cameras.

Device discovery, as Home Assistant has it since 2024.11:
https://www.home-assistant.io/integrations/mqtt/#device-discovery-payload
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from edgevid import __version__


def discovery(
    device: str, camera: str, *, topic: str, availability: str, pictures: bool, orders: bool
) -> dict[str, Any]:
    """Returns what announces one camera: its actions, what it shows now, whether it is live.

    Args:
        device: the service's own identifier; no other service has it.
        camera: its name.
        topic: below which are the camera's ``event`` and ``state``.
        availability: the topic that says ``online`` or ``offline``.
        pictures: whether the picture of its last event is told.
        orders: whether it can be told to rest.
    """
    own = identifier(device, camera)
    state = {"state_topic": f"{topic}/state", "json_attributes_topic": f"{topic}/state", "qos": 1}
    happened = {"state_topic": f"{topic}/event", "qos": 1}
    service = {"topic": availability}
    live = {
        "topic": f"{topic}/state",
        "value_template": "{{ 'online' if value_json.state == 'live' else 'offline' }}",
    }
    components: dict[str, Any] = {}

    def add(key: str, platform: str, name: str, **more: Any) -> None:
        entity = f"{own}_{key}"
        components[entity] = {"platform": platform, "unique_id": entity, "name": name, **more}

    if pictures:
        shown = f"{topic}/picture"
        add("picture", "image", "Last event", content_type="image/jpeg", image_topic=shown)
    if orders:
        add(
            "watching",
            "switch",
            "Watching",
            icon="mdi:eye",
            **state,
            value_template="{{ 'ON' if value_json.watching else 'OFF' }}",
            command_topic=f"{topic}/set",
        )
    add(
        "alert",
        "event",
        "Alert",
        icon="mdi:alert",
        **happened,
        # Empty for the others, which Home Assistant passes over.
        value_template=(
            "{{ value if value_json.level == 'alert' and "
            "value_json.event_type == 'start' else '' }}"
        ),
        event_types=["start"],
    )
    add(
        "event",
        "event",
        "Event",
        icon="mdi:motion-sensor",
        **happened,
        event_types=["start", "end"],
    )
    add(
        "action",
        "sensor",
        "Action",
        icon="mdi:run",
        **state,
        value_template="{{ value_json.label }}",
        # What a lost camera showed last is not what it shows now.
        availability=[service, live],
        availability_mode="all",
    )
    add(
        "live",
        "binary_sensor",
        "Live",
        device_class="connectivity",
        entity_category="diagnostic",
        **state,
        value_template="{{ 'ON' if value_json.state == 'live' else 'OFF' }}",
    )
    return _announced(own, camera, "Camera", service, components)


def service_discovery(
    device: str, *, topic: str, models: Sequence[str], availability: str
) -> dict[str, Any]:
    """Returns what announces the service itself: which model runs.

    Args:
        device: the service's own identifier.
        topic: below which are ``state`` and ``set`` of the model.
        models: what may be chosen.
        availability: the topic that says ``online`` or ``offline``.
    """
    entity = f"{device}_model"
    component = {
        "platform": "select",
        "unique_id": entity,
        "name": "Model",
        "icon": "mdi:brain",
        "entity_category": "config",
        "qos": 1,
        "state_topic": f"{topic}/state",
        # "None", where another runs, is Home Assistant's word for unknown.
        "value_template": "{{ value_json.model }}",
        "command_topic": f"{topic}/set",
        "options": list(models),
    }
    return _announced(device, "edgevid", "Service", {"topic": availability}, {entity: component})


def _announced(
    device: str, name: str, kind: str, available: dict[str, str], components: dict[str, Any]
) -> dict[str, Any]:
    """Returns the message that announces a device with its entities."""
    return {
        "device": {
            "identifiers": [device],
            "name": name,
            "manufacturer": "edgevid",
            "model": kind,
            "sw_version": __version__,
        },
        "origin": {"name": "edgevid", "sw_version": __version__},
        "availability": [available],
        "components": components,
    }


def identifier(device: str, camera: str) -> str:
    """Returns a camera's identifier, also for the topic that announces it."""
    return f"{device}_{camera}"
