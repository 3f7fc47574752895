"""Writes the clip of an event as the service does; runs on the emulated board.

    python clip_guest.py CODEC PICTURES FOLDER

PICTURES is a ``.npy`` file of what a camera shows, RGB, uint8 ``[frames, height, width, 3]``, five
a second, all but the last of which belong to the clip: an event happens in the middle. CODEC is one
of those that ``edgevid.sinks.mp4`` writes. The counting plugin's mark (see ``guest``) is made
around each picture and around the event, in the order in which they come.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import numpy as np

from apps.raspberry_pi.bus import CameraEvent
from apps.raspberry_pi.clips.writer import Clips
from apps.raspberry_pi.config import ClipsConfig
from edgevid import Event, Frame
from edgevid.sinks import mp4

FPS = 5.0
_NEVER = 1000  # pictures: how long after another clip the one that is counted begins


def main(codec: str, pictures: str, folder: str) -> None:
    """Writes one clip so that libraries are loaded, and then the one that is counted."""
    (encoder,) = (one for one in mp4._ENCODERS if one.name == codec)
    mp4._ENCODERS = (encoder, encoder, encoder)
    shown = np.load(pictures, mmap_mode="r")
    middle = len(shown) // 2
    # Between the last picture but one and the last it ends.
    after = (len(shown) - 1.5 - middle) / FPS
    clips = Clips(ClipsConfig(Path(folder), before=middle / FPS, after=after), FPS)
    for first in (0, _NEVER):
        for number, picture in enumerate(shown, first):
            frame = Frame(np.array(picture), number / FPS, number)
            if number - first == middle:
                event = Event("start", "falling", frame.timestamp, 0.9)
                found = CameraEvent("door", event, at=time.time() + first)
                _mark(first)
                clips.event(found)
                while clips.is_behind:
                    clips.catch_up()
                _mark(first)
            _mark(first)
            clips.frame("door", frame)
            _mark(first)
    assert clips.written == 2, "the last picture did not end the clip"


def _mark(counts: int) -> None:
    if counts:
        os.getsid(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
