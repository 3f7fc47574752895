"""The service as it is, which also says of which events anybody could have heard."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.parts.tiny_model import LABELS, tiny_model
from edgevid.errors import EdgevidError
from edgevid.sinks import open_video

# Of a camera that shows colours: every change is an event.
SETTINGS = """
[model]
name = "{folder}/tiny.tflite"
labels = "{folder}/labels.txt"
[events]
smoothing = 0
min_duration = 0
cool_down = 0
[service]
state_folder = "{folder}/state"
[web]
enabled = false
"""
_COMES_UP_S = 60.0
# A line for each event, as soon as a listener can know of it.
_SERVICE = """
import os, sys
from apps.raspberry_pi import __main__ as service
class Hub(service.Hub):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        told = os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self.bus.listen(lambda found: os.write(
            told, f"{found.camera} {found.id} {found.event.state}\\n".encode()
        ))
service.Hub = Hub
sys.exit(service.main(["--config", sys.argv[1]]))
"""


class Told(NamedTuple):
    """An event of which somebody could have heard."""

    camera: str
    id: str
    state: str


class ToldService:
    """A folder with a model of colours, and the service that runs there again and again.

    Args:
        folder: an empty one, for everything.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._told = folder / "told"
        self._told.touch()
        (folder / "state").mkdir()
        (folder / "tiny.tflite").write_bytes(tiny_model())
        (folder / "labels.txt").write_text("\n".join(LABELS))

    def told(self) -> list[Told]:
        """Returns all events so far, in order."""
        # A line that is being written when the service is killed is one write, and whole.
        return [Told(*line.split()) for line in self._told.read_text().splitlines()]

    @contextmanager
    def running(
        self, settings: str, before: Sequence[str] = ()
    ) -> Iterator[subprocess.Popen[bytes]]:
        """Runs the service; kills it in the end, if it still runs.

        Args:
            settings: cameras, and what else goes beside ``SETTINGS``.
            before: words of the command before its own, such as those of a tracer.
        """
        config = self._folder / "edgevid.toml"
        config.write_text(settings + SETTINGS.format(folder=self._folder))
        with (self._folder / "log").open("ab") as log:
            process = subprocess.Popen(
                [*before, sys.executable, "-c", _SERVICE, str(config), str(self._told)],
                stdin=subprocess.DEVNULL,
                stderr=log,
            )
        try:
            yield process
        finally:
            process.kill()
            process.wait()

    def wait(self, condition: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
        """Waits until something is so, while the service runs.

        Raises:
            EdgevidError: it does not run, or it does not come to that.
        """
        give_up = time.monotonic() + _COMES_UP_S
        while not condition():
            if process.poll() is not None or time.monotonic() > give_up:
                log = (self._folder / "log").read_text(errors="replace")
                raise EdgevidError(f"the service does not come up: {log[-500:]}")
            time.sleep(0.02)


def write_colours(path: Path, colours: Sequence[tuple[str, int]], seconds: int) -> None:
    """Writes a video of plain colours, each for so many frames, five a second, over and over.

    Args:
        path: an ``.mp4`` file.
        colours: ``r``, ``b`` or ``k`` for red, blue and black, and for how many frames.
        seconds: how long it becomes.
    """
    shades = {"r": (0, 0, 255), "b": (255, 0, 0), "k": (0, 0, 0)}  # as BGR
    cycle = [shades[name] for name, frames in colours for _ in range(frames)]
    video = open_video(path)
    video.start(5.0)
    for number in range(5 * seconds):
        video.show(np.full((48, 64, 3), cycle[number % len(cycle)], np.uint8), number / 5.0)
    video.finish()
