"""A real Chromium without a window, spoken to in its own protocol (CDP) through a pipe."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from benchmarks.parts.ending import Stoppable, wait_or_kill

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)

# What each types, and its code.
_KEYS = {
    "Enter": ("\r", 13), "Tab": ("", 9), "Escape": ("", 27), "Backspace": ("", 8),
    "ArrowLeft": ("", 37), "ArrowUp": ("", 38), "ArrowRight": ("", 39), "ArrowDown": ("", 40),
}  # fmt: skip

DESKTOP, PHONE = (1280, 860), (390, 844)


class _NavigatedError(AssertionError):
    """The page went to another address while it was asked."""


class Browser(Stoppable):
    """One tab.

    Args:
        folder: for its profile.
        flags: more of the command line.

    Attributes:
        complaints: what the page and the browser wrote to the console.
    """

    def __init__(self, folder: Path, flags: Sequence[str] = ()) -> None:
        assert CHROMIUM is not None
        to_browser, from_browser = os.pipe(), os.pipe()

        def connect() -> None:
            # Away from 3 and 4 first: one of them may be the other's place.
            ends = [os.dup(to_browser[0]), os.dup(from_browser[1])]
            ends = [os.dup2(end, end + 100) for end in ends]
            os.dup2(ends[0], 3)
            os.dup2(ends[1], 4)

        self._process = subprocess.Popen(
            [
                CHROMIUM,
                "--headless=new",
                "--remote-debugging-pipe",
                "--no-sandbox",  # the sandbox does not let root in
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                f"--user-data-dir={folder}",
                *flags,
                "about:blank",
            ],
            preexec_fn=connect,
            close_fds=False,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(to_browser[0])
        os.close(from_browser[1])
        self._to: BinaryIO = os.fdopen(to_browser[1], "wb", buffering=0)
        self._from: BinaryIO = os.fdopen(from_browser[0], "rb", buffering=0)
        self._read = b""
        self._number = 0
        self._session = ""
        self.complaints: list[str] = []
        attached = self.ask("Target.attachToTarget", targetId=self._tab(), flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.ask(f"{domain}.enable")

    def stop(self) -> None:
        """Ends it."""
        self._to.close()  # which ends it
        self._from.close()
        wait_or_kill(self._process, 5)

    def _tab(self, within: float = 60.0) -> str:
        """Returns the first tab, which is there some time after the browser is."""
        deadline = time.monotonic() + within
        while True:
            for target in self.ask("Target.getTargets")["targetInfos"]:
                if target["type"] == "page":
                    return str(target["targetId"])
            assert time.monotonic() < deadline, "Chromium opens no tab"
            time.sleep(0.05)

    def go(self, address: str) -> None:
        """Opens an address."""
        self.ask("Page.navigate", url=address)

    def look_as(self, size: tuple[int, int], *, dark: bool = False) -> None:
        """Sets the size of the screen, width and height, and the colour scheme."""
        width, height = size
        phone = width < 600
        self.ask(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=2 if phone else 1,
            mobile=phone,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.ask("Emulation.setEmulatedMedia", features=[scheme])

    def run(self, script: str) -> Any:
        """Returns what an expression of JavaScript is in the page; waits for a promise."""
        answer = self.ask(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def until(self, script: str, within: float = 60.0) -> None:
        """Waits until an expression is true in the page."""
        deadline = time.monotonic() + within
        while not self._is_so(script):
            assert time.monotonic() < deadline, (script, self.run("document.body.innerText"))
            time.sleep(0.05)

    def _is_so(self, script: str) -> bool:
        try:
            return bool(self.run(f"Boolean({script})"))
        except _NavigatedError:
            return False

    def renderers(self) -> list[int]:
        """Returns the process ids of what runs pages, their workers among them."""
        children = subprocess.run(
            ["ps", "--ppid", str(self._process.pid), "-o", "pid="],
            capture_output=True, text=True, check=True,
        ).stdout.split()  # fmt: skip
        found, waiting = [], [int(child) for child in children]
        while waiting:
            pid = waiting.pop()
            line = Path(f"/proc/{pid}/cmdline").read_bytes()
            if b"--type=renderer" in line:
                found.append(pid)
            task = Path(f"/proc/{pid}/task/{pid}/children")
            waiting += [int(child) for child in task.read_text().split()]
        return found

    def touch(self, selector: str) -> None:
        """Taps the middle of an element with a finger, after scrolling it into view."""
        self.hold(selector, 0)

    def hold(self, selector: str, seconds: float) -> None:
        """Holds a finger on it for so long."""
        # Where it stands in two frames after each other: a page may still be moving.
        place = self.run(f"""(async () => {{
            const found = document.querySelector({json.dumps(selector)});
            found.scrollIntoView({{block: "center", behavior: "instant"}});
            for (let before = ""; ;) {{
                await new Promise(requestAnimationFrame);
                const {{x, y, width, height}} = found.getBoundingClientRect();
                if (before === (before = `${{x}} ${{y}} ${{width}} ${{height}}`))
                    return {{x: x + width / 2, y: y + height / 2}};
            }}
        }})()""")
        self.ask("Input.dispatchTouchEvent", type="touchStart", touchPoints=[place])
        time.sleep(seconds)
        self.ask("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])

    def type(self, text: str) -> None:
        """Types a text where the cursor is."""
        self.ask("Input.insertText", text=text)

    def press_enter(self) -> None:
        """Presses the Enter key."""
        self.press("Enter")

    def press(self, key: str) -> None:
        """Presses a key, by its name in the browser: a character, or such as ``Tab``."""
        text, code = (key, 0) if len(key) == 1 else _KEYS[key]
        for kind in ("keyDown", "keyUp"):
            self.ask(
                "Input.dispatchKeyEvent",
                type=kind,
                key=key,
                text=text if kind == "keyDown" else "",
                windowsVirtualKeyCode=code,
            )

    def screenshot(self, path: Path, *, whole: bool = False) -> Path:
        """Takes a picture of what is seen, or of the whole page."""
        answer = self.ask("Page.captureScreenshot", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(answer["data"]))
        return path

    def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Sends a command of the protocol; returns its result."""
        self._number += 1
        asked = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            asked["sessionId"] = self._session
        self._to.write(json.dumps(asked).encode() + b"\0")
        return self._answer(lambda message: message.get("id") == self._number)

    def _answer(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        while True:
            while b"\0" not in self._read:
                more = self._from.read(1 << 16)
                assert more, "Chromium has ended"
                self._read += more
            text, _, self._read = self._read.partition(b"\0")
            message = json.loads(text)
            if wanted(message):
                if "navigated or closed" in str(message.get("error")):
                    raise _NavigatedError(message)
                assert "error" not in message, message
                result: dict[str, Any] = message["result"]
                return result
            self._note(message)

    def _note(self, message: dict[str, Any]) -> None:
        about = message.get("params", {})
        if message.get("method") == "Log.entryAdded":
            entry = about["entry"]
            # Not what the browser thinks of the machine, or of what it will do in years to come.
            matters = entry["source"] in ("javascript", "network", "security")
            if matters and entry["level"] in ("warning", "error"):
                self.complaints.append(f"{entry['text']} {entry.get('url', '')}")
        elif message.get("method") == "Runtime.exceptionThrown":
            self.complaints.append(str(about["exceptionDetails"]))
        elif message.get("method") == "Runtime.consoleAPICalled":
            self.complaints.append(str(about["args"]))
