"""All examples' frames in one table, and which of them say what about a label."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgevid.runtime.head import rooted
from edgevid.teach.examples import Example
from edgevid.teach.logistic import Floats

# Frames after a start in which a stream is still warming up: what it says then is of little
# use in a clip that was cut to what it shows, and no camera is ever there again.
_WARM_UP = 5
_ONSET_S = 2.0  # how much of what happens is its beginning
_UNSURE_S = 0.2  # nobody notes a start to the frame
_AFTER_S = 1.0  # the means still hold what has ended
_FRAMES_A_SPAN = 10  # of background weigh as much as one span
_COMPONENTS = 128  # of features, and of their means; more was no better
_SPREAD = 1e-12
_SEEN = 20_000  # frames that are fitted to at most, over an hour; more would only take longer


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a head is fitted; chosen by cross-validation.

    Attributes:
        roots: as in ``Head``.
        windows: as in ``Head``.
        penalty: see ``logistic.fit``.
        partly: whether only a part of a span shows what its label says: its beginning, or in a
            clip without times the frames that the head itself finds most like it.
    """

    roots: int
    windows: tuple[int, ...]
    penalty: float
    partly: bool

    def __str__(self) -> str:
        what = "the beginnings of spans, the best frames of clips" if self.partly else "whole spans"
        roots = ("features as they are", "square roots", "fourth roots")[self.roots]
        return (
            f"{roots}, means over {', '.join(map(str, self.windows))} frames, "
            f"penalty {self.penalty:g}, {what}"
        )


@dataclass(frozen=True, slots=True, eq=False)
class Basis:
    """Fewer numbers that stand for a frame's: its features' main components.

    Attributes:
        mean: ``[features]``.
        axes: ``[features, components]``.
    """

    mean: Floats
    axes: Floats


class Frames:
    """The frames of examples, one after the other.

    Attributes:
        examples: in order.
        owner: int ``[frames]``, to which example a frame belongs.
        times: float64 ``[frames]``, seconds in its recording.
        seconds: how long each example is.
    """

    def __init__(self, examples: Sequence[Example]) -> None:
        self.examples = examples
        lengths = [len(example.times) for example in examples]
        self.owner = np.repeat(np.arange(len(examples)), lengths)
        self._rows = np.split(np.arange(len(self.owner)), np.cumsum(lengths)[:-1])
        self.times = np.concatenate([example.times for example in examples])
        self._breaks = np.concatenate([example.breaks for example in examples])
        # How many frames, with itself, there are since the last break.
        numbers = np.arange(len(self.times))
        self._run = numbers - np.maximum.accumulate(np.where(self._breaks, numbers, 0)) + 1
        self._bases: dict[int, tuple[Basis, NDArray[np.float32]]] = {}
        self._axes: dict[object, Floats] = {}
        self.seconds = [example.seconds for example in examples]

    def __len__(self) -> int:
        return len(self.times)

    def rows(self, example: int) -> NDArray[np.intp]:
        """Returns where an example's frames are."""
        return self._rows[example]

    def components(self, roots: int) -> tuple[Basis, NDArray[np.float32]]:
        """Returns a basis for the features, and all frames in it: ``[frames, components]``."""
        if roots not in self._bases:
            every = 1 + len(self) // _SEEN  # hours of background say little more than one
            some = np.concatenate([rooted(e.features[::every], roots) for e in self.examples])
            mean = some.mean(axis=0, dtype=np.float64)
            basis = Basis(mean, _main_axes(some - mean.astype(np.float32)))
            axes, shift = basis.axes.astype(np.float32), (mean @ basis.axes).astype(np.float32)
            parts = [rooted(e.features, roots) @ axes - shift for e in self.examples]
            self._bases[roots] = basis, np.concatenate(parts)
        return self._bases[roots]

    def means(self, roots: int, windows: tuple[int, ...]) -> NDArray[np.float32]:
        """Returns components' means over the last frames: ``[frames, windows * components]``."""
        _, frames = self.components(roots)
        sums = np.concatenate([np.zeros((1, frames.shape[1])), np.cumsum(frames, 0, np.float64)])
        ends = np.arange(1, len(self) + 1)
        parts = []
        for window in windows:
            count = np.minimum(window, self._run)
            parts.append(((sums[ends] - sums[ends - count]) / count[:, None]).astype(np.float32))
        return np.concatenate(parts, axis=1)

    def axes_of(self, centred: Floats, recipe: Recipe, chosen: NDArray[np.bool_]) -> Floats:
        """Returns the main axes of some frames' means: ``[inputs, components]``.

        Recipes that differ in how they fit see the same means, so that axes are kept.

        Args:
            centred: ``[chosen frames, inputs]``, less their mean.
            recipe: which means they are.
            chosen: ``[frames]``, which frames they are of.
        """
        key = recipe.roots, recipe.windows, chosen.tobytes()
        if key not in self._axes:
            self._axes[key] = np.linalg.eigh(centred.T @ centred)[1][:, -_COMPONENTS:]
        return self._axes[key]

    def seen(self) -> NDArray[np.bool_]:
        """Returns which frames are fitted to: all, but of hours of background every n-th."""
        every = 1 + len(self) // _SEEN
        shows = np.zeros(len(self), np.bool_)
        for rows, example in zip(self._rows, self.examples, strict=True):
            shows[rows] = example.recording.is_clip or bool(example.recording.spans)
        shows |= np.arange(len(self)) % every == 0
        return shows

    def targets(self, label: str, *, partly: bool) -> tuple[Floats, Floats]:
        """Returns what each frame says of a label, 1 or 0, and how much it counts."""
        targets, weights = np.zeros(len(self)), np.zeros(len(self))
        for number, example in enumerate(self.examples):
            rows = self.rows(number)
            targets[rows], weights[rows] = _targets(example, label, partly=partly)
        for value in (0.0, 1.0):
            side = targets == value
            if weights[side].sum() > 0:
                weights[side] /= 2 * weights[side].sum()
        return targets, weights


def _targets(example: Example, label: str, *, partly: bool) -> tuple[Floats, Floats]:
    times, count = example.times, len(example.times)
    targets, weights = np.zeros(count), np.full(count, 1 / _FRAMES_A_SPAN)
    if example.recording.is_clip:
        targets[:] = label in example.recording.labels
        counted = warmed_up(count)
        weights[:] = counted / counted.sum()
        return targets, weights
    spans = [span for span in example.recording.spans if span.label == label]
    for span in spans:
        weights[(times >= span.start - _UNSURE_S) & (times <= span.end + _AFTER_S)] = 0
    for span in spans:
        end = min(span.end, span.start + _ONSET_S) if partly else span.end
        shows = (times >= span.start + _UNSURE_S) & (times <= end)
        if not shows.any():  # too short to hold a frame: the next one stands for it
            shows = np.arange(count) == min(np.searchsorted(times, span.start), count - 1)
        targets[shows] = 1
        weights[shows] = 1 / shows.sum()
    return targets, weights


def warmed_up(count: int) -> NDArray[np.bool_]:
    """Returns which frames of a clip a stream sees when it has warmed up."""
    return np.arange(count) >= min(_WARM_UP, count // 2)


def _main_axes(centred: NDArray[np.float32]) -> Floats:
    covariance = (centred.T @ centred).astype(np.float64) / len(centred)
    values, axes = np.linalg.eigh(covariance)
    kept = min(_COMPONENTS, max(1, len(centred) - 1))
    best = values > max(values[-1], 0) * _SPREAD + _SPREAD
    found: Floats = axes[:, best][:, -kept:]
    return found if found.shape[1] else axes[:, -1:]
