"""Publishes to an MQTT broker what the cameras see."""

from __future__ import annotations

import logging
import re
import secrets
import ssl
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from apps.raspberry_pi import secret_file
from apps.raspberry_pi.config import MqttConfig
from apps.raspberry_pi.controls import Controls
from apps.raspberry_pi.hub import Hub
from apps.raspberry_pi.mqtt.retained import Retained
from apps.raspberry_pi.outbox import Outbox
from edgevid import EdgevidError, MissingDependencyError, OutputError, UsageError
from edgevid.support.atomic_file import atomic_file, sweep

try:
    from paho.mqtt.client import Client
    from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

    from apps.raspberry_pi.mqtt.link import MqttLink
except ImportError as error:
    raise MissingDependencyError("MQTT needs paho-mqtt: pip install paho-mqtt") from error

_LOG = logging.getLogger("edgevid.mqtt")

_DEVICE = re.compile(r"[\w-]{1,64}")  # it becomes part of topics


def start(
    config: MqttConfig,
    hub: Hub,
    state_folder: Path,
    fail: Callable[[EdgevidError], None],
    controls: Controls | None = None,
) -> MqttLink:
    """Starts telling a broker; goes on whether or not there is one.

    Args:
        config: with a host.
        hub: what to tell.
        state_folder: where events wait while the broker is away.
        fail: called, from another thread, when it turns out that this cannot go on.
        controls: what orders are given to; None to take none.

    Raises:
        UsageError: a setting cannot work, or another service has the state folder.
    """
    if not config.topic or {"+", "#"} & set(config.topic + config.discovery_topic):
        raise UsageError("[mqtt]: topic and discovery_topic are topics, without + and #")
    if config.ca_file and not config.tls:
        raise UsageError("[mqtt]: ca_file is of no use without tls = true")
    if config.password_file and not config.username:
        raise UsageError("[mqtt]: a password needs a username")
    sweep(state_folder)
    device = _device(state_folder)
    client = Client(
        CallbackAPIVersion.VERSION2,
        # Another with each start: who copies a state folder gets two that a broker can tell apart.
        client_id=f"{device}-{secrets.token_hex(4)}",
        protocol=MQTTProtocolVersion.MQTTv5,
    )
    if config.username:
        password = secret_file.read(config.password_file) if config.password_file else None
        client.username_pw_set(config.username, password)
        if password and not config.tls and config.host not in ("localhost", "127.0.0.1", "::1"):
            _LOG.warning("the password goes to %s unencrypted: set tls = true", config.host)
    if config.tls:
        client.tls_set_context(certificates(config.ca_file))
    outbox = Outbox(state_folder / "outbox.sqlite", config.keep_events)
    retained = Retained(state_folder / "retained.json")
    return MqttLink(config, hub, outbox, retained, client, device, fail, controls)


def _device(state_folder: Path) -> str:
    """Returns the name of this service for brokers and Home Assistant; it never changes."""
    path = state_folder / "device"
    with suppress(OSError, ValueError):
        known = path.read_text("ascii").strip()
        if _DEVICE.fullmatch(known):
            return known
    made = f"edgevid-{secrets.token_hex(4)}"
    try:
        with atomic_file(path) as file:
            file.write(made.encode())
    except OutputError as error:  # without it the service works, but is another after a restart
        _LOG.error("%s", error)
    return made


def certificates(ca_file: Path | None) -> ssl.SSLContext:
    """Returns what a broker's certificate is checked by.

    Raises:
        UsageError: there are no certificates in the file.
    """
    try:
        context = ssl.create_default_context(cafile=ca_file)
        # From Python 3.13 on it insists on key usages, which the authorities that one makes for a
        # broker at home, as the usual guides have it, do not state. All else is checked as ever.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        return context
    except (OSError, ssl.SSLError) as error:
        raise UsageError(f"{ca_file}: is no file of certificates: {error.strerror}") from error
