"""Prints what each runtime of this Python makes of the same pictures, as JSON.

    python tests/print_logits.py MODEL.tflite PICTURES.npy

Runs in any Python that can import edgevid's runtime part, be it without pytest or LiteRT: so
that runtimes which cannot live in one environment can be compared (``tests/test_backends.py``).
PICTURES is uint8 ``[frames, height, width, 3]``. The answer has, under each installed backend's
name, the logits after each frame, ``[frames, classes]``.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from edgevid import MissingDependencyError, load_model
from edgevid.runtime.backends import NAMES


def main(model_path: str, pictures_path: str) -> None:
    pictures = np.load(pictures_path, allow_pickle=False)
    answer = {}
    for name in NAMES:
        if name == "auto":
            continue
        try:
            stream = load_model(model_path, backend=name, prepare=False).stream()
        except MissingDependencyError:
            continue
        answer[name] = [stream.logits(picture).tolist() for picture in pictures]
    print(json.dumps(answer))


if __name__ == "__main__":
    main(*sys.argv[1:])
