"""Watches pictures, each marked for the counting plugin; runs on the emulated board.

    python follow_guest.py MODEL DETECTOR PICTURES

MODEL is a prepared file, PICTURES a ``.npy`` file, RGB, uint8 ``[ticks, height, width, 3]``. An
empty DETECTOR has one stream watch the whole of each; else two people are followed.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from edgevid.models.load import load_model
from edgevid.records import Frame
from edgevid.regions import follow
from edgevid.runtime.watch import Watch


def main(path: str, detector: str, pictures: str) -> None:
    """Watches the pictures."""
    model = load_model(path, prepare=False)
    take: Callable[[Frame], Any]
    if detector:
        take = follow("people", model.stream, tracks=2, detector=Path(detector), paced=True).take
    else:
        take = Watch(model.stream(), paced=True).take
    gc.disable()  # so that every tick does the same
    for tick, picture in enumerate(np.load(pictures, mmap_mode="r")):
        frame = Frame(np.array(picture), tick / 5, tick)
        os.getsid(0)
        take(frame)
        os.getsid(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
