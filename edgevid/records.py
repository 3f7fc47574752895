"""The records that flow through edgevid. Plain data: nothing here opens, computes or draws."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture of a video.

    Attributes:
        image: RGB, uint8, ``[height, width, 3]``.
        timestamp: seconds. Media time for files, monotonic capture time for cameras.
        index: number of the frame in its source, from 0.

    Raises:
        ValueError: the image is not uint8 ``[height, width, 3]``.
    """

    image: NDArray[np.uint8]
    timestamp: float
    index: int

    def __post_init__(self) -> None:
        if self.image.dtype != np.uint8 or self.image.ndim != 3 or self.image.shape[2] != 3:
            raise ValueError(
                "a frame's image must be uint8 [height, width, 3], "
                f"not {self.image.dtype} {list(self.image.shape)}"
            )


@dataclass(frozen=True, slots=True)
class Score:
    """One label and its probability, 0 to 1."""

    label: str
    probability: float


@dataclass(frozen=True, slots=True)
class Prediction:
    """What the model says after one more frame.

    Attributes:
        timestamp: seconds, the frame's own.
        index: the frame's own.
        scores: the most probable labels, best first; never empty.
        inference_ms: milliseconds from the frame's arrival at the stream to its scores.
    """

    timestamp: float
    index: int
    scores: tuple[Score, ...]
    inference_ms: float

    @property
    def top(self) -> Score:
        """The most probable label."""
        return self.scores[0]


@dataclass(frozen=True, slots=True)
class Summary:
    """How a run went.

    Attributes:
        frames: frames that the sources gave.
        predictions: model steps.
        skipped_ticks: moments of the model's clock that passed without a frame to classify.
        unreadable: frames that could not be decoded.
        inference_ms: percentiles by name (``p50``, ``p95``, ``p99``), milliseconds a step.
        wall_s: seconds from the first source's opening to the end.
    """

    frames: int
    predictions: int
    skipped_ticks: int
    unreadable: int
    inference_ms: dict[str, float]
    wall_s: float


@dataclass(frozen=True, slots=True)
class Event:
    """An action started or ended.

    Attributes:
        state: ``start`` or ``end``.
        label: the action.
        timestamp: seconds, of the frame with which it became certain.
        probability: the smoothed probability at that moment.
    """

    state: Literal["start", "end"]
    label: str
    timestamp: float
    probability: float
