"""A real Firefox without a window, spoken to in its own protocol (Marionette)."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.parts.ending import Stoppable, wait_or_kill

FIREFOX = next(filter(None, map(shutil.which, ("firefox-esr", "firefox"))), None)

_PREFERENCES: dict[str, Any] = {
    "app.update.auto": False,
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "network.captive-portal-service.enabled": False,
    "toolkit.telemetry.enabled": False,
}
# A camera that is made up, and that everybody may use.
FAKE_CAMERA = {"media.navigator.permission.disabled": True, "media.navigator.streams.fake": True}


class Firefox(Stoppable):
    """One tab.

    Args:
        folder: for its profile.
        preferences: more of those that ``about:config`` shows.
    """

    def __init__(self, folder: Path, preferences: Mapping[str, Any] | None = None) -> None:
        assert FIREFOX is not None
        folder.mkdir(parents=True, exist_ok=True)
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        chosen = {**_PREFERENCES, **(preferences or {}), "marionette.port": port}
        lines = [f"user_pref({json.dumps(k)}, {json.dumps(v)});\n" for k, v in chosen.items()]
        (folder / "user.js").write_text("".join(lines))
        self._process = subprocess.Popen(
            [FIREFOX, "--headless", "--marionette", "--no-remote", "--profile", str(folder)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            self._socket = self._connected(port)
            self._read = b""
            self._number = 0
            self._message()  # what it says of itself
            self.ask("WebDriver:NewSession")
            self.ask("WebDriver:SetTimeouts", script=60_000, pageLoad=60_000)
        except BaseException:
            self._process.kill()
            raise

    def _connected(self, port: int, within: float = 60.0) -> socket.socket:
        deadline = time.monotonic() + within
        while True:
            try:
                return socket.create_connection(("127.0.0.1", port), timeout=within)
            except OSError:
                assert time.monotonic() < deadline, "Firefox does not answer"
                assert self._process.poll() is None, "Firefox has ended"
                time.sleep(0.1)

    def stop(self) -> None:
        """Ends it."""
        self._socket.close()
        self._process.terminate()
        wait_or_kill(self._process, 20)

    def go(self, address: str) -> None:
        """Opens an address."""
        self.ask("WebDriver:Navigate", url=address)

    def run(self, script: str) -> Any:
        """Returns what an expression of JavaScript is in the page; waits for a promise."""
        wrapped = (
            f"const done = arguments[0]; Promise.resolve({script}).then(done, e => done(`${{e}}`))"
        )
        return self.ask("WebDriver:ExecuteAsyncScript", script=wrapped, args=[])["value"]

    def until(self, script: str, within: float = 60.0) -> None:
        """Waits until an expression is true in the page."""
        deadline = time.monotonic() + within
        while self.run(f"Boolean({script})") is not True:
            assert time.monotonic() < deadline, (script, self.run("document.body.innerText"))
            time.sleep(0.05)

    def ask(self, command: str, **values: Any) -> Any:
        """Sends a command; returns its result."""
        self._number += 1
        text = json.dumps([0, self._number, command, values]).encode()
        self._socket.sendall(f"{len(text)}:".encode() + text)
        while True:
            kind, number, error, result = self._message()
            if (kind, number) == (1, self._number):
                assert error is None, error
                return result

    def _message(self) -> Any:
        while b":" not in self._read:
            self._receive()
        length, _, rest = self._read.partition(b":")
        while len(rest) < int(length):
            self._receive()
            rest = self._read.partition(b":")[2]
        self._read = rest[int(length) :]
        return json.loads(rest[: int(length)])

    def _receive(self) -> None:
        part = self._socket.recv(1 << 16)
        assert part, "Firefox has ended"
        self._read += part
