"""The connection to an MQTT broker: what is published, in which order, and reconnection.

An event leaves the outbox when the broker has said that it has it (QoS 1), and the next one is
sent only then, so they arrive in order. Where it is not known whether the broker has it, because
the connection, the broker or this service went away before its word came, it is sent again with
the same ``id``: it may come twice, but is never lost.

QoS 2 would promise to make that exactly once, and lose events: a broker that lost power comes back
with a session from its last save, takes the rest of a handshake that it knows nothing of for done
(mosquitto does), and what was in it is gone. Nothing tells this case from a good one.
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

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.reasoncodes import ReasonCode

from apps.raspberry_pi.bus import CameraEvent
from apps.raspberry_pi.config import MqttConfig
from apps.raspberry_pi.controls import Controls
from apps.raspberry_pi.hub import Hub
from apps.raspberry_pi.messages import event_message, state_message
from apps.raspberry_pi.mqtt import home_assistant
from apps.raspberry_pi.mqtt.orders import Orders
from apps.raspberry_pi.mqtt.presence import Presence
from apps.raspberry_pi.mqtt.retained import Retained, is_announcement, is_state
from apps.raspberry_pi.outbox import Message, Outbox
from apps.raspberry_pi.pictures import small
from edgevid import EdgevidError, UsageError

_LOG = logging.getLogger("edgevid.mqtt")

_TURN_S = 1.0  # how often the cameras' states are looked at
_REFRESH_S = 10.0  # how often a probability alone is news
_KEEP_ALIVE_S = 20  # seconds without a word after which either side asks whether the other is there
_BACK_OFF_S = (1, 30)  # between attempts to connect: at first, at most
_ANSWER_S = 1.0  # for another service on the same topic to answer, before the first event is sent
_LOOK_S = 5.0  # for what a broker still holds under our topics, after connecting
_LONGEST_SIDE = 1280  # pixels of a picture: the broker keeps one of each camera
_REFUSED_S = 30.0  # until an event that the broker refused is tried again


class MqttLink:
    """One thread does everything, in the order in which it hears of it; paho's only calls it.

    Only events go to the outbox at once, from the thread in which they happen.
    """

    def __init__(
        self,
        config: MqttConfig,
        hub: Hub,
        outbox: Outbox,
        retained: Retained,
        client: Client,
        device: str,
        fail: Callable[[EdgevidError], None],
        controls: Controls | None = None,
    ) -> None:
        self._config, self._hub, self._outbox = config, hub, outbox
        self._retained, self._client, self._device, self._fail = retained, client, device, fail
        self._broker = f"{config.host}:{config.port}"
        self._availability = f"{config.topic}/availability"
        self._meeting = f"{config.topic}/service"  # where services on this topic hear each other
        self._looked_through = (
            f"{config.topic}/+/state",
            f"{config.discovery_topic}/device/+/config",
        )

        self._orders = Orders(config.topic, hub, controls) if controls else None

        self._announces = config.discovery
        self._announcements: set[int] = set()  # the packets
        self._clearing: dict[int, str] = {}  # packets, and the topics that they clear
        self._todo: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._presence = Presence()
        self._subscribing: int | None = None  # the packet
        self._cut_while_subscribing = 0  # times
        self._question: int | None = None  # the packet that asks for other services
        self._may_ask = True
        self._answers_until: float | None = None
        self._look_until: float | None = None
        self._greeting: int | None = None  # the packet that asks whether we may write here
        self._is_connected = False  # written by paho's thread
        self._ready = False  # connected, the topic is ours, and we may write
        self._on_its_way: tuple[int, Message] | None = None  # the packet, what is in it
        self._not_before = 0.0  # the next event
        self._pictures: dict[str, bytes] = {}  # by camera: the newest that is to be told
        self._picture_on_its_way: tuple[int, str, bytes] | None = None  # the packet, what is in it
        self._told: dict[str, tuple[float, dict[str, Any]]] = {}  # when, what, by topic
        self._trouble = ""  # what was last complained about
        self._is_explained = False  # whether the log has why the connection will end, or ended
        self._leave_by: float | None = None

        client.reconnect_delay_set(*_BACK_OFF_S)
        client.will_set(self._availability, "offline", qos=1, retain=True)
        client.on_connect = self._on_connect
        client.on_connect_fail = self._on_connect_fail
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        self._leave_hub = hub.bus.keep(self._keep)
        # What was before is each time forgotten on both sides: the outbox knows what is to be sent.
        client.connect_async(config.host, config.port, keepalive=_KEEP_ALIVE_S, clean_start=True)
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

    def _keep(self, found: CameraEvent) -> None:
        """Takes an event, in the thread in which it happened."""
        self._outbox.add(found.camera, _json(event_message(found)))
        is_start = found.event.state == "start"
        if is_start:
            self._do(self._take_picture, found.camera)
        else:
            self._do(_nothing)

    # paho's thread says what happened. Nothing is done there: it would wait for our locks, and we
    # for its.

    def _do(self, step: Callable[..., None], *about: object) -> None:
        self._todo.put(partial(step, *about))

    def _on_connect(
        self, client: Client, _: object, __: object, reason: ReasonCode, *___: Any
    ) -> None:
        if reason.is_failure:
            self._do(self._complain, f"refuses the service: {reason}")
            return
        client.drop_out_messages()  # else paho sends them once more, beside us
        self._is_connected = True
        self._do(self._connected)

    def _on_connect_fail(self, *_: Any) -> None:
        self._do(self._complain, f"cannot be reached: {_why(sys.exception())}")

    def _on_disconnect(
        self, _: Client, __: object, flags: Any, reason: ReasonCode, *___: Any
    ) -> None:
        self._is_connected = False
        # Where the broker did not say why, paho makes a reason up.
        self._do(self._disconnected, str(reason) if flags.is_disconnect_packet_from_server else "")

    def _on_publish(
        self, _: Client, __: object, packet: int, reason: ReasonCode, *___: Any
    ) -> None:
        self._do(self._published, packet, reason)

    def _on_subscribe(self, _: Client, __: object, packet: int, *___: Any) -> None:
        self._do(self._subscribed, packet)

    def _on_message(self, _: Client, __: object, message: MQTTMessage) -> None:
        self._do(self._heard, message.topic, bytes(message.payload), message.retain)

    # Our own thread.

    def _run(self) -> None:
        while not self._is_over():
            # Does nothing while paho's thread runs, and starts it again should it ever die.
            self._client.loop_start()
            try:
                with suppress(queue.Empty):
                    self._todo.get(timeout=self._pause())()
                self._settle()
                if self._ready and self._is_connected:
                    self._send_first()
                    self._send_states()
                    self._send_picture()
                    self._end_looking()
            except Exception:  # whatever it is, there are months to go
                _LOG.exception("MQTT goes on after an error of its own")
                time.sleep(_TURN_S)
        self._leave()

    def _pause(self) -> float:
        """Returns for how long there is nothing to do unless it is woken."""
        if self._answers_until is None:
            return _TURN_S
        return max(0.0, min(_TURN_S, self._answers_until - time.monotonic()))

    def _is_over(self) -> bool:
        if self._leave_by is None:
            return False
        return not self._ready or not len(self._outbox) or time.monotonic() > self._leave_by

    def _last_orders(self, leave_by: float) -> None:
        self._leave_by = leave_by

    def _connected(self) -> None:
        self._on_its_way = None
        if self._picture_on_its_way is not None:  # nobody knows whether the broker has it
            _, camera, picture = self._picture_on_its_way
            self._pictures.setdefault(camera, picture)
            self._picture_on_its_way = None
        self._clearing.clear()
        self._announcements.clear()
        if self._cut_while_subscribing < 2:  # some brokers end the connection of who may not
            topics = [(self._availability, 1), (self._meeting, 1)]
            topics += [(topic, 0) for topic in self._looked_through]
            topics += [(topic, 1) for topic in (self._orders.topics if self._orders else ())]
            self._subscribing = self._client.subscribe(topics)[1]
            self._look_until = time.monotonic() + _LOOK_S
        if self._may_ask:
            asked = self._client.publish(self._meeting, self._presence.question(), qos=1)
            self._question = asked.mid
        self._answers_until = time.monotonic()
        if not self._presence.is_settled and self._may_ask:
            self._answers_until += _ANSWER_S

    def _subscribed(self, packet: int) -> None:
        if packet == self._subscribing:
            self._subscribing, self._cut_while_subscribing = None, 0

    def _settle(self) -> None:
        """Begins to publish, once no other service has claimed the topic in time."""
        if self._answers_until is None or time.monotonic() < self._answers_until:
            return
        self._answers_until = None
        self._presence.is_settled = True
        self._greet()

    def _greet(self) -> None:
        self._greeting = self._client.publish(self._availability, "online", qos=1, retain=True).mid

    def _heard(self, topic: str, payload: bytes, retained: bool) -> None:
        if self._orders and topic in self._orders.topics:
            if not retained:  # one that the broker keeps would be given with each connection
                self._orders.take(topic, payload)
        elif topic == self._meeting:
            self._met(payload)
        elif topic == self._availability:
            # The will of a connection of ours, or of a service that has just been here.
            if payload == b"offline" and self._ready and self._leave_by is None:
                self._greet()
        elif retained and payload and topic not in self._wanted():
            state = topic.startswith(f"{self._config.topic}/") and is_state(payload)
            if state or is_announcement(payload, self._availability):
                self._clear(topic)
            if state:
                self._clear(topic.removesuffix("state") + "picture")

    def _met(self, payload: bytes) -> None:
        answer, other = self._presence.heard(payload)
        if answer:
            self._client.publish(self._meeting, answer, qos=1)
        if not other:
            return
        says = f"another service, on {other}, tells the topic {self._config.topic}"
        if self._presence.is_settled:
            _LOG.error("%s: %s too: what both tell is mixed up", self._broker, says)
        elif self._leave_by is None:
            self._answers_until = None
            self._fail(
                UsageError(f"[mqtt]: {self._broker}: {says}: stop it, or give this one another")
            )

    def _published(self, packet: int, reason: ReasonCode) -> None:
        if self._on_its_way and packet == self._on_its_way[0]:
            message, self._on_its_way = self._on_its_way[1], None
            if reason.is_failure:
                self._not_before = time.monotonic() + _REFUSED_S
                self._complain(f"does not take an event of {message.camera}: {reason}")
            else:
                self._outbox.done(message)
        elif self._picture_on_its_way and packet == self._picture_on_its_way[0]:
            camera, self._picture_on_its_way = self._picture_on_its_way[1], None
            if reason.is_failure:
                self._complain(f"does not take a picture of {camera}: {reason}")
        elif packet == self._greeting:
            self._greeted(reason)
        elif packet == self._question:
            if reason.is_failure:  # mosquitto 2.0.11 ends the connection each time
                self._may_ask = False
        elif packet in self._clearing:
            topic = self._clearing.pop(packet)
            if not reason.is_failure:
                self._retained.remove(topic)
        elif packet in self._announcements and reason.is_failure:
            self._announces = False  # the same
            self._complain(f"does not let the service tell Home Assistant of itself: {reason}")

    def _greeted(self, reason: ReasonCode) -> None:
        if reason.is_failure:
            self._complain(f"does not let the service write to {self._availability}: {reason}")
            return
        if self._ready:  # it was only said again
            return
        waiting, dropped = len(self._outbox), self._outbox.dropped
        waited = f", {waiting} events waited" if waiting else ""
        lost = f", {dropped} were dropped since the service started" if dropped else ""
        _LOG.info("%s: connected%s%s", self._broker, waited, lost)
        self._ready, self._is_explained, self._trouble = True, True, ""
        self._told.clear()
        wanted = self._wanted()
        for topic in sorted(self._retained.topics - wanted):
            self._clear(topic)
        self._retained.add(wanted)
        if self._announces:
            self._announcements = {
                self._client.publish(topic, _json(content), qos=1, retain=True).mid
                for topic, content in self._discovery().items()
            }

    def _wanted(self) -> frozenset[str]:
        """Returns the topics under which brokers are to keep something."""
        names = [camera.name for camera in self._hub.status.cameras()]
        topics = {f"{self._config.topic}/{name}/state" for name in names}
        if self._config.pictures:
            topics |= {f"{self._config.topic}/{name}/picture" for name in names}
        if self._orders and self._orders.models:
            topics.add(self._orders.model_state)
        return frozenset(topics | (self._discovery().keys() if self._config.discovery else set()))

    def _discovery(self) -> dict[str, dict[str, Any]]:
        """Returns what is told to Home Assistant, by topic."""
        topic, root = self._config.topic, f"{self._config.discovery_topic}/device"
        told = {
            f"{root}/{home_assistant.identifier(self._device, camera.name)}/config": (
                home_assistant.discovery(
                    self._device,
                    camera.name,
                    topic=f"{topic}/{camera.name}",
                    availability=self._availability,
                    pictures=self._config.pictures,
                    orders=self._orders is not None,
                )
            )
            for camera in self._hub.status.cameras()
        }
        if self._orders and self._orders.models:
            told[f"{root}/{self._device}/config"] = home_assistant.service_discovery(
                self._device,
                topic=f"{topic}/model",
                models=self._orders.models,
                availability=self._availability,
            )
        return told

    def _clear(self, topic: str) -> None:
        packet = self._client.publish(topic, b"", qos=1, retain=True).mid
        self._clearing[packet] = topic

    def _end_looking(self) -> None:
        if self._look_until is not None and time.monotonic() > self._look_until:
            self._look_until = None
            self._client.unsubscribe(list(self._looked_through))

    def _disconnected(self, reason: str) -> None:
        why = reason and f": {reason}"
        if self._ready and self._leave_by is None:
            self._complain(f"is gone, so events wait on the disk{why}")
        elif not self._is_explained:
            self._complain(f"ends the connection at once{why or ': tls may be set wrong'}")
        if self._subscribing is not None:
            self._cut_while_subscribing += 1
        self._subscribing = self._answers_until = self._look_until = None
        self._ready = self._is_explained = False

    def _complain(self, trouble: str) -> None:
        if trouble != self._trouble:
            _LOG.warning("%s: %s", self._broker, trouble)
        self._trouble, self._is_explained = trouble, True

    def _send_first(self) -> None:
        if self._on_its_way or time.monotonic() < self._not_before:
            return
        message = self._outbox.first()
        if message is not None:
            topic = f"{self._config.topic}/{message.camera}/event"
            self._on_its_way = self._client.publish(topic, message.payload, qos=1).mid, message

    def _send_states(self) -> None:
        """Sends what is news; with each connection all are sent again."""
        for camera in self._hub.status.cameras():
            self._send_state(f"{self._config.topic}/{camera.name}/state", state_message(camera))
        if self._orders and self._orders.models:
            self._send_state(self._orders.model_state, self._orders.model_message())

    def _send_state(self, topic: str, state: dict[str, Any]) -> None:
        now = time.monotonic()
        at, told = self._told.get(topic, (-_REFRESH_S, {}))
        due = now - at >= (
            _TURN_S if _but_probability(state) != _but_probability(told) else _REFRESH_S
        )
        if due and state != told:
            self._told[topic] = now, state
            self._client.publish(topic, _json(state), qos=1, retain=True)

    def _take_picture(self, camera: str) -> None:
        """Draws what a camera shows, soon after its event."""
        if not self._config.pictures:
            return
        snapshot = self._hub.snapshots.snapshot(camera)
        if snapshot is not None:
            self._pictures[camera] = small(snapshot.jpeg, _LONGEST_SIDE)

    def _send_picture(self) -> None:
        """Sends one picture at a time, so that a slow line has no more waiting than that."""
        if self._picture_on_its_way is not None or not self._pictures:
            return
        camera, picture = next(iter(self._pictures.items()))
        del self._pictures[camera]
        topic = f"{self._config.topic}/{camera}/picture"
        packet = self._client.publish(topic, picture, qos=1, retain=True).mid
        self._picture_on_its_way = packet, camera, picture

    def _leave(self) -> None:
        if self._ready:
            self._client.publish(self._availability, "offline", retain=True)
        self._client.disconnect()
        while (
            self._ready and self._leave_by is not None and time.monotonic() < self._leave_by + 0.2
        ):
            with suppress(queue.Empty):
                self._todo.get(timeout=0.05)()
        self._outbox.close()


def _but_probability(state: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in state.items() if key != "probability"}


def _nothing() -> None:
    """Wakes the thread."""


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")


def _why(error: BaseException | None) -> str:
    return " ".join(str(getattr(error, "strerror", None) or error).split())
