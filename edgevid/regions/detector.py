"""Finds people by a detector: any ``.tflite`` file with box decoding inside.

Such files, which the TFLite Task Library runs too, have four outputs: boxes, classes, scores and
their count.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgevid.errors import ModelError
from edgevid.modelfile import flatbuffer
from edgevid.records import Box
from edgevid.regions.boxes import are_one, inside
from edgevid.runtime.backends import Backend, open_backend
from edgevid.runtime.preprocess import Preprocess

_LOG = logging.getLogger("edgevid")

_DECODING = "TFLite_Detection_PostProcess"  # the operator whose outputs are those four
_OUTPUTS = 4
_PERSON = 0  # the class, of the COCO classes as detectors count them
_LEAST_SCORE = 0.35
_LEAST_HEIGHT = 0.12  # of the picture's shorter side: what is smaller is too far to tell of


class PersonDetector:
    """Finds people in pictures.

    Args:
        backend: the detector, ready to run.
        image: its input.
        outputs: its outputs: boxes, classes, scores, count.
    """

    def __init__(self, backend: Backend, image: flatbuffer.Tensor, outputs: Sequence[int]) -> None:
        self._backend = backend
        self._image = image
        self._preprocess = Preprocess(*image.shape[1:3], fit="stretch")
        self._outputs = outputs

    def find(self, image: NDArray[np.uint8]) -> list[Box]:
        """Returns where people are, most certain first, in pixels of the picture.

        Args:
            image: RGB, uint8, ``[height, width, 3]``.
        """
        small = self._preprocess.fit(image)
        tensor = self._backend.tensor(self._image.index)[0]
        if tensor.dtype == np.uint8:
            tensor[...] = small
        elif tensor.dtype == np.int8:
            np.bitwise_xor(small, 0x80, out=tensor.view(np.uint8))
        else:
            np.multiply(small, np.float32(2 / 255), out=tensor)
            tensor -= 1
        self._backend.invoke()
        boxes, classes, scores = (self._backend.tensor(n)[0].copy() for n in self._outputs[:3])
        height, width = image.shape[:2]
        found: list[Box] = []
        for (top, left, bottom, right), kind, score in zip(boxes, classes, scores, strict=True):
            if round(float(kind)) != _PERSON or score < _LEAST_SCORE:
                continue
            sides = (left * width, top * height, (right - left) * width, (bottom - top) * height)
            if not np.isfinite(sides).all() or sides[3] < _LEAST_HEIGHT * min(width, height):
                continue
            box = inside(sides, width, height)
            if not any(are_one(box, other) for other in found):
                found.append(box)
        return found


def load_detector(path: Path, *, threads: int = 1) -> PersonDetector:
    """Loads a detector.

    Raises:
        ModelError: the file is damaged, or no detector with box decoding inside.
        MissingDependencyError: no runtime is installed.
    """
    data = flatbuffer.load(path)
    try:
        _parts(data)  # before anything is done with it
        data = _quickened(path, data)
        image, outputs = _parts(data)
        backend = open_backend(data, threads=threads)
        backend.invoke()  # only then the size of what comes out is known
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from error
    return PersonDetector(backend, image, outputs)


def _parts(data: bytes) -> tuple[flatbuffer.Tensor, tuple[int, ...]]:
    """Returns a detector's input, and its outputs: boxes, classes, scores, count."""
    graph = flatbuffer.read(data)
    outputs = graph.custom.get(_DECODING, ())
    image = graph.tensors[graph.inputs[0]] if len(graph.inputs) == 1 else None
    if len(outputs) != _OUTPUTS or image is None or not _is_picture(image):
        raise ModelError(
            "this is no detector: one picture must go in, and boxes, classes, scores and their "
            f"count come out of {_DECODING}"
        )
    return image, outputs


def _quickened(path: Path, data: bytes) -> bytes:
    """Returns a file that computes the same in less time, where there is one."""
    from edgevid.prepare.detector import quicken_detector  # loads the schema's classes

    try:
        return quicken_detector(data, only=_PERSON)
    except ModelError as error:
        _LOG.warning("%s runs as it is, slower: %s", path, error)
        return data


def _is_picture(image: flatbuffer.Tensor) -> bool:
    return (
        len(image.shape) == 4
        and image.shape[0] == 1
        and image.shape[3] == 3
        and min(image.shape) > 0
        and image.dtype in ("uint8", "int8", "float32")
    )
