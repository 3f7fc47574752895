"""``python -m export.camera_motion.demo``: renders the clip that ``make demo`` plays.

A camera does one thing after the other in front of a drawn scene. What it does when is written
beside the clip.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from edgevid.models.catalog import CAMERA_MOTION
from edgevid.sinks.video import VideoOutput
from edgevid.support.atomic_file import atomic_file
from edgevid.support.command import OK, ArgumentParser, guard
from edgevid.support.opencv import cv2
from export.camera_motion import moves
from export.camera_motion.foreground import foreground_objects
from export.camera_motion.moves import LABELS, Segment
from export.camera_motion.render import Shot, render
from export.camera_motion.scenes import SIDE, pyramid, scene

_SIZE = (320, 240)  # width, height in pixels
_FPS = 10.0
_SCENE = (11, 20)  # seeds of what to see
_STILL_S, _MOVE_S = 1.6, 2.0
_SPEEDS = {"zoom in": 0.16, "zoom out": 0.16, "shake": 0.05}
_EASE_S = 0.3


def segments() -> list[Segment]:
    """What the camera does: every move once, and nothing in between."""
    found, now = [], 0.0
    for index, name in enumerate(LABELS):
        if index == moves.STILL:
            continue
        found.append(Segment(moves.STILL, now, now + _STILL_S, 0.0, 0.0))
        now += _STILL_S
        speed = _SPEEDS.get(name, 0.22)
        found.append(Segment(index, now, now + _MOVE_S, speed, _EASE_S))
        now += _MOVE_S
    return [*found, Segment(moves.STILL, now, now + _STILL_S, 0.0, 0.0)]


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    parser = ArgumentParser(prog="python -m export.camera_motion.demo", description=__doc__)
    folder = CAMERA_MOTION.path.parent
    parser.add_argument("--folder", type=Path, default=folder, help="default: edgevid/bundled")
    chosen = parser.parse_args(arguments)
    return guard(lambda: _run(chosen.folder))


def _run(folder: Path) -> int:
    plan = segments()
    seconds = plan[-1].end
    picture = cv2.GaussianBlur(scene(np.random.default_rng(_SCENE)), (0, 0), 2.0)
    scenes = [pyramid(picture)]
    shot = Shot(
        scene=scenes[0],
        origin=np.array([0.5, 0.5]) * SIDE,
        scale=0.8,
        upright=0.0,
        path=moves.path(plan, seconds, np.random.default_rng(2), hand=False),
        foreground=foreground_objects(scenes, np.random.default_rng(9)),
        cover=np.full((2, 2, 3), (30, 22, 20), np.uint8),
        cover_side=np.array([0.0, 1.0]),
    )
    folder.mkdir(exist_ok=True)
    video = VideoOutput(folder / "demo.mp4")
    video.start(_FPS)
    for index in range(round(seconds * _FPS)):
        large = render(shot, [index / _FPS], (2 * _SIZE[0], 2 * _SIZE[1]))[0]
        small = cv2.resize(large, _SIZE, interpolation=cv2.INTER_AREA)
        video.show(np.ascontiguousarray(small[..., ::-1]), index / _FPS)
    video.finish()
    done = [
        {"label": LABELS[one.label], "start": round(one.start, 1), "end": round(one.end, 1)}
        for one in plan
    ]
    with atomic_file(folder / "demo.json") as file:
        file.write((json.dumps(done, indent=1) + "\n").encode())
    size = (folder / "demo.mp4").stat().st_size
    print(f"{folder / 'demo.mp4'}: {seconds:.1f} s, {size / 1e3:.0f} KB")
    return OK


if __name__ == "__main__":
    sys.exit(main())
