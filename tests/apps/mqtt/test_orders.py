"""Orders that come through a real broker, and pictures that go there."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("paho.mqtt", reason="paho-mqtt is not installed")

from apps.raspberry_pi import mqtt
from apps.raspberry_pi.config import MqttConfig
from apps.raspberry_pi.controls import Controls, choices
from apps.raspberry_pi.hub import Hub
from apps.raspberry_pi.mqtt import link
from apps.raspberry_pi.pictures import from_jpeg
from benchmarks.parts.broker import MOSQUITTO, Broker, Listener, wait_for
from benchmarks.parts.tiny_model import LABELS, tiny_model
from edgevid import Event, Frame, Model, Prediction, Score, UsageError
from edgevid.models.load import load_model
from tests.apps.mqtt.test_mqtt import retained

pytestmark = pytest.mark.skipif(MOSQUITTO is None, reason="mosquitto is not installed")


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link, "_BACK_OFF_S", (0.05, 0.2))
    monkeypatch.setattr(link, "_TURN_S", 0.05)
    monkeypatch.setattr(link, "_ANSWER_S", 0.2)


class Watching:
    """What a service does with orders."""

    def __init__(self, hub: Hub, model: Model) -> None:
        self._hub = hub
        self.model = model
        self.done: list[Any] = []

    def watch(self, camera: str, on: bool) -> None:
        self._hub.status.set_watching(camera, on)
        self.done.append((camera, on))

    def use(self, model: Model, reason: str) -> None:
        assert reason
        self.model = model
        self.done.append(model)


class Place:
    """A folder with two models, and services that start there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.models = [folder / "one.tflite", folder / "two.tflite"]
        for path in self.models:
            path.write_bytes(tiny_model())
        self.refused = False

    def load(self, name: str) -> Model:
        if self.refused:
            raise UsageError("it does not go with the config")
        return load_model(name, labels=LABELS)

    def untaught(self, controls: Controls) -> Model:
        """Returns the model that runs where none was taught."""
        if (chosen := controls.first_model()) is not None:
            return chosen
        configured = self.load(str(self.models[0]))
        controls.loaded(str(self.models[0]), configured)
        return configured

    @contextmanager
    def serving(self, port: int, *cameras: str, **settings: Any) -> Iterator[Watching]:
        hub = Hub(cameras or ["door", "yard"])
        models = choices([str(path) for path in self.models])
        controls = Controls(
            self.folder / "controls.json",
            (camera.name for camera in hub.status.cameras()),
            models,
            self.load,
        )
        watching = Watching(hub, self.untaught(controls))
        for camera in hub.status.cameras():
            hub.status.set_watching(camera.name, camera.name not in controls.off())
        controls.begin(watching)
        config = MqttConfig(host="127.0.0.1", port=port, **settings)
        told = mqtt.start(config, hub, self.folder, lambda e: pytest.fail(str(e)), controls)
        try:
            yield watching
        finally:
            told.stop(1.0)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def tell(listener: Listener, topic: str, payload: bytes) -> None:
    listener.publish(f"edgevid/{topic}", payload)


def test_a_camera_is_told_to_rest_and_that_outlasts_a_restart(place: Place, tmp_path: Path) -> None:
    def watches(camera: str) -> Any:
        return listener.last(f"edgevid/{camera}/state").get("watching")

    with Broker(tmp_path) as broker, Listener(broker.port) as listener:
        with place.serving(broker.port) as service:
            wait_for(lambda: watches("door"))
            tell(listener, "door/set", b"OFF")
            wait_for(lambda: watches("door") is False)
            tell(listener, "door/set", b"OFF")
            assert watches("yard")
        assert service.done == [("door", False)]
        listener.heard.clear()
        with place.serving(broker.port) as service:
            wait_for(lambda: watches("door") is False and watches("yard"))
            tell(listener, "door/set", b"ON")
            wait_for(lambda: watches("door"))
        assert service.done == [("door", True)]
        listener.heard.clear()
        with place.serving(broker.port):
            wait_for(lambda: watches("door"))


