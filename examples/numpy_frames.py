"""Frames from memory: classifies pictures that the program has made or read itself.

python examples/numpy_frames.py
"""

import numpy as np

import edgevid
from edgevid.sources.replay import ReplaySource

SECONDS, FPS, SIZE, STEP = 4, 10, 96, 3  # STEP: pixels a frame


def main() -> None:
    """Makes a camera pan over a wall, and prints what the model says at the end."""
    # Blocks of random grey, ten pixels wide: a wall that is wider than the camera's view.
    width = SIZE + SECONDS * FPS * STEP
    blocks = np.random.default_rng(0).integers(0, 256, (SIZE // 10 + 1, width // 10 + 1, 1))
    wall = blocks.repeat(10, axis=0).repeat(10, axis=1).repeat(3, axis=2).astype(np.uint8)
    views = [wall[:SIZE, STEP * n : STEP * n + SIZE] for n in range(SECONDS * FPS)]

    model = edgevid.load_model("camera-motion")
    *_, last = edgevid.classify(ReplaySource(views, fps=FPS), model)
    for score in last.scores:
        print(f"{score.probability:4.0%}  {score.label}")


if __name__ == "__main__":
    main()
