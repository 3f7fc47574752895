from __future__ import annotations

import json
import logging
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("paho.mqtt", reason="paho-mqtt is not installed")

from apps.raspberry_pi import in_use, mqtt
from apps.raspberry_pi.config import MqttConfig
from apps.raspberry_pi.hub import Hub
from apps.raspberry_pi.mqtt import link
from apps.raspberry_pi.mqtt.retained import Retained, is_announcement, is_state
from benchmarks.parts.broker import MOSQUITTO, Broker, Listener, wait_for
from benchmarks.parts.cut_line import PUBACK, PUBLISH, CutLine
from edgevid import EdgevidError, Event, Frame, Prediction, Score, UsageError

pytestmark = pytest.mark.skipif(MOSQUITTO is None, reason="mosquitto is not installed")

SECRET = "correct horse battery staple"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link, "_BACK_OFF_S", (0.05, 0.2))
    monkeypatch.setattr(link, "_TURN_S", 0.05)
    monkeypatch.setattr(link, "_ANSWER_S", 0.2)
    monkeypatch.setattr(in_use, "PATIENCE_S", 0.5)


@contextmanager
def telling(
    port: int,
    hub: Hub,
    folder: Path,
    fail: Callable[[EdgevidError], None] = lambda error: pytest.fail(str(error)),
    **settings: Any,
) -> Iterator[None]:
    settings = {"host": "127.0.0.1", "port": port, **settings}
    told = mqtt.start(MqttConfig(**settings), hub, folder, fail)
    try:
        yield
    finally:
        told.stop(1.0)


def happen(hub: Hub, number: int, camera: str = "door") -> None:
    hub.bus.publish(camera, Event("start", f"action {number}", time.monotonic(), 0.5))


def labels(events: list[dict[str, Any]]) -> list[int]:
    return [int(event["label"].removeprefix("action ")) for event in events]


def has_come(listener: Listener, number: int) -> bool:
    return number in labels(listener.events())


def more_than(listener: Listener, count: int) -> bool:
    return len(listener.heard) > count


def see(hub: Hub, *scores: tuple[str, float], camera: str = "door") -> None:
    hub.status.set_state(camera, "live")
    frame = Frame(np.zeros((4, 4, 3), np.uint8), time.monotonic(), 0)
    listed = tuple(Score(*score) for score in scores)
    hub.record_step(camera, frame, [Prediction(frame.timestamp, 0, listed, 1.0)], skipped=0)


def test_it_tells_events_states_and_that_it_is_there(tmp_path: Path) -> None:
    hub = Hub(["door", "yard"])
    with Broker(tmp_path) as broker, Listener(broker.port) as listener:
        with telling(broker.port, hub, tmp_path):
            wait_for(lambda: listener.last("edgevid/availability") == "online")
            see(hub, ("juggling balls", 0.912), ("clapping", 0.03))
            wait_for(lambda: listener.last("edgevid/door/state").get("label") == "juggling balls")
            hub.bus.publish("door", Event("start", "juggling balls", time.monotonic(), 0.5342))
            event = wait_for(listener.events)[0]
            hub.status.set_state("door", "lost", "it is unplugged")
            lost = wait_for(
                lambda: (s := listener.last("edgevid/door/state"))["state"] == "lost" and s
            )
        wait_for(lambda: listener.last("edgevid/availability") == "offline")
    assert len(event.pop("id")) == 32
    assert event.pop("time").endswith("+00:00")
    assert event == {
        "camera": "door",
        "event_type": "start",
        "level": "show",
        "label": "juggling balls",
        "probability": 0.534,
    }
    assert lost.pop("since").endswith("+00:00")
    assert lost == {
        "state": "lost",
        "problem": "it is unplugged",
        "label": None,
        "probability": None,
        "active": ["juggling balls"],
        "watching": True,
    }
    assert listener.last("edgevid/yard/state")["state"] == "starting"


def test_who_comes_late_hears_states_but_no_old_events(tmp_path: Path) -> None:
    hub = Hub(["door"])
    with Broker(tmp_path) as broker, telling(broker.port, hub, tmp_path):
        happen(hub, 0)
        with Listener(broker.port) as first:
            wait_for(lambda: first.last("edgevid/door/state"))
        with Listener(broker.port) as second:
            wait_for(lambda: second.last("edgevid/door/state"))
            assert second.last("edgevid/availability") == "online"
            assert second.events() == []
            assert all(retained for topic, _, retained in second.heard)


