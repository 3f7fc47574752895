"""Files that pass for a published model as far as their interface goes, and compute nonsense."""

from __future__ import annotations

from typing import Any

from benchmarks.parts.tiny_model import tiny_model


def tiny_stream(*, pixels: int = 172, classes: int = 600, note: str = "") -> bytes:
    """Makes the tiny network claim another picture and other classes.

    Args:
        pixels: height and width of the picture.
        classes: number of logits.
        note: anything; files with different notes have different checksums.
    """

    def edit(model: Any) -> None:
        model.description = note.encode()
        shapes = {b"image:0": [1, 1, pixels, pixels, 3], b"logits:0": [1, classes]}
        for tensor in model.subgraphs[0].tensors:
            tensor.shape = shapes.get(tensor.name, tensor.shape)

    return tiny_model(edit)
