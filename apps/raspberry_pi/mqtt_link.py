"""The connection to an MQTT broker: what it is told, in which order, and what if it goes away.

An event leaves the outbox when the broker has said that it has it, and the next one is sent only
then, so they arrive in order. QoS 2 makes that exactly once while one of the two goes away:

- The connection or the broker goes and comes back: the broker still has the session, and the
  handshake goes on where it was.
- The broker has forgotten the session (it keeps none on its disk, or lost power): nobody can tell
  whether the event was passed on. It is sent again, with the same ``id``.
- The service is killed: it begins a new session, so the broker drops what it had not passed on
  yet, and the first event of the outbox is sent again, with the same ``id``. Consumers see it
  twice only if the kill came in the milliseconds between its passing on and the broker's word.
"""

from __future__ import annotations

import json
import logging
import queue
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any

from paho.mqtt.client import Client
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from apps.raspberry_pi import home_assistant
from apps.raspberry_pi.config import MqttConfig
from apps.raspberry_pi.hub import CameraEvent, Hub
from apps.raspberry_pi.messages import event_message, state_message
from apps.raspberry_pi.outbox import Message, Outbox

_LOG = logging.getLogger("edgevid.mqtt")

_TURN_S = 1.0  # how often the cameras' states are looked at
_REFRESH_S = 10.0  # how often a probability alone is news
_KEEP_ALIVE_S = 20  # seconds without a word after which either side asks whether the other is there
_BACK_OFF_S = (1, 30)  # between attempts to connect: at first, at most
_SESSION_S = 24 * 3600  # for how long the broker is to remember a handshake


