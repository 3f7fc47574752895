"""Steps a model over pictures; runs on the emulated board and, for comparison, here.

    python guest.py HOW MODEL PICTURES LOGITS

PICTURES is a ``.npy`` file, RGB, uint8 ``[frames, height, width, 3]``; LOGITS the one to write,
float32 ``[frames, classes]``. HOW is ``example``, the official Raspberry Pi example's way to
drive a model, or ``edgevid``. Around each step, and then around some bare ``invoke``, the system
call ``getsid`` is made, which the counting plugin takes as a mark.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

INVOKES = 3  # bare ones at the end

# What makes a picture the step's image, and the step, from image to logits.
Way = tuple[Callable[[NDArray[np.uint8]], Any], Callable[[Any], NDArray[np.float32]]]


def main(how: str, model: str, pictures: str, logits: str) -> None:
    """Steps through the pictures."""
    prepare, step = {"example": example, "edgevid": edgevid}[how](model)
    bare = Interpreter(model_path=model, num_threads=1)
    bare.allocate_tensors()
    gc.disable()  # so that every step does the same
    results = []
    for picture in np.load(pictures, mmap_mode="r"):
        image = prepare(picture)
        mark()
        result = step(image)
        mark()
        results.append(result)
    for _ in range(INVOKES):
        mark()
        bare.invoke()
        mark()
    np.save(logits, np.stack(results))


def mark() -> None:
    """Marks this place for the counting plugin. Has no other effect."""
    os.getsid(0)


def example(path: str) -> Way:
    """The official example's way: a float image, and a signature runner that carries the states."""
    interpreter = Interpreter(model_path=path, num_threads=1)
    runner = interpreter.get_signature_runner()
    states = {
        name: np.zeros(given["shape"], given["dtype"])
        for name, given in runner.get_input_details().items()
        if name != "image"
    }

    def prepare(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
        return (picture[None, None] / np.float32(255)).astype(np.float32)

    def step(image: Any) -> NDArray[np.float32]:
        nonlocal states
        outputs = runner(**states, image=image)
        logits: NDArray[np.float32] = outputs.pop("logits")[0]
        states = outputs
        return logits

    return prepare, step


def edgevid(path: str) -> Way:
    """A stream of edgevid's, from the picture on; of its step only the ranking is left out."""
    from edgevid import load_model

    stream = load_model(path, prepare=False).stream()
    return np.array, stream.logits


if __name__ == "__main__":
    main(*sys.argv[1:])