def test_a_probability_alone_is_no_news(tmp_path: Path) -> None:
    hub = Hub(["door"])
    with (
        Broker(tmp_path) as broker,
        Listener(broker.port, "edgevid/door/state") as listener,
        telling(broker.port, hub, tmp_path),
    ):
        for step in range(20):
            see(hub, ("clapping", 0.5 + step / 100))
            time.sleep(0.01)
        see(hub, ("juggling balls", 0.9))
        wait_for(lambda: listener.last("edgevid/door/state").get("probability") == 0.9)
    assert len(listener.heard) < 5


def test_the_will_says_that_it_is_gone_when_it_is_killed(tmp_path: Path) -> None:
    with Broker(tmp_path) as broker, Listener(broker.port) as listener:
        program = [sys.executable, "-c", CHILD, str(broker.port), str(tmp_path)]
        child = subprocess.Popen(program, stdin=subprocess.PIPE)
        wait_for(lambda: listener.last("edgevid/availability") == "online")
        child.kill()
        child.communicate()
        wait_for(lambda: listener.last("edgevid/availability") == "offline")


def test_home_assistant_finds_the_cameras(tmp_path: Path) -> None:
    hub = Hub(["door", "yard"])
    with Broker(tmp_path) as broker, Listener(broker.port, "homeassistant/#") as listener:
        with telling(broker.port, hub, tmp_path):
            wait_for(lambda: len(listener.heard) == 2)
        topics = sorted(topic for topic, *_ in listener.heard)
        device = (tmp_path / "device").read_text()
        assert topics == [f"homeassistant/device/{device}_{c}/config" for c in ("door", "yard")]
        told = listener.last(topics[0])
        # What the documentation calls required, for the device and for each platform.
        assert {"device", "origin", "components"} <= told.keys()
        assert told["device"]["identifiers"]
        assert told["origin"]["name"] == "edgevid"
        components = told["components"].values()
        kinds = sorted(one["platform"] for one in components)
        assert kinds == ["binary_sensor", "event", "event", "image", "sensor"]
        assert len({one["unique_id"] for one in components}) == 5
        for one in components:
            topic = one["image_topic" if one["platform"] == "image" else "state_topic"]
            assert topic.startswith("edgevid/door/")
        events = {one["name"]: one for one in components if one["platform"] == "event"}
        assert events["Event"]["event_types"] == ["start", "end"]
        assert events["Alert"]["event_types"] == ["start"]
        # Available while the service is; what a camera shows only while that is live.
        assert told["availability"] == [{"topic": "edgevid/availability"}]
        shows = next(one for one in components if one["platform"] == "sensor")
        depends = [one["topic"] for one in shows["availability"]]
        assert depends == ["edgevid/availability", "edgevid/door/state"]
        # After a restart it is the same device.
        with telling(broker.port, hub, tmp_path):
            wait_for(lambda: len(listener.heard) == 4)
        assert {topic for topic, *_ in listener.heard} == set(topics)


def test_discovery_can_be_switched_off(tmp_path: Path) -> None:
    with Broker(tmp_path) as broker, Listener(broker.port) as listener:
        with telling(broker.port, Hub(["door"]), tmp_path, discovery=False, topic="house/cameras"):
            wait_for(lambda: listener.last("house/cameras/door/state"))
        assert not [topic for topic, *_ in listener.heard if not topic.startswith("house/cameras/")]


def retained(port: int) -> set[str]:
    """Returns the topics under which the broker holds something now."""
    with Listener(port) as listener:
        listener.publish("end/of/what/is/retained", b"")
        wait_for(lambda: any(topic.startswith("end/") for topic, *_ in listener.heard))
        return {topic for topic, _, is_retained in listener.heard if is_retained}


def topics_of(folder: Path, *cameras: str, discovery: bool = True) -> set[str]:
    device = (folder / "device").read_text()
    announced = {f"homeassistant/device/{device}_{camera}/config" for camera in cameras}
    return {
        "edgevid/availability",
        *(f"edgevid/{camera}/state" for camera in cameras),
        *(announced if discovery else ()),
    }


