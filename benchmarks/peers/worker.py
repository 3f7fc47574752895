"""One engine in a process and an environment of its own: ``python -m benchmarks.peers.worker``.

It is driven line by line, in JSON: ``{"logits": 40, "file": F}`` steps through pictures from the
first and writes all logits, ``{"from": 100, "steps": 50}`` times steps. Answers go to standard
output, on which nothing else may speak.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

WARM_UP = 3  # steps at the start of a block that do not count: the caches were another's

# Module and class of each loop, and what else it is told.
LOOPS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "edgevid": ("ours", "EdgevidLoop", {}),
    "official on litert": ("official", "OfficialLoop", {"distribution": "ai-edge-litert"}),
    "official on tflite-runtime": (
        "official",
        "OfficialLoop",
        {"distribution": "tflite-runtime"},
    ),
    "official on tensorflow": ("official", "OfficialLoop", {"distribution": "tensorflow"}),
    "litert": ("litert_twin", "LiteRtLoop", {}),
    "onnxruntime": ("onnx_twin", "OnnxLoop", {}),
    "openvino": ("openvino_twin", "OpenVinoLoop", {}),
    "pytorch": ("torch_twin", "TorchLoop", {"compiled": False}),
    "pytorch, traced": ("torch_twin", "TorchLoop", {"compiled": True}),
    "mnn": ("mnn_twin", "MnnLoop", {}),
}


def main() -> int:
    """Serves one loop until standard input ends: LOOP MODEL PICTURES LABELS."""
    name, model, pictures_path, labels_path = sys.argv[1:5]
    # Engines greet and log on standard output too; that is sent to standard error.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    pictures = np.load(pictures_path, mmap_mode="r")
    labels = Path(labels_path).read_text("utf-8").splitlines()
    module, kind, settings = LOOPS[name]
    loop = getattr(importlib.import_module(f"benchmarks.peers.{module}"), kind)(
        model, labels, **settings
    )
    _say(answers, {"version": loop.version})
    for line in sys.stdin:
        order = json.loads(line)
        if "logits" in order:
            loop.reset()
            logits = [np.array(loop.logits(pictures[n])) for n in range(order["logits"])]
            np.save(order["file"], np.array(logits))
            loop.reset()
            _say(answers, {})
        else:
            _say(answers, {"ms": _timed(loop, pictures, order["from"], order["steps"])})
    return 0


def _timed(loop: Any, pictures: Any, start: int, steps: int) -> list[float]:
    taken = []
    for number in range(start - WARM_UP, start + steps):
        picture = np.array(pictures[number % len(pictures)])
        began = time.perf_counter()
        loop.step(picture)
        if number >= start:
            taken.append((time.perf_counter() - began) * 1000)
    return taken


def _say(answers: Any, answer: dict[str, Any]) -> None:
    answers.write(json.dumps(answer) + "\n")
    answers.flush()


if __name__ == "__main__":
    sys.exit(main())