def test_a_model_is_chosen_by_name_and_that_outlasts_a_restart(
    place: Place, tmp_path: Path
) -> None:
    def runs(name: str | None) -> Callable[[], bool]:
        return lambda: listener.last("edgevid/model/state") == {"model": name}

    with Broker(tmp_path) as broker, Listener(broker.port) as listener:
        with place.serving(broker.port) as service:
            wait_for(runs("one"))
            tell(listener, "model/set", b"two")
            wait_for(runs("two"))
            tell(listener, "model/set", b"two")
        assert service.done == [service.model]
        listener.heard.clear()
        with place.serving(broker.port) as service:
            wait_for(runs("two"))
            service.model = place.load(str(place.models[0]))  # such as one that was taught
            wait_for(runs(None))
        assert service.done == []


def test_to_go_back_from_a_taught_model_is_told(place: Place) -> None:
    """To the one that was chosen, or else the config's; both have a name among the choices."""
    models = {path.stem: str(path) for path in place.models}
    for chosen, expected in (("", "one"), ("two", "two")):
        (place.folder / "controls.json").write_text(json.dumps({"off": [], "model": chosen}))
        controls = Controls(place.folder / "controls.json", ["door"], models, place.load)
        watching = Watching(Hub(["door"]), place.load(models["one"]))  # was taught
        controls.begin(watching)
        assert controls.model() is None
        watching.model = place.untaught(controls)
        assert controls.model() == expected
        watching.model = place.load(models["one"])
        assert controls.model() is None
        watching.model = place.untaught(controls)
        assert controls.model() == expected