def test_what_a_broker_holds_of_a_removed_camera_is_cleared(tmp_path: Path) -> None:
    with Broker(tmp_path) as broker:
        with telling(broker.port, Hub(["door", "yard"]), tmp_path):
            wait_for(lambda: retained(broker.port) == topics_of(tmp_path, "door", "yard"))
        with telling(broker.port, Hub(["door"]), tmp_path):
            wait_for(lambda: retained(broker.port) == topics_of(tmp_path, "door"))
        with telling(broker.port, Hub(["door"]), tmp_path, discovery=False):
            wait_for(lambda: retained(broker.port) == topics_of(tmp_path, "door", discovery=False))


def test_what_nobody_remembers_is_found_on_the_broker(tmp_path: Path) -> None:
    """The state folder is lost, and with it the service's own name; other programs' stay."""
    others = {
        "homeassistant/device/lamp/config": {"origin": {"name": "zigbee2mqtt"}},
        "homeassistant/device/edgevid-0_door/config": {
            "origin": {"name": "edgevid"},
            "availability": [{"topic": "another/availability"}],
        },
        "edgevid/lamp/state": {"state": "ON"},
    }
    with Broker(tmp_path) as broker:
        with telling(broker.port, Hub(["door", "yard"]), tmp_path):
            wait_for(lambda: retained(broker.port) == topics_of(tmp_path, "door", "yard"))
        with Listener(broker.port) as listener:
            for topic, content in others.items():
                listener.publish(topic, json.dumps(content).encode(), retain=True)
            wait_for(lambda: listener.last("edgevid/lamp/state") == {"state": "ON"})
        for name in ("device", "retained.json"):
            (tmp_path / name).unlink()
        with telling(broker.port, Hub(["door"]), tmp_path):
            wait_for(lambda: retained(broker.port) == topics_of(tmp_path, "door") | others.keys())


def test_announcements_of_earlier_versions_are_known(tmp_path: Path) -> None:
    told = {"origin": {"name": "edgevid"}, "availability_topic": "edgevid/availability"}
    assert is_announcement(json.dumps(told).encode(), "edgevid/availability")
    assert not is_announcement(json.dumps(told).encode(), "another/availability")
    for odd in (b"", b"[]", b'{"origin": 1}', b'{"origin": {"name": "edgevid"}}', b"[" * 10**5):
        assert not is_announcement(odd, "edgevid/availability")
        assert not is_state(odd)


def test_another_topic_leaves_nothing_under_the_old_one(tmp_path: Path) -> None:
    with Broker(tmp_path) as broker:
        with telling(broker.port, Hub(["door"]), tmp_path):
            wait_for(lambda: retained(broker.port) == topics_of(tmp_path, "door"))
        with telling(broker.port, Hub(["door"]), tmp_path, topic="house", discovery=False):
            left = {"edgevid/availability", "house/availability", "house/door/state"}
            wait_for(lambda: retained(broker.port) - left == set())


def test_what_could_not_be_cleared_is_when_the_broker_is_back(tmp_path: Path) -> None:
    broker = Broker(tmp_path)
    with broker, telling(broker.port, Hub(["door", "yard"]), tmp_path):
        wait_for(lambda: retained(broker.port) == topics_of(tmp_path, "door", "yard"))
    with telling(broker.port, Hub(["door"]), tmp_path):
        pass
    with broker, telling(broker.port, Hub(["door"]), tmp_path):
        wait_for(lambda: retained(broker.port) == topics_of(tmp_path, "door"))


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"a/b/#", b"x" * 100, b"two words"])
def test_a_name_that_is_damaged_is_made_anew(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "device").write_bytes(content)
    left = tmp_path / ".device.0a1b2c3d.part"
    left.touch()
    with telling(1, Hub(["door"]), tmp_path):
        name = (tmp_path / "device").read_text()
    assert re.fullmatch("edgevid-[0-9a-f]{8}", name)
    assert not left.exists()
    with telling(1, Hub(["door"]), tmp_path):
        assert (tmp_path / "device").read_text() == name


