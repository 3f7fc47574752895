"""Orders that come over MQTT: which cameras watch, and with which model.

``TOPIC/CAMERA/set`` takes ``ON`` and ``OFF``; ``TOPIC/model/set`` takes one of the names that the
config allows. Anything else is refused.
"""

from __future__ import annotations

import logging
from typing import Any

from apps.raspberry_pi.controls import Controls
from apps.raspberry_pi.hub import Hub

_LOG = logging.getLogger("edgevid.mqtt")


class Orders:
    """Reads orders, and hands them on.

    Args:
        topic: below which they come.
        hub: which cameras there are.
        controls: what carries them out.

    Attributes:
        models: the names of those that may be chosen; empty when there is nothing to choose.
        topics: where orders come.
        model_state: where it is told which model runs.
    """

    def __init__(self, topic: str, hub: Hub, controls: Controls) -> None:
        self._controls = controls
        self._cameras = {f"{topic}/{one.name}/set": one.name for one in hub.status.cameras()}
        self._model_set = f"{topic}/model/set"
        self.models = controls.models
        self.model_state = f"{topic}/model/state"
        self.topics = frozenset((*self._cameras, *([self._model_set] if self.models else ())))

    def model_message(self) -> dict[str, Any]:
        """Returns which model runs; None when that is none of those that may be chosen."""
        return {"model": self._controls.model()}

    def take(self, topic: str, payload: bytes) -> None:
        """Carries an order out."""
        if topic == self._model_set:
            name = payload.decode("utf-8", "replace")
            if name not in self.models:
                _LOG.warning("%s: there is no such model among [model] choices", topic)
                return
            self._controls.use(name)
        elif payload in (b"ON", b"OFF"):
            self._controls.watch(self._cameras[topic], payload == b"ON")
        else:
            _LOG.warning("%s takes ON and OFF", topic)