def test_what_is_no_order_changes_nothing(
    place: Place, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    nonsense = [b"", b"off", b"OFF ", b"\xff", b"O" * 10_000]
    paths = [str(place.models[1]).encode(), b"two.tflite", b"../two", b"movinet-a0", b"\xff", b""]
    with (
        Broker(tmp_path) as broker,
        Listener(broker.port) as listener,
        place.serving(broker.port) as service,
    ):
        wait_for(lambda: listener.last("edgevid/model/state"))
        for payload in nonsense:
            tell(listener, "door/set", payload)
        for payload in paths:
            tell(listener, "model/set", payload)
        tell(listener, "garden/set", b"OFF")
        tell(listener, "yard/set", b"OFF")  # after all of them
        wait_for(lambda: service.done)
        time.sleep(0.1)
        assert service.done == [("yard", False)]
    assert "takes ON and OFF" in caplog.text
    assert "no such model among [model] choices" in caplog.text


def test_an_order_that_the_broker_keeps_is_not_given_again(place: Place, tmp_path: Path) -> None:
    with Broker(tmp_path) as broker, Listener(broker.port) as listener:
        listener.publish("edgevid/door/set", b"OFF", retain=True)
        wait_for(lambda: listener.last("edgevid/door/set"))
        with place.serving(broker.port) as service:
            wait_for(lambda: listener.last("edgevid/door/state"))
            tell(listener, "yard/set", b"OFF")
            wait_for(lambda: service.done)
        assert service.done == [("yard", False)]


def test_a_model_that_does_not_go_with_the_config_is_not_used(
    place: Place, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with Broker(tmp_path) as broker, Listener(broker.port) as listener:
        with place.serving(broker.port) as service:
            wait_for(lambda: listener.last("edgevid/model/state"))
            place.refused = True
            tell(listener, "model/set", b"two")
            wait_for(lambda: "two is not used: it does not go with the config" in caplog.text)
            assert listener.last("edgevid/model/state") == {"model": "one"}
        assert service.done == []


def test_without_commands_none_are_taken(tmp_path: Path) -> None:
    with Broker(tmp_path) as broker, Listener(broker.port) as listener:
        config = MqttConfig(host="127.0.0.1", port=broker.port)
        told = mqtt.start(config, Hub(["door"]), tmp_path, lambda e: pytest.fail(str(e)))
        wait_for(lambda: listener.last("edgevid/door/state"))
        tell(listener, "door/set", b"OFF")
        time.sleep(0.2)
        told.stop(1.0)
        assert listener.last("edgevid/door/state")["watching"]
        assert not any("/set" in str(c) for t, c, _ in listener.heard if "homeassistant" in t)


def test_damaged_memory_has_all_cameras_watch(tmp_path: Path) -> None:
    path = tmp_path / "controls.json"
    for content in (b"\xff", b"[]", b"{", b'{"off": 7, "model": []}', b"[" * 100_000):
        path.write_bytes(content)
        assert Controls(path, ["door"], {}, lambda _: pytest.fail("no")).off() == frozenset()


def show(hub: Hub, red: int, width: int = 640) -> None:
    picture = np.full((width * 3 // 4, width, 3), (red, 0, 0), np.uint8)
    frame = Frame(picture, time.monotonic(), 0)
    hub.record_step("door", frame, [Prediction(frame.timestamp, 0, (Score("a", 0.9),), 1.0)])


def happen(hub: Hub) -> None:
    hub.bus.publish("door", Event("start", "falling", time.monotonic(), 0.9))


def redness(picture: bytes) -> int:
    return int(from_jpeg(picture)[-5, -5, 2])


def test_the_picture_of_the_last_event_is_on_the_broker(tmp_path: Path) -> None:
    hub = Hub(["door"])

    def pictures() -> list[bytes]:
        return [content for topic, content, _ in listener.heard if topic.endswith("/picture")]

    with Broker(tmp_path) as broker, Listener(broker.port) as listener:
        config = MqttConfig(host="127.0.0.1", port=broker.port)
        told = mqtt.start(config, hub, tmp_path, lambda e: pytest.fail(str(e)))
        show(hub, 100)
        happen(hub)
        wait_for(lambda: len(pictures()) == 1)
        show(hub, 250, width=2560)
        hub.bus.publish("door", Event("end", "falling", time.monotonic(), 0.1))
        time.sleep(0.2)
        assert len(pictures()) == 1
        with broker_away(broker, listener):
            happen(hub)
            show(hub, 200)
            happen(hub)
            wait_for(lambda: len(told._pictures) == 1)
        wait_for(lambda: abs(redness(pictures()[-1]) - 200) < 30)
        told.stop(1.0)
        assert from_jpeg(pictures()[-1]).shape[1] <= 1280
        assert abs(redness(pictures()[0]) - 100) < 30
        assert "edgevid/door/picture" in retained(broker.port)
        # A camera that leaves the config takes its picture along.
        told = mqtt.start(config, Hub(["yard"]), tmp_path, lambda e: pytest.fail(str(e)))
        wait_for(lambda: not any("/door" in topic for topic in retained(broker.port)))
        told.stop(1.0)


@contextmanager
def broker_away(broker: Broker, listener: Listener) -> Iterator[None]:
    broker.stop()
    wait_for(lambda: not listener.is_subscribed())
    yield
    broker.start()
    wait_for(listener.is_subscribed)


def test_what_is_announced_of_orders(place: Place, tmp_path: Path) -> None:
    with Broker(tmp_path) as broker, Listener(broker.port) as listener:
        device = ""
        with place.serving(broker.port, "door"):
            wait_for(lambda: listener.last("edgevid/model/state"))
            device = (tmp_path / "device").read_text()
            camera = listener.last(f"homeassistant/device/{device}_door/config")["components"]
            own = listener.last(f"homeassistant/device/{device}/config")["components"]
        (switch,) = (one for one in camera.values() if one["platform"] == "switch")
        assert switch["command_topic"] == "edgevid/door/set"
        (select,) = own.values()
        assert (select["command_topic"], select["options"]) == ("edgevid/model/set", ["one", "two"])
        told = json.loads((tmp_path / "retained.json").read_text())
        assert f"homeassistant/device/{device}/config" in told