def test_a_damaged_memory_of_topics_stops_nothing(tmp_path: Path) -> None:
    for content in (b"\xff", b"{", b"7", b'[1, {"a": 2}]', b"[" * 100_000):
        (tmp_path / "retained.json").write_bytes(content)
        assert Retained(tmp_path / "retained.json").topics == frozenset()


@pytest.mark.parametrize("copied", [False, True], ids=["another folder", "a copied folder"])
def test_the_second_service_on_a_topic_ends(tmp_path: Path, copied: bool) -> None:
    folders = [tmp_path / "first", tmp_path / "second"]
    for folder in folders:
        folder.mkdir()
    hubs = Hub(["door"]), Hub(["door"])
    refused: list[EdgevidError] = []
    with Broker(tmp_path) as broker, Listener(broker.port) as listener:
        with telling(broker.port, hubs[0], folders[0]):
            wait_for(lambda: listener.last("edgevid/availability") == "online")
            if copied:
                shutil.copy(folders[0] / "device", folders[1])
            with telling(broker.port, hubs[1], folders[1], fail=refused.append):
                happen(hubs[1], 1)
                wait_for(lambda: refused)
                assert isinstance(refused[0], UsageError)
                says = rf"another service, on {socket.gethostname()}, tells the topic edgevid"
                assert re.search(says, str(refused[0]))
            happen(hubs[0], 0)
            wait_for(listener.events)
            assert labels(listener.events()) == [0]
            assert listener.last("edgevid/availability") == "online"
        # With the first gone the second may, and has kept what happened.
        with telling(broker.port, hubs[1], folders[1]):
            wait_for(lambda: labels(listener.events()) == [0, 1])


def test_of_two_that_come_at_once_one_stays(tmp_path: Path) -> None:
    folders = [tmp_path / "first", tmp_path / "second"]
    for folder in folders:
        folder.mkdir()
    refused: list[EdgevidError] = []
    broker = Broker(tmp_path)
    with ExitStack() as ends:
        for folder in folders:
            ends.enter_context(telling(broker.port, Hub(["door"]), folder, fail=refused.append))
        with broker, Listener(broker.port) as listener:
            wait_for(lambda: listener.last("edgevid/door/state"))
            time.sleep(0.5)
            assert len(refused) == 1


def test_it_is_there_though_an_old_connection_dies_late(tmp_path: Path) -> None:
    """The broker notices only now that a service that was killed is gone."""
    topic = "edgevid/availability"
    with (
        Broker(tmp_path) as broker,
        Listener(broker.port, topic) as listener,
        telling(broker.port, Hub(["door"]), tmp_path),
    ):
        wait_for(lambda: listener.last(topic) == "online")
        listener.publish(topic, b"offline", retain=True)
        wait_for(lambda: [c for _, c, _ in listener.heard] == [b"online", b"offline", b"online"])


def test_an_event_that_is_refused_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(link, "_REFUSED_S", 0.1)
    hub = Hub(["door"])
    login: dict[str, Any] = {"username": "pi", "password_file": locked(tmp_path)}
    rights = with_passwords(tmp_path)
    everything = (tmp_path / "rights").read_text()
    topics = ("availability", "service", "+/state")
    (tmp_path / "rights").write_text(
        "user pi\n" + "".join(f"topic readwrite edgevid/{topic}\n" for topic in topics)
    )
    broker = Broker(tmp_path, rights)
    with telling(broker.port, hub, tmp_path, discovery=False, **login):
        with broker:
            happen(hub, 0)
            wait_for(lambda: "does not take an event of door: Not authorized" in caplog.text)
        (tmp_path / "rights").write_text(everything)
        with broker, Listener(broker.port, "edgevid/#", login=("pi", SECRET)) as listener:
            wait_for(lambda: listener.last("edgevid/availability") == "online")
            happen(hub, 1)
            wait_for(lambda: labels(listener.events())[-1:] == [1])


def test_without_a_broker_events_wait_and_come_in_order(tmp_path: Path) -> None:
    hub, broker = Hub(["door"]), Broker(tmp_path)
    with telling(broker.port, hub, tmp_path):
        for number in range(10):
            happen(hub, number)
    with broker, Listener(broker.port) as listener, telling(broker.port, hub, tmp_path):
        for number in range(10, 20):
            happen(hub, number)
        wait_for(lambda: len(listener.events()) >= 20)
        assert labels(listener.events()) == list(range(20))


