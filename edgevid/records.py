"""The records that pass through edgevid: plain data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Box = tuple[int, int, int, int]  # x, y, width, height in pixels


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture of a video.

    Attributes:
        image: RGB, uint8, ``[height, width, 3]``.
        timestamp: seconds. Media time for files, monotonic capture time for cameras.
        index: number of the frame in its source, from 0.

    Raises:
        ValueError: the image is not uint8 ``[height, width, 3]``.

    Example:
        >>> frame = edgevid.Frame(np.zeros((48, 64, 3), np.uint8), timestamp=0.2, index=5)
        >>> frame.image.shape
        (48, 64, 3)
    """

    image: Pixels
    timestamp: float
    index: int

    def __post_init__(self) -> None:
        _check(self.image)

    @property
    def follows_jump(self) -> bool:
        """Whether nothing before it belongs to it: the source's own time has jumped."""
        return False

    def at(self, timestamp: float) -> Frame:
        """Returns the same picture at another time."""
        return LazyFrame(lambda: self.image, timestamp, self.index, follows_jump=self.follows_jump)

    def changed(self, change: Callable[[Pixels], Pixels]) -> Frame:
        """Returns a frame whose picture is ``change(image)``, made when it is asked for."""
        return LazyFrame(
            lambda: change(self.image),
            self.timestamp,
            self.index,
            follows_jump=self.follows_jump,
        )


class LazyFrame(Frame):
    """A frame whose picture is made when it is first asked for.

    Sources give these, so that frames that are not used are never converted.

    Args:
        image: returns RGB, uint8, ``[height, width, 3]``; or the picture itself.
        timestamp: as in ``Frame``.
        index: as in ``Frame``.
        follows_jump: as in ``Frame``.

    Raises:
        ValueError: at the first use of ``image``: it is not uint8 ``[height, width, 3]``.
    """

    __slots__ = ("_follows_jump", "_image")
    _follows_jump: bool
    _image: Callable[[], Pixels] | Pixels

    def __init__(
        self,
        image: Callable[[], Pixels] | Pixels,
        timestamp: float,
        index: int,
        *,
        follows_jump: bool = False,
    ) -> None:
        # As a frozen dataclass sets its own fields.
        object.__setattr__(self, "_image", image)
        object.__setattr__(self, "timestamp", timestamp)
        object.__setattr__(self, "index", index)
        object.__setattr__(self, "_follows_jump", follows_jump)

    @property
    def image(self) -> Pixels:
        """RGB, uint8, ``[height, width, 3]``."""
        image = self._image
        if callable(image):
            image = image()
            _check(image)
            object.__setattr__(self, "_image", image)
        return image

    @property
    def follows_jump(self) -> bool:
        """Whether nothing before it belongs to it: the source's own time has jumped."""
        return self._follows_jump

    def __repr__(self) -> str:
        return f"LazyFrame(timestamp={self.timestamp}, index={self.index})"


def _check(image: Pixels) -> None:
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise ValueError(
            "a frame's image must be uint8 [height, width, 3], "
            f"not {image.dtype} {list(image.shape)}"
        )


@dataclass(frozen=True, slots=True)
class Score:
    """One label and its probability, 0 to 1.

    Example:
        >>> score = edgevid.Score("pan left", 0.97)
        >>> f"{score.label}: {score.probability:.0%}"
        'pan left: 97%'
    """

    label: str
    probability: float


@dataclass(frozen=True, slots=True)
class Prediction:
    """What the model says after one more frame.

    Attributes:
        timestamp: seconds, the frame's own.
        index: the frame's own.
        scores: the most probable labels, best first; never empty.
        inference_ms: milliseconds from the frame's arrival at the stream to its scores; 0 where
            nothing changed and the last prediction stood, see ``Watch``.
        track: number of the track; None where the whole picture is watched.
        box: where that is, x, y, width, height in pixels of the source's picture.

    Example:
        >>> model = edgevid.load_model("camera-motion")
        >>> first = next(edgevid.classify("clip.mp4", model, top_k=3))
        >>> first.timestamp, first.top.label, len(first.scores)
        (0.0, 'still', 3)
    """

    timestamp: float
    index: int
    scores: tuple[Score, ...]
    inference_ms: float
    track: int | None = None
    box: Box | None = None

    @property
    def top(self) -> Score:
        """The most probable label."""
        return self.scores[0]


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is missing from a run's results, and why.

    Attributes:
        source: what was being watched, as people call it.
        problem: what happened to it.
    """

    source: str
    problem: str


@dataclass(frozen=True, slots=True)
class Summary:
    """How a run went.

    Attributes:
        frames: frames that the sources gave.
        predictions: model steps, and the ticks at which a prediction stood without one.
        skipped_ticks: ticks of the model's clock that passed without a frame to classify.
        unreadable: frames that could not be decoded.
        inference_ms: percentiles by name (``p50``, ``p95``, ``p99``), milliseconds a step.
        wall_s: seconds from the first source's opening to the end.
        problems: what is missing; empty when everything was watched to its end.
        saved: predictions that stood without a step, as nothing changed; None where each picture
            was looked at.
    """

    frames: int
    predictions: int
    skipped_ticks: int
    unreadable: int
    inference_ms: dict[str, float]
    wall_s: float
    problems: tuple[Problem, ...] = ()
    saved: int | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """An action started or ended.

    Attributes:
        state: ``start`` or ``end``.
        label: the action.
        timestamp: seconds, of the frame with which it became certain.
        probability: the smoothed probability at that moment.
        track: number of the track; None where the whole picture is watched.
        box: where that was, x, y, width, height in pixels of the source's picture.
        zone: the zone that it was in; None where there are no zones, or it was in none.

    Example:
        >>> event = edgevid.Event("start", "pan left", timestamp=2.2, probability=0.98)
        >>> f"{event.timestamp} s: {event.state} of {event.label}"
        '2.2 s: start of pan left'
    """

    state: Literal["start", "end"]
    label: str
    timestamp: float
    probability: float
    track: int | None = None
    box: Box | None = None
    zone: str | None = None