class MqttLink:
    """One thread does everything, in the order in which it hears of it; paho's only calls it."""

    def __init__(
        self, config: MqttConfig, hub: Hub, outbox: Outbox, client: Client, device: str
    ) -> None:
        self._config, self._hub, self._outbox = config, hub, outbox
        self._client, self._device = client, device
        self._broker = f"{config.host}:{config.port}"
        self._availability = f"{config.topic}/availability"

        self._has_session = False  # one of our own: no handshake of an earlier run is left in it
        self._announces = config.discovery
        self._announcements: set[int] = set()  # the packets
        self._todo: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._greeting: int | None = None  # the packet that asks whether we may write here
        self._ready = False  # connected, and we may
        self._on_its_way: tuple[int, Message] | None = None  # the packet, what is in it
        self._told: dict[str, tuple[float, dict[str, Any]]] = {}  # when, what, by camera
        self._trouble = ""  # what was last complained about
        self._is_explained = False  # whether the log has why the connection will end, or ended
        self._leave_by: float | None = None

        client.reconnect_delay_set(*_BACK_OFF_S)
        client.will_set(self._availability, "offline", qos=1, retain=True)
        client.on_connect = self._on_connect
        client.on_connect_fail = self._on_connect_fail
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        self._leave_hub = hub.listen(lambda found: self._do(self._keep, found))
        session = _properties(PacketTypes.CONNECT)
        session.SessionExpiryInterval = _SESSION_S
        client.connect_async(config.host, config.port, keepalive=_KEEP_ALIVE_S, properties=session)
        self._thread = threading.Thread(target=self._run, name="mqtt", daemon=True)
        self._thread.start()

    def is_alive(self) -> bool:
        """Whether its thread runs; that one sees to paho's."""
        return self._thread.is_alive()

    def stop(self, within: float) -> None:
        """Sends what can be sent in so many seconds; the rest waits on disk for the next start."""
        self._leave_hub()
        self._do(self._last_orders, time.monotonic() + within)
        self._thread.join(within + 0.5)

    # paho's thread says what happened. Nothing is done there: it would wait for our locks, and we
    # for its.

    def _do(self, step: Callable[..., None], *about: object) -> None:
        self._todo.put(partial(step, *about))

    def _on_connect(
        self, client: Client, _: object, flags: Any, reason: ReasonCode, *__: Any
    ) -> None:
        if reason.is_failure:
            self._do(self._complain, f"refuses the service: {reason}")
            return
        if not self._has_session:
            # What was before is now forgotten on both sides, since paho's first connection is a
            # clean start. But what began so is not kept over a restart by the mosquitto of
            # Debian 12 (2.0.11); what is resumed is.
            self._has_session = True
            with suppress(OSError):  # then paho tries again
                client.reconnect()
            return
        # Had paho kept them it would now go on with a handshake that the broker knows nothing of,
        # take the end of that for success, and the event would be lost.
        lost = () if flags.session_present else client.drop_out_messages()
        self._do(self._connected, {message.mid for message in lost})

    def _on_connect_fail(self, *_: Any) -> None:
        self._do(self._complain, f"cannot be reached: {_why(sys.exception())}")

    def _on_disconnect(
        self, _: Client, __: object, flags: Any, reason: ReasonCode, *___: Any
    ) -> None:
        # Where the broker did not say why, paho makes a reason up.
        self._do(self._disconnected, str(reason) if flags.is_disconnect_packet_from_server else "")

    def _on_publish(
        self, _: Client, __: object, packet: int, reason: ReasonCode, *___: Any
    ) -> None:
        self._do(self._published, packet, reason)

    # Our own thread.

    def _run(self) -> None:
        while not self._is_over():
            # Does nothing while paho's thread runs, and starts it again should it ever die.
            self._client.loop_start()
            try:
                with suppress(queue.Empty):
                    self._todo.get(timeout=_TURN_S)()
                if self._ready:
                    self._send_first()
                    self._send_states()
            except Exception:  # whatever it is, there are months to go
                _LOG.exception("MQTT goes on after an error of its own")
                time.sleep(_TURN_S)
        self._leave()

    def _is_over(self) -> bool:
        if self._leave_by is None:
            return False
        return not self._ready or not len(self._outbox) or time.monotonic() > self._leave_by

    def _last_orders(self, leave_by: float) -> None:
        self._leave_by = leave_by

    def _keep(self, found: CameraEvent) -> None:
        self._outbox.add(found.camera, _json(event_message(found)))

    def _connected(self, lost: set[int]) -> None:
        if self._on_its_way and self._on_its_way[0] in lost:
            self._on_its_way = None
        self._greeting = self._client.publish(self._availability, "online", qos=1, retain=True).mid

    def _published(self, packet: int, reason: ReasonCode) -> None:
        if self._on_its_way and packet == self._on_its_way[0]:
            self._outbox.done(self._on_its_way[1])
            self._on_its_way = None
        elif packet == self._greeting:
            self._greeted(reason)
        elif packet in self._announcements and reason.is_failure:
            self._announces = False  # mosquitto 2.0.11 ends the connection each time
            self._complain(f"does not let the service tell Home Assistant of itself: {reason}")

    def _greeted(self, reason: ReasonCode) -> None:
        if reason.is_failure:
            self._complain(f"does not let the service write to {self._availability}: {reason}")
            return
        waiting, dropped = len(self._outbox), self._outbox.dropped
        waited = f", {waiting} events waited" if waiting else ""
        lost = f", {dropped} were dropped since the service started" if dropped else ""
        _LOG.info("%s: connected%s%s", self._broker, waited, lost)
        self._ready, self._is_explained, self._trouble = True, True, ""
        self._told.clear()
        if self._announces:
            self._announcements = {self._announce(camera.name) for camera in self._hub.cameras()}

    def _disconnected(self, reason: str) -> None:
        why = reason and f": {reason}"
        if self._ready and self._leave_by is None:
            self._complain(f"is gone, so events wait on the disk{why}")
        elif not self._is_explained:
            self._complain(f"ends the connection at once{why or ': tls may be set wrong'}")
        self._ready = self._is_explained = False

    def _complain(self, trouble: str) -> None:
        if trouble != self._trouble:
            _LOG.warning("%s: %s", self._broker, trouble)
        self._trouble, self._is_explained = trouble, True

    def _announce(self, camera: str) -> int:
        own = home_assistant.identifier(self._device, camera)
        return self._client.publish(
            f"{self._config.discovery_topic}/device/{own}/config",
            _json(
                home_assistant.discovery(
                    self._device,
                    camera,
                    topic=f"{self._config.topic}/{camera}",
                    availability=self._availability,
                )
            ),
            qos=1,
            retain=True,
        ).mid

    def _send_first(self) -> None:
        message = None if self._on_its_way else self._outbox.first()
        if message is not None:
            topic = f"{self._config.topic}/{message.camera}/event"
            self._on_its_way = self._client.publish(topic, message.payload, qos=2).mid, message

    def _send_states(self) -> None:
        """Sends what is news; with each connection all are sent again."""
        now = time.monotonic()
        for camera in self._hub.cameras():
            state = state_message(camera)
            at, told = self._told.get(camera.name, (-_REFRESH_S, {}))
            due = now - at >= (
                _TURN_S if _but_probability(state) != _but_probability(told) else _REFRESH_S
            )
            if due and state != told:
                self._told[camera.name] = now, state
                self._client.publish(
                    f"{self._config.topic}/{camera.name}/state", _json(state), qos=1, retain=True
                )

    def _leave(self) -> None:
        if self._ready:
            self._client.publish(self._availability, "offline", retain=True)
        forget = _properties(PacketTypes.DISCONNECT)
        forget.SessionExpiryInterval = 0  # the next start begins anew
        self._client.disconnect(properties=forget)
        while (
            self._ready and self._leave_by is not None and time.monotonic() < self._leave_by + 0.2
        ):
            with suppress(queue.Empty):
                self._todo.get(timeout=0.05)()
        self._outbox.close()


def _but_probability(state: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in state.items() if key != "probability"}


def _properties(packet: int) -> Properties:
    return Properties(packet)  # type: ignore[no-untyped-call]


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def _why(error: BaseException | None) -> str:
    return " ".join(str(getattr(error, "strerror", None) or error).split())