def test_what_does_not_fit_is_dropped_oldest_first(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    hub, broker = Hub(["door"]), Broker(tmp_path)
    with ExitStack() as ends:
        line = ends.enter_context(CutLine(broker.port))
        ends.enter_context(telling(line.port, hub, tmp_path, keep_events=5))
        with line.closed():
            for number in range(20):
                happen(hub, number)
            wait_for(lambda: "the oldest are dropped" in caplog.text)
            ends.enter_context(broker)
            listener = ends.enter_context(Listener(broker.port))
        wait_for(lambda: labels(listener.events())[-1:] == [19])
        assert labels(listener.events()) == [15, 16, 17, 18, 19]
        assert "5 events waited, 15 were dropped" in caplog.text


@contextmanager
def happening(hub: Hub) -> Iterator[list[int]]:
    """Has events happen, fifty a second, until the block ends; gives their numbers so far."""
    ended = threading.Event()
    sent: list[int] = []

    def run() -> None:
        while not ended.wait(0.02):
            happen(hub, len(sent))
            sent.append(len(sent))

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield sent
    finally:
        ended.set()
        thread.join()


def test_the_broker_is_stopped_and_started_under_load(tmp_path: Path) -> None:
    hub = Hub(["door"])
    with (
        Broker(tmp_path) as broker,
        Listener(broker.port, "edgevid/+/event") as listener,
        CutLine(broker.port) as line,
        telling(line.port, hub, tmp_path),
    ):
        with happening(hub) as sent:
            for _ in range(5):
                known = len(listener.heard)
                wait_for(partial(more_than, listener, known + 5))
                with line.closed():
                    broker.restart(listener, pause=0.2)
        wait_for(lambda: len(listener.heard) >= len(sent))
        time.sleep(0.1)  # for any that come twice
        assert labels(listener.events()) == sent


# Every moment at which an event's way can be cut: at which packet, and whether that still arrives.
MOMENTS = [(packet, arrives) for packet in (PUBLISH, PUBACK) for arrives in (0, 1)]
# How often it comes then: again if it had arrived, and the broker's word of it had not.
TIMES = [1, 2, 2, 1]


@pytest.mark.parametrize("broker_ends", ["never", "in order", "killed", "killed, and forgets"])
def test_an_event_whose_way_is_cut_comes_all_the_same(tmp_path: Path, broker_ends: str) -> None:
    """A broker that is killed comes back with what it saved before, sessions included."""
    hub = Hub(["door"])

    def then() -> None:
        if broker_ends != "never":
            broker.restart(listener, signal.SIGKILL if "killed" in broker_ends else signal.SIGTERM)

    with (
        Broker(tmp_path, keeps="forgets" not in broker_ends) as broker,
        Listener(broker.port, "edgevid/+/event") as listener,
        CutLine(broker.port) as line,
        telling(line.port, hub, tmp_path),
    ):
        happen(hub, 1000)
        wait_for(listener.events)
        with line.closed():
            broker.restart(listener)  # it saves what it knows
        for number, (packet, arrives) in enumerate(MOMENTS):
            cut = line.cut_at(packet, bool(arrives), then)
            happen(hub, number)
            assert cut.wait(60)
            happen(hub, number + 100)  # comes after it: by then it has come as often as it will
            wait_for(partial(has_come, listener, number + 100))
    came = labels(listener.events())[1:]
    assert in_order(came) == [n for number in range(len(MOMENTS)) for n in (number, number + 100)]
    times = [came.count(number) for number in range(len(MOMENTS))]
    if "killed" in broker_ends:  # it may die before it has handed on what arrived
        assert all(1 <= count <= most for count, most in zip(times, TIMES, strict=True))
    else:
        assert times == TIMES
    assert len({event["id"] for event in listener.events()}) == 1 + 2 * len(MOMENTS)


def test_a_service_that_is_killed_goes_on_where_it_was(tmp_path: Path) -> None:
    def start() -> subprocess.Popen[str]:
        program = [sys.executable, "-c", CHILD, str(line.port), str(tmp_path)]
        return subprocess.Popen(program, stdin=subprocess.PIPE, text=True)

    def say(number: int) -> None:
        assert child.stdin is not None
        print(number, file=child.stdin, flush=True)

    with (
        Broker(tmp_path) as broker,
        Listener(broker.port, "edgevid/+/event") as listener,
        CutLine(broker.port) as line,
    ):
        child = start()
        for number, (packet, arrives) in enumerate(MOMENTS):
            cut = line.cut_at(packet, bool(arrives), child.kill)
            say(number)
            assert cut.wait(60)
            child.communicate()
            child = start()
            say(number + 100)
            wait_for(partial(has_come, listener, number + 100))
            time.sleep(0.1)  # for it to leave the outbox
        child.kill()
        child.communicate()
    came = labels(listener.events())
    assert in_order(came) == [n for number in range(len(MOMENTS)) for n in (number, number + 100)]
    assert [came.count(number) for number in range(len(MOMENTS))] == TIMES
    assert len({event["id"] for event in listener.events()}) == 2 * len(MOMENTS)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a CA of our own, and a certificate that it gave to ``localhost``."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    folder = tmp_path_factory.mktemp("certificates")
    folder.chmod(0o755)
    (folder / "names").write_text("subjectAltName=DNS:localhost")
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    ca = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"]
    for command in (
        ["req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=our CA"],
        ["req", *key, "-keyout", "key.pem", "-out", "request.pem", "-subj", "/CN=broker"],
        ["x509", "-req", "-in", "request.pem", *ca, "-out", "cert.pem", "-extfile", "names"],
    ):
        subprocess.run(["openssl", *command], cwd=folder, check=True, capture_output=True)
    return folder


def locked(folder: Path, secret: str = SECRET) -> Path:
    path = folder / "password"
    path.write_text(secret + "\n")
    path.chmod(0o600)
    return path


def with_passwords(folder: Path) -> str:
    """Returns settings of a broker that knows one user, who may write below ``edgevid`` only."""
    passwords, rights = folder / "passwords", folder / "rights"
    subprocess.run(
        ["mosquitto_passwd", "-c", "-b", str(passwords), "pi", SECRET],
        check=True,
        capture_output=True,
    )
    rights.write_text("user pi\ntopic readwrite edgevid/#\n")
    return f"allow_anonymous false\npassword_file {passwords}\nacl_file {rights}"


def test_tls_and_a_password(
    tmp_path: Path, certificates: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    tls = f"certfile {certificates}/cert.pem\nkeyfile {certificates}/key.pem\n"
    login: dict[str, Any] = {"username": "pi", "password_file": locked(tmp_path)}
    ours: dict[str, Any] = {"tls": True, "ca_file": certificates / "ca.pem", "host": "localhost"}
    hub = Hub(["door"])
    with Broker(tmp_path, tls + with_passwords(tmp_path)) as broker:
        with (
            Listener(
                broker.port, "edgevid/#", login=("pi", SECRET), ca_file=certificates / "ca.pem"
            ) as listener,
            telling(broker.port, hub, tmp_path, **ours, **login),
        ):
            happen(hub, 0)
            wait_for(listener.events)

        def says_since(before: int, what: str) -> bool:
            return what in caplog.text[before:]

        for wrong, says in (
            ({**ours, "host": "127.0.0.1"}, "certificate"),  # which is for localhost
            ({"tls": True, "host": "localhost"}, "certificate"),  # which only our CA vouches for
            ({}, "tls may be set wrong"),  # no TLS
        ):
            before = len(caplog.text)
            with telling(broker.port, hub, tmp_path, **{**login, **wrong}):
                wait_for(partial(says_since, before, says))
            assert "connected" not in caplog.text[before:]
    assert SECRET not in caplog.text
    assert SECRET not in repr(MqttConfig(**ours, **login, port=1))


def test_a_wrong_password_is_said_once_and_tried_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    login: dict[str, Any] = {"username": "pi", "password_file": locked(tmp_path, "wrong " + SECRET)}
    with (
        Broker(tmp_path, with_passwords(tmp_path)) as broker,
        telling(broker.port, Hub(["door"]), tmp_path, **login),
    ):
        wait_for(lambda: broker.log.read_text().count("not authorised") > 2)
    said = [record.message for record in caplog.records]
    assert said == [f"127.0.0.1:{broker.port}: refuses the service: Not authorized"]


def test_where_it_may_not_write_events_wait(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A broker would take them, and drop them without a word that gets through to us."""
    hub = Hub(["door"])
    login: dict[str, Any] = {"username": "pi", "password_file": locked(tmp_path)}
    with Broker(tmp_path, with_passwords(tmp_path)) as broker:
        with telling(broker.port, hub, tmp_path, topic="elsewhere", **login):
            happen(hub, 0)
            wait_for(lambda: "does not let the service write to elsewhere/" in caplog.text)
        with (  # the topic is put right
            Listener(broker.port, "edgevid/#", login=("pi", SECRET)) as listener,
            telling(broker.port, hub, tmp_path, **login),
        ):
            wait_for(lambda: labels(listener.events()) == [0])
            # It may not tell Home Assistant, which mosquitto answers by ending the connection.
            wait_for(lambda: "does not let the service tell Home Assistant" in caplog.text)
            happen(hub, 1)
            wait_for(lambda: labels(listener.events()) == [0, 1])
        assert broker.log.read_text().count("Denied PUBLISH") < 5


def test_whatever_answers_in_place_of_a_broker_it_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    hub, chance = Hub(["door"]), random.Random(0)
    with socket.create_server(("127.0.0.1", 0)) as impostor:
        port = impostor.getsockname()[1]
        with telling(port, hub, tmp_path):
            for number in range(30):
                impostor.settimeout(60)
                caller, _ = impostor.accept()
                with caller:
                    caller.recv(1000)
                    accepted = b"\x20\x03\x00\x00\x00" if number % 2 else b""
                    caller.sendall(accepted + chance.randbytes(number))
            happen(hub, 0)
            impostor.close()
            with Broker(tmp_path, port=port), Listener(port) as listener:
                # The first event may have come before there was anybody to listen; but until the
                # broker has it, no other is sent.
                happen(hub, 1)
                wait_for(lambda: labels(listener.events())[-1:] == [1])


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"topic": "house/#"}, r"without \+ and #"),
        ({"topic": ""}, r"without \+ and #"),
        ({"ca_file": Path("ca.pem")}, "tls = true"),
        ({"tls": True, "ca_file": Path("none.pem")}, "none.pem: .*No such file"),
        ({"tls": True, "ca_file": Path(__file__)}, "test_mqtt.py: is no file of certificates"),
        ({"password_file": Path("password")}, "needs a username"),
        ({"username": "pi", "password_file": Path("none")}, "none: cannot be read: No such file"),
    ],
)
def test_settings_that_cannot_work_are_refused(
    tmp_path: Path, settings: dict[str, Any], says: str
) -> None:
    with pytest.raises(UsageError, match=says) as raised:
        mqtt.start(MqttConfig(host="127.0.0.1", **settings), Hub(["door"]), tmp_path, print)
    assert "\n" not in str(raised.value)


def test_a_password_for_everybody_to_read_is_refused(tmp_path: Path) -> None:
    path = locked(tmp_path)
    path.chmod(0o644)
    settings = MqttConfig(host="127.0.0.1", username="pi", password_file=path)
    with pytest.raises(UsageError, match="every user of this machine can read it: chmod o="):
        mqtt.start(settings, Hub(["door"]), tmp_path, print)


def in_order(numbers: list[int]) -> list[int]:
    """Returns them without what has come before."""
    return list(dict.fromkeys(numbers))


CHILD = """
import sys, time
from pathlib import Path
from apps.raspberry_pi import mqtt
from apps.raspberry_pi.config import MqttConfig
from apps.raspberry_pi.hub import Hub
from edgevid import Event
hub = Hub(["door"])
mqtt.start(MqttConfig(host="127.0.0.1", port=int(sys.argv[1])), hub, Path(sys.argv[2]), print)
for line in sys.stdin:
    hub.bus.publish("door", Event("start", f"action {int(line)}", time.monotonic(), 0.5))
"""
