"""Lets a real Home Assistant discover the service, and checks by its interface what it has.

    sudo python -m benchmarks.home_assistant FOLDER

FOLDER is the Debian that ``make_root.sh`` builds. Everything is real: Home Assistant's core, whose
MQTT integration is set up as its page does; mosquitto; the service, on a drawn video. Needs root,
mosquitto and the dependency group ``service``.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.home_assistant.client import HomeAssistant
from benchmarks.parts.broker import Broker, wait_for
from benchmarks.parts.tiny_model import LABELS, tiny_model
from edgevid.support.command import ArgumentParser
from edgevid.support.jpeg import from_jpeg
from edgevid.support.opencv import cv2

_FPS = 10
_CONFIG = """
[[camera]]
name = "door"
source = "{folder}/door.avi"
[[camera]]
name = "yard"
source = "{folder}/door.avi"
[[alert]]
level = "alert"
cameras = ["door"]
[model]
name = "{folder}/one.tflite"
choices = ["{folder}/one.tflite", "{folder}/two.tflite"]
labels = "{folder}/labels.txt"
[service]
state_folder = "{folder}/state"
[mqtt]
host = "127.0.0.1"
port = {port}
[web]
enabled = false
"""


def main() -> None:
    """Runs the command."""
    parser = ArgumentParser(
        prog="python -m benchmarks.home_assistant", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("root", type=Path, help="the folder that make_root.sh made")
    parser.add_argument("--output", type=Path, help="also write what was seen here, as JSON")
    chosen = parser.parse_args()
    seen = look(chosen.root)
    for name, value in seen.items():
        print(f"{name:55} {value}")
    if chosen.output:
        chosen.output.write_text(json.dumps(seen, indent=2) + "\n")


def look(root: Path) -> dict[str, Any]:
    """Returns what was seen, by name; raises ``AssertionError`` where something is amiss."""
    with tempfile.TemporaryDirectory() as made, HomeAssistant(root) as home:
        folder = Path(made)
        with Broker(folder) as broker:
            home.add_broker(broker.port)
            draw(folder)
            config = folder / "edgevid.toml"
            config.write_text(_CONFIG.format(folder=folder, port=broker.port))
            seen: dict[str, Any] = {"Home Assistant": home.version}
            with service(config):
                seen.update(discovered(home))
                seen.update(told(home))
                seen.update(ordered(home))
            seen["after the service has ended"] = unavailable(home)
            config.write_text(without_yard(config.read_text()))
            with service(config):
                wait_for(lambda: home.state("binary_sensor.door_live")["state"] == "on")
                wait_for(lambda: entities(home, "yard") == [])
                seen["entities of a camera that left the config"] = 0
                wait_for(lambda: home.state("binary_sensor.door_live")["state"] == "on")
    return seen


def draw(folder: Path) -> None:
    """Makes the video, black and red in turn, and the models."""
    size = (320, 240)
    writer = cv2.VideoWriter(
        str(folder / "door.avi"), cv2.VideoWriter_fourcc(*"MJPG"), _FPS, size, True
    )
    for colour, seconds in (((0, 0, 0), 4), ((0, 0, 255), 5), ((0, 0, 0), 4)):
        for _ in range(seconds * _FPS):
            writer.write(np.full((size[1], size[0], 3), colour, np.uint8))
    writer.release()
    for name in ("one", "two"):
        (folder / f"{name}.tflite").write_bytes(tiny_model())
    (folder / "labels.txt").write_text("\n".join(LABELS))


@contextmanager
def service(config: Path) -> Iterator[None]:
    """Runs the service as a process."""
    with config.with_suffix(".log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "apps.raspberry_pi", "--config", str(config)],
            stderr=log,
            env={**os.environ, "XDG_CACHE_HOME": str(config.parent / "cache")},
        )
    try:
        yield
        assert process.poll() is None, config.with_suffix(".log").read_text()
    except BaseException:
        print(config.with_suffix(".log").read_text(), file=sys.stderr)
        raise
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def entities(home: HomeAssistant, camera: str) -> list[str]:
    """Returns the entities of one device of the MQTT integration."""
    found = home.template(
        "{% for one in integration_entities('mqtt') %}"
        f"{{% if device_attr(device_id(one), 'name') == '{camera}' %}}{{{{ one }}}} {{% endif %}}"
        "{% endfor %}"
    )
    return sorted(found.split())


def discovered(home: HomeAssistant) -> dict[str, Any]:
    """Waits until Home Assistant knows all that the service announces."""
    began = time.monotonic()
    kinds = ["binary_sensor", "event", "event", "image", "sensor", "switch"]
    wait_for(lambda: kinds_of(entities(home, "door")) == kinds)
    wait_for(lambda: kinds_of(entities(home, "yard")) == kinds)
    wait_for(lambda: kinds_of(entities(home, "edgevid")) == ["select"])
    maker = home.template("{{ device_attr(device_id('switch.door_watching'), 'manufacturer') }}")
    assert maker == "edgevid"
    return {
        "seconds from the service's start to all entities": round(time.monotonic() - began, 1),
        **{f"entities of {name}": entities(home, name) for name in ("door", "yard", "edgevid")},
    }


def kinds_of(found: list[str]) -> list[str]:
    """Returns the domains of entities."""
    return sorted(entity.partition(".")[0] for entity in found)


def told(home: HomeAssistant) -> dict[str, Any]:
    """Checks states, an event's arrival, the alert and the picture."""
    wait_for(lambda: home.state("binary_sensor.door_live")["state"] == "on")
    wait_for(lambda: home.state("sensor.door_action")["state"] in LABELS)
    wait_for(lambda: home.state("event.door_event")["attributes"].get("label") == "red")
    event = home.state("event.door_event")
    wait_for(lambda: home.state("event.door_alert")["attributes"].get("level") == "alert")
    alert = home.state("event.door_alert")
    assert alert["attributes"]["event_type"] == "start"
    wait_for(lambda: home.state("event.yard_event")["attributes"].get("label") == "red")
    assert home.state("event.yard_alert")["state"] == "unknown"  # no rule makes it one
    wait_for(lambda: home.state("image.door_last_event")["state"] not in ("", "unknown"))
    picture, kind = home.fetch("/api/image_proxy/image.door_last_event")
    shown = from_jpeg(picture)
    assert kind == "image/jpeg"
    blue, green, red = (int(value) for value in shown[-5, -5])
    assert red > 200 > 60 > max(blue, green), (blue, green, red)
    return {
        "state of binary_sensor.door_live": "on",
        "event.door_event": {
            name: event["attributes"][name]
            for name in ("event_type", "label", "probability", "level")
        },
        "event.door_alert": {
            name: alert["attributes"][name] for name in ("event_type", "label", "level")
        },
        "image.door_last_event": f"{kind}, {len(picture)} bytes, {shown.shape[1]}x{shown.shape[0]}",
    }


