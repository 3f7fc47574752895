"""A real mosquitto on a free port of the loopback interface, and who listens to it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from benchmarks.parts.ending import Stoppable

# Debian keeps it where only root's PATH looks.
MOSQUITTO = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin")


def free_port() -> int:
    """Returns a port of the loopback interface that nobody listens at."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def wait_for(what: Callable[[], Any], seconds: float = 60.0) -> Any:
    """Waits until something is so; returns it."""
    end = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.01)
    return found


class Broker(Stoppable):
    """Can be stopped, killed and started again, with the same port and state.

    Args:
        folder: for its files.
        settings: further lines of its configuration; anybody may do everything by default.
        keeps: whether it remembers sessions over a restart, as Debian's does.
    """

    def __init__(
        self,
        folder: Path,
        settings: str = "allow_anonymous true",
        *,
        keeps: bool = True,
        port: int | None = None,
    ) -> None:
        self.port = port or free_port()
        self.log = folder / "mosquitto.log"
        self._config = folder / "mosquitto.conf"
        folder.chmod(0o777)  # it gives up being root
        self._config.write_text(
            f"listener {self.port} 127.0.0.1\n"
            f"persistence {'true' if keeps else 'false'}\npersistence_location {folder}/\n"
            f"user root\nlog_type all\nset_tcp_nodelay true\n{settings}\n"
        )
        self._process: subprocess.Popen[bytes] | None = None

    def restart(
        self, listener: Listener, how: signal.Signals = signal.SIGTERM, pause: float = 0.0
    ) -> None:
        """Ends and starts it, and waits until the listener is there again."""
        self.stop(how)
        wait_for(lambda: not listener.is_subscribed())
        time.sleep(pause)
        self.start()
        wait_for(listener.is_subscribed)

    def start(self) -> None:
        """Starts it, and waits until it listens."""
        assert MOSQUITTO is not None
        assert self._process is None, "it runs already"
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [MOSQUITTO, "-c", str(self._config)], stdout=log, stderr=log
            )
        wait_for(self._listens)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """Ends it, if it runs."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(10)
            self._process = None

    def _listens(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log.read_text()
        with socket.socket() as there:
            return there.connect_ex(("127.0.0.1", self.port)) == 0


class Listener(Stoppable):
    """Hears what the broker passes on while it is connected, each time that it is passed on.

    That is why it listens with QoS 0: what a broker stores for a listener it may give it twice.
    mosquitto 2.0.11 does, when it is stopped while that listener catches up.

    Attributes:
        heard: topic, content and whether it was retained, in order.
    """

    def __init__(
        self,
        port: int,
        topic: str = "#",
        *,
        login: tuple[str, str] | None = None,
        ca_file: Path | None = None,
    ) -> None:
        self.heard: list[tuple[str, bytes, bool]] = []
        self._subscribed = threading.Event()
        self._client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
        self._client.reconnect_delay_set(0.05, 0.2)  # type: ignore[arg-type]
        if login:
            self._client.username_pw_set(*login)
        if ca_file:
            self._client.tls_set(str(ca_file))
        self._client.on_disconnect = lambda *_: self._subscribed.clear()
        self._client.on_connect = lambda client, *_: client.subscribe(topic)
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_message = self._on_message
        self._client.connect("localhost" if ca_file else "127.0.0.1", port)

    def start(self) -> None:
        """Listens, once the broker has taken the subscription."""
        self._client.loop_start()
        wait_for(self.is_subscribed)

    def stop(self) -> None:
        """Leaves the broker."""
        self._client.disconnect()
        self._client.loop_stop()

    def is_subscribed(self) -> bool:
        """Whether the broker has taken the subscription."""
        return self._subscribed.is_set()

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Tells something, as another program would."""
        self._client.publish(topic, payload, retain=retain)

    def _on_message(self, _: Client, __: object, message: MQTTMessage) -> None:
        self.heard.append((message.topic, bytes(message.payload), message.retain))

    def last(self, topic: str) -> Any:
        """Returns what was last heard under a topic, as JSON or else as text; {} if nothing."""
        contents = [content for heard, content, _ in self.heard if heard == topic]
        if not contents:
            return {}
        try:
            return json.loads(contents[-1])
        except ValueError:
            return contents[-1].decode()

    def events(self, camera: str = "door", topic: str = "edgevid") -> list[dict[str, Any]]:
        """Returns the events heard of one camera, in order."""
        return [json.loads(c) for t, c, _ in self.heard if t == f"{topic}/{camera}/event"]
