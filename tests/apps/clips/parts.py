"""What tests of clips share: frames that tell their second, and what is in a folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from apps.raspberry_pi.bus import CameraEvent
from apps.raspberry_pi.clips.writer import Clips
from apps.raspberry_pi.config import ClipsConfig
from edgevid import Event, Frame, open_source

FPS = 5.0
NOON = 1_795_262_400.0  # 2026-11-21 12:00:00 UTC, when the frames' clock shows 0


def frame(second: float) -> Frame:
    """A picture whose brightness tells its second."""
    return Frame(np.full((48, 64, 3), round(second * 10) % 256, np.uint8), second, 0)


def event(second: float, state: str = "start", camera: str = "front") -> CameraEvent:
    found = Event(state, "waving", second, 0.75)  # type: ignore[arg-type]
    return CameraEvent(camera, found, NOON + second)


def play(
    clips: Clips, first: float, last: float, *, camera: str = "front", in_time: bool = True
) -> None:
    """Shows a camera's frames; ``in_time`` if there is time between them to write what is held."""
    for tick in range(round(first * FPS), round(last * FPS) + 1):
        clips.frame(camera, frame(tick / FPS))
        while in_time and clips.is_behind:
            clips.catch_up()


def folder_of(config: ClipsConfig) -> Path:
    assert config.folder
    return config.folder


def found(config: ClipsConfig) -> list[dict[str, Any]]:
    return [json.loads(path.read_text()) for path in sorted(folder_of(config).glob("*.json"))]


def seconds_in(path: Path) -> list[float]:
    with open_source(path) as video:
        return [frame.image.mean() / 10 for frame in video]