def ordered(home: HomeAssistant) -> dict[str, Any]:
    """Has Home Assistant switch a camera off and on, and choose a model."""
    began = time.monotonic()
    home.call("switch", "turn_off", entity_id="switch.door_watching")
    wait_for(lambda: home.state("switch.door_watching")["state"] == "off")
    wait_for(lambda: home.state("binary_sensor.door_live")["state"] == "off")
    off = round(time.monotonic() - began, 1)
    wait_for(lambda: home.state("sensor.door_action")["state"] == "unavailable")
    wait_for(lambda: home.state("binary_sensor.yard_live")["state"] == "on")
    home.call("switch", "turn_on", entity_id="switch.door_watching")
    wait_for(lambda: home.state("binary_sensor.door_live")["state"] == "on")
    wait_for(lambda: home.state("switch.door_watching")["state"] == "on")
    wait_for(lambda: home.state("select.edgevid_model")["state"] == "one")
    home.call("select", "select_option", entity_id="select.edgevid_model", option="two")
    wait_for(lambda: home.state("select.edgevid_model")["state"] == "two")
    return {
        "seconds until a camera that is switched off is off": off,
        "select.edgevid_model": "one, then two",
    }


def unavailable(home: HomeAssistant) -> str:
    """Waits until nothing of the service is available."""
    everything = [e for name in ("door", "yard", "edgevid") for e in entities(home, name)]

    def states() -> set[str]:
        return {home.state(entity)["state"] for entity in everything}

    wait_for(lambda: states() == {"unavailable"})
    return f"all {len(everything)} unavailable"


def without_yard(text: str) -> str:
    """Returns the configuration without its second camera."""
    first, second = text.index('[[camera]]\nname = "yard"'), text.index("[[alert]]")
    return text[:first] + text[second:]


if __name__ == "__main__":
    main()
