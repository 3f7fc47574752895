"""What tests of the review share: clips with something red in them, and a network to teach."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from apps.raspberry_pi.config import CameraConfig, ClipsConfig, Config, ModelConfig
from edgevid import open_video
from edgevid.prepare import prepare
from edgevid.support.opencv import cv2
from tests.conftest import moving_pictures
from tests.prepare.mini_movinet import LABELS, mini_movinet

FPS = 5.0
DAY = "20241121"
RED = (20, 20, 230)  # BGR


def write_mini(folder: Path) -> Path:
    """Writes a network in miniature that can be taught."""
    path = folder / "mini.tflite"
    path.write_bytes(prepare(mini_movinet(int8=True, se=False), name="mini", labels=LABELS).data)
    return path


def write_clip(
    folder: Path,
    number: int,
    *,
    red: tuple[float, float] | None = None,
    seconds: float = 8.0,
    events: Sequence[tuple[str, float]] = (),
    camera: str = "front",
    began: str = "",
) -> str:
    """Writes a clip as the service does, red all over for a while; returns its name."""
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{camera}_{DAY}T10{number // 60:02}{number % 60:02}Z.mp4"
    video = open_video(folder / name)
    video.start(FPS)
    for index, picture in enumerate(moving_pictures(round(FPS * seconds), size=(160, 120))):
        if red is not None and red[0] <= index / FPS < red[1]:
            picture[...] = RED
        video.show(np.ascontiguousarray(picture), index / FPS)
    video.finish()
    about: dict[str, Any] = {
        "camera": camera,
        "video": name,
        "began": began or f"2024-11-21T10:{number // 60:02}:{number % 60:02}.000+00:00",
        "seconds": seconds,
        "events": [
            {"id": f"{number}-{place}", "state": "start", "label": label, "probability": 0.7,
             "second": second}
            for place, (label, second) in enumerate(events)
        ],
    }  # fmt: skip
    (folder / name).with_suffix(".json").write_text(json.dumps(about))
    return name


def lessons_in(folder: Path, shown: int = 4, ordinary: int = 4) -> tuple[list[str], list[str]]:
    """Writes clips that turn red, from 3 s on, and others."""
    red = [
        write_clip(folder, n, red=(3 + n / 5, 5.4 + n / 5), events=[("mini", 4.0)])
        for n in range(shown)
    ]
    return red, [write_clip(folder, 20 + n, events=[("mini", 4.0)]) for n in range(ordinary)]


def config_in(folder: Path, model: Path, **camera: Any) -> Config:
    """Returns a service's settings, with one camera."""
    given = {"name": "front", "source": "unused", **camera}
    return Config(
        (CameraConfig(**given),),
        model=ModelConfig(name=str(model)),
        clips=ClipsConfig(folder / "clips"),
    )


def red_share(path: Path) -> float:
    """Returns how much of a picture is red."""
    picture = cv2.imread(str(path))
    return float((picture[..., 2] > 180).mean())
