"""``python -m edgevid.demo``: draws a short clip and labels it, so that there is something to see.

Nobody's video is needed: the clip is drawn here, a figure that juggles three balls.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgevid import command, stream

_SIZE = (480, 360)  # width, height in pixels
_FPS = 25
_SECONDS = 6.0

_SKIN, _SHIRT, _TROUSERS = (150, 180, 225), (150, 70, 40), (60, 55, 50)  # blue, green, red
_BALLS = ((40, 40, 220), (40, 200, 230), (60, 190, 60))
_THROW_S = 0.6  # from hand to hand


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    parser = argparse.ArgumentParser(prog="python -m edgevid.demo", description=__doc__)
    parser.add_argument("--clip", help="label this video instead of a drawn one")
    parser.add_argument("--model", help="a model's name or file")
    parser.add_argument("--folder", type=Path, default=Path("out"), help="(default: out)")
    chosen = parser.parse_args(arguments)
    return command.guard(lambda: _run(chosen.clip, chosen.model, chosen.folder))


def _run(clip: str | None, model: str | None, folder: Path) -> int:
    folder.mkdir(parents=True, exist_ok=True)
    if clip is None:
        clip = str(folder / "demo.mp4")
        write_clip(Path(clip))
    video, lines = folder / "demo-labelled.mp4", folder / "demo.jsonl"
    flags = ["--source", clip, "--headless", "--save", str(video), "--output", str(lines)]
    code = stream.main(flags + (["--model", model] if model else []))
    if code == command.OK:
        print(f"the labelled video:  {video}\nthe predictions:     {lines}")
    return code


def write_clip(path: Path) -> None:
    """Draws the clip and writes it as a video file."""
    from edgevid.sinks.video import VideoOutput

    output = VideoOutput(path)
    output.start(_FPS)
    for index, picture in enumerate(pictures()):
        output.show(picture, index / _FPS)
    output.finish()


def pictures() -> Iterator[NDArray[np.uint8]]:
    """Yields the clip's pictures: BGR, uint8, ``[360, 480, 3]``, 25 a second."""
    background = _room()
    for index in range(round(_SECONDS * _FPS)):
        picture = background.copy()
        _draw_figure(picture, index / _FPS)
        yield picture


def _room() -> NDArray[np.uint8]:
    from edgevid.opencv import cv2

    width, height = _SIZE
    noise = np.random.default_rng(0).normal(0, 4, (height, width, 1))
    room = np.empty((height, width, 3))
    room[:] = (205, 210, 200)
    room[height * 3 // 4 :] = (95, 125, 150)
    room[: height * 3 // 4] -= np.linspace(0, 40, width)[:, None]  # light from a window
    picture: NDArray[np.uint8] = np.clip(room + noise, 0, 255).astype(np.uint8)
    cv2.rectangle(picture, (40, 60), (130, 170), (235, 225, 190), -1)
    cv2.rectangle(picture, (40, 60), (130, 170), (90, 110, 130), 5)
    return picture


def _draw_figure(picture: NDArray[np.uint8], seconds: float) -> None:
    from edgevid.opencv import cv2

    def line(a: tuple[float, float], b: tuple[float, float], colour: object, width: int) -> None:
        cv2.line(picture, _whole(a), _whole(b), colour, width, cv2.LINE_AA)

    def ball(at: tuple[float, float], radius: int, colour: object) -> None:
        cv2.circle(picture, _whole(at), radius, colour, -1, cv2.LINE_AA)

    sway = 3 * math.sin(seconds * 3)
    middle = 260 + sway
    for side in (-1, 1):
        line((middle + side * 14, 230), (middle + side * 24, 330), _TROUSERS, 22)
    line((middle, 150), (middle, 225), _SHIRT, 56)
    ball((middle, 95), 24, _SKIN)
    ball((middle, 84), 22, (40, 50, 70))
    ball((middle, 98), 20, _SKIN)
    hands = []
    for side in (-1, 1):
        # A hand dips to throw, and opens outwards to catch.
        phase = 2 * math.pi * (seconds / (2 * _THROW_S) + (0 if side < 0 else 0.5))
        hand = (middle + side * (48 + 12 * math.cos(phase)), 205 + 14 * math.sin(phase))
        elbow = (middle + side * 52, 195.0)
        line((middle + side * 30, 150), elbow, _SHIRT, 18)
        line(elbow, hand, _SKIN, 13)
        ball(hand, 9, _SKIN)
        hands.append(hand)
    for number, colour in enumerate(_BALLS):
        throws = seconds / _THROW_S + number * 2 / 3
        share, side = throws % 1, int(throws) % 2
        start, end = hands[side], hands[1 - side]
        x = start[0] + (end[0] - start[0]) * share
        y = start[1] - 4 * 150 * share * (1 - share)
        ball((x, y), 11, colour)


def _whole(point: tuple[float, float]) -> tuple[int, int]:
    return round(point[0]), round(point[1])


if __name__ == "__main__":
    sys.exit(main())
