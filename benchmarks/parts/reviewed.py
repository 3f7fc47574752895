"""A service with clips to be judged, and the owner who does it by the page's addresses."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

from benchmarks.clips import published_path, rows
from benchmarks.parts.broker import free_port

FALL = re.compile(r"Fall\w*\s*\(\w+\)\s*\[([\d.]+) to ([\d.]+)\]")
_STARTS_S = 60.0
_CONFIG = """
[model]
name = "{model}"
[web]
port = {port}
[clips]
folder = "{folder}/clips"
[service]
state_folder = "{folder}"
"""
_CAMERA = '[[camera]]\nname = "{name}"\nsource = "{source}"\n'


def config_of(folder: Path, port: int, cameras: Mapping[str, Path | str]) -> str:
    """Returns the ``edgevid.toml`` of a service that keeps clips.

    Args:
        folder: for all that it keeps.
        port: of its page.
        cameras: by name, what each plays.
    """
    listed = [_CAMERA.format(name=name, source=source) for name, source in cameras.items()]
    return "".join(listed) + _CONFIG.format(model=published_path(), port=port, folder=folder)


class Reviewed:
    """The service, in a process of its own.

    Args:
        folder: for all that it keeps.
        cameras: by name, what each plays.

    Attributes:
        clips: the names of clips that are there, and whether each shows a fall.
    """

    def __init__(self, folder: Path, cameras: dict[str, Path]) -> None:
        self.folder = folder
        self.clips = _write_clips(folder / "clips")
        self._port = free_port()
        self._config = folder / "edgevid.toml"
        self._config.write_text(config_of(folder, self._port, cameras))
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts it, and waits until its page answers."""
        with (self.folder / "service.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "apps.raspberry_pi", "--config", str(self._config)],
                stderr=log,
            )
        deadline = time.monotonic() + _STARTS_S
        while True:
            try:
                self.get("teaching")
                return
            except (URLError, OSError):
                if time.monotonic() > deadline or self._process.poll() is not None:
                    raise
                time.sleep(0.1)

    def kill(self) -> None:
        """Kills it with the signal that nobody hears."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()

    def get(self, what: str) -> Any:
        """Returns what the page is told."""
        with urlopen(f"{self._address}review/{what}", timeout=30) as answer:
            return json.load(answer)

    def post(self, what: str, asked: dict[str, Any] | None = None) -> None:
        """Asks for a change.

        Raises:
            ValueError: it is refused.
            ConnectionError: nobody is there.
        """
        request = Request(
            f"{self._address}review/{what}",
            json.dumps(asked or {}).encode(),
            {"Content-Type": "application/json"},
        )
        try:
            urlopen(request, timeout=30).close()
        except URLError as error:
            if getattr(error, "code", 0) == 422:
                raise ValueError("it was refused") from error
            raise ConnectionError(str(error)) from error

    def judge(self, name: str, verdict: str) -> None:
        """Says of a clip's event what it was."""
        self.post("judge", {"clip": name, "place": 0, "verdict": verdict, "label": "sitting"})

    def review(self) -> None:
        """Says of each clip what is so."""
        for name, falls in self.clips.items():
            self.judge(name, "right" if falls else "wrong")

    def teach(self, is_over: Callable[[], bool] = lambda: False) -> None:
        """Teaches a model, and waits for it."""
        with suppress(ValueError):  # it teaches already
            self.post("teach")
        while self.get("progress")["state"] == "running":
            if is_over():
                return
            time.sleep(0.5)  # as the page asks

    def metrics(self) -> dict[str, float]:
        """Returns Prometheus' figures, by name and labels."""
        with urlopen(f"{self._address}metrics", timeout=30) as answer:
            lines = answer.read().decode().splitlines()
        return {
            name: float(value)
            for name, _, value in (line.rpartition(" ") for line in lines if line[:1] != "#")
        }

    def total(self, name: str) -> int:
        """Returns a figure of all cameras together."""
        return round(sum(v for key, v in self.metrics().items() if key.startswith(f"{name}{{")))

    @property
    def _address(self) -> str:
        return f"http://127.0.0.1:{self._port}/"


def _write_clips(folder: Path) -> dict[str, bool]:
    """Has recordings lie there as if the service had made clips; returns which show a fall."""
    folder.mkdir()
    found = {}
    for number, (path, row) in enumerate(rows("segments")):
        falls = FALL.findall(row["segments"])
        name = f"front_20261101T10{number:02}00Z.mp4"
        shutil.copy(path, folder / name)
        about = {
            "camera": "front",
            "video": name,
            "began": f"2026-11-01T10:{number:02}:00.000+00:00",
            "seconds": float(row["duration_s"]),
            "events": [
                {"id": str(number), "state": "start", "label": "fall", "probability": 0.6,
                 "second": float(falls[0][0]) + 1.0 if falls else 1.0}
            ],
        }  # fmt: skip
        (folder / name).with_suffix(".json").write_text(json.dumps(about))
        found[name] = bool(falls)
    return found
