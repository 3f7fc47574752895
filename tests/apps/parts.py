"""What tests of the service share: files that pass for cameras, and ways to wait."""

from __future__ import annotations

import ctypes
import threading
import time
from collections.abc import Callable, Collection
from pathlib import Path

import numpy as np

from apps.raspberry_pi.hub import Hub
from apps.raspberry_pi.status import CameraStatus
from benchmarks.parts.tiny_model import LABELS, tiny_model
from edgevid.models.load import load_model
from edgevid.runtime.model import Model
from tests.conftest import write_video

RED, BLACK = (255, 0, 0), (0, 0, 0)


def until(condition: Callable[[], object], within: float = 60.0) -> None:
    """Waits until something is so."""
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.005)


def status(hub: Hub, camera: str) -> CameraStatus:
    """Returns how a camera is that the hub knows."""
    found = hub.status.camera(camera)
    assert found is not None
    return found


def colours(path: Path, *shown: tuple[tuple[int, int, int], float], fps: float = 10.0) -> Path:
    """Writes a video of plain colours, each for so many seconds."""
    pictures = [
        np.full((48, 64, 3), colour, np.uint8)
        for colour, seconds in shown
        for _ in range(round(seconds * fps))
    ]
    return write_video(path, pictures, fps=fps)


def tiny(folder: Path) -> Model:
    """Returns a model to which everything red is ``red``, the more so the longer it lasts."""
    path = folder / "tiny.tflite"
    path.write_bytes(tiny_model())
    return load_model(path, labels=LABELS)


def thread_called(name: str, besides: Collection[threading.Thread] = ()) -> threading.Thread:
    """Returns the one thread of a name that is not among some others."""
    (found,) = (t for t in threading.enumerate() if t.name == name and t not in besides)
    return found


def end_thread(thread: threading.Thread) -> None:
    """Has a thread end as if something in it had failed that nobody thought of."""
    assert thread.ident
    # SystemExit, since it is no Exception: whoever catches all of those does not catch it.
    raised = ctypes.pythonapi.PyThreadState_SetAsyncExc(
        ctypes.c_ulong(thread.ident), ctypes.py_object(SystemExit)
    )
    assert raised == 1
