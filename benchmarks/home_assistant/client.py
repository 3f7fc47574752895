"""A real Home Assistant in a root of its own, and its HTTP interface."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from benchmarks.parts.broker import free_port, wait_for
from benchmarks.parts.ending import Stoppable, wait_or_kill

# In a name space of its own, so that nothing of it stays mounted or running.
_ALONE = ("unshare", "--mount", "--pid", "--fork", "--kill-child=SIGTERM")
_RUN = """
mount -t proc proc "$0/proc"
mount --rbind /dev "$0/dev"
exec chroot "$0" /ha/bin/hass --config /config --skip-pip
"""
_CONFIG = """homeassistant:
  name: Home
  time_zone: UTC
http:
  server_host: 127.0.0.1
  server_port: {port}
api:
config:
onboarding:
"""
_OWNER = {"username": "owner", "password": "for this run only"}


class HomeAssistant(Stoppable):
    """Starts with nothing set up, and ends with this.

    Args:
        root: the Debian that ``make_root.sh`` builds.

    Attributes:
        version: of Home Assistant, once it runs.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._port = free_port()
        self._token = ""
        self._process: subprocess.Popen[bytes] | None = None
        self.log = root / "config" / "hass.log"
        self.version = ""

    def start(self) -> None:
        """Starts it, and waits until it is set up."""
        config = self.log.parent
        shutil.rmtree(config, ignore_errors=True)
        config.mkdir()
        (config / "configuration.yaml").write_text(_CONFIG.format(port=self._port))
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [*_ALONE, "sh", "-ec", _RUN, str(self._root.resolve())],
                stdout=log,
                stderr=log,
                env={"PATH": os.environ["PATH"], "HOME": "/root"},
            )
        try:
            wait_for(self._listens, 180)
            self._set_up()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Ends it, if it runs."""
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            wait_or_kill(self._process, 30)

    def _listens(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log.read_text()[-3000:]
        try:
            self.ask("/api/onboarding")
        except (URLError, ConnectionError):
            return False
        return True

    def _set_up(self) -> None:
        """Makes the first user, as the first visit of its page does, and logs in."""
        client = f"http://127.0.0.1:{self._port}/"
        made = self.ask(
            "/api/onboarding/users",
            {"client_id": client, "name": "Owner", "language": "en", **_OWNER},
        )
        told = {"grant_type": "authorization_code", "code": made["auth_code"], "client_id": client}
        request = Request(f"{client}auth/token", urlencode(told).encode())
        with urlopen(request, timeout=30) as answer:
            self._token = json.load(answer)["access_token"]
        wait_for(lambda: self.ask("/api/config")["state"] == "RUNNING", 180)
        self.version = self.ask("/api/config")["version"]

    def fetch(self, path: str, content: object = None) -> tuple[bytes, str]:
        """Asks, or tells something; returns the answer and its media type.

        Raises:
            AssertionError: it is refused.
        """
        data = None if content is None else json.dumps(content).encode()
        headers = {"Content-Type": "application/json"}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        request = Request(f"http://127.0.0.1:{self._port}{path}", data, headers)
        try:
            with urlopen(request, timeout=30) as answer:
                return answer.read(), answer.headers["Content-Type"]
        except HTTPError as error:
            raise AssertionError(f"{path}: {error.code}: {error.read()[:500]!r}") from error

    def ask(self, path: str, content: object = None) -> Any:
        """Returns what is answered, read as JSON."""
        return json.loads(self.fetch(path, content)[0])

    def template(self, text: str) -> str:
        """Returns what one of its templates gives."""
        return self.fetch("/api/template", {"template": text})[0].decode()

    def add_broker(self, port: int) -> None:
        """Adds the MQTT integration, step by step, as its page does."""
        flows = "/api/config/config_entries/flow"
        step = self.ask(flows, {"handler": "mqtt", "show_advanced_options": False})
        given = {"broker": "127.0.0.1", "port": port}
        step = self.ask(f"{flows}/{step['flow_id']}", _filled_in(step["data_schema"], given))
        assert step["type"] == "create_entry", step

    def state(self, entity: str) -> dict[str, Any]:
        """Returns an entity's state and attributes; ``state`` is empty while it has none."""
        for found in self.ask("/api/states"):
            if found["entity_id"] == entity:
                return dict(found)
        return {"state": "", "attributes": {}}

    def call(self, domain: str, service: str, **content: Any) -> None:
        """Has one of its services done, as a button or an automation would."""
        self.ask(f"/api/services/{domain}/{service}", content)


def _filled_in(form: list[dict[str, Any]], given: dict[str, Any]) -> dict[str, Any]:
    """Returns a form with what is given, and else what its page would show in it at first."""
    filled: dict[str, Any] = {}
    for field in form:
        name = field["name"]
        if field.get("type") == "expandable":
            filled[name] = _filled_in(field["schema"], given)
        elif name in given:
            filled[name] = given[name]
        elif "default" in field:
            filled[name] = field["default"]
        elif field["required"] and "select" in field.get("selector", {}):
            filled[name] = field["selector"]["select"]["options"][0]
        elif field["required"] and "boolean" in field.get("selector", {}):
            filled[name] = False
    return filled
