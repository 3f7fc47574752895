"""Verifies a taught file: on the device it is to say what its head was fitted to say.

Recordings are played through the file as a camera is, frame by frame. What it says live is
compared with what its head makes of the same features all at once, in double precision; and its
features with those of the network that it was taught from, where that is given.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from edgevid.errors import ModelError, SourceError, UsageError
from edgevid.modelfile import manifest
from edgevid.modelfile.head import Head
from edgevid.models.load import load_file, load_model
from edgevid.records import Frame
from edgevid.runtime.backends import open_backend
from edgevid.runtime.head import rooted
from edgevid.runtime.model import Model, Stream
from edgevid.runtime.partitions import partitions
from edgevid.runtime.ticks import is_jump
from edgevid.runtime.watch import Watch
from edgevid.sources import open_source
from edgevid.support.atomic_file import atomic_file
from edgevid.teach import data as reading
from edgevid.teach.data import Recording
from edgevid.teach.examples import Example
from edgevid.teach.features import with_spans
from edgevid.teach.frames import Frames
from edgevid.teach.judging import judge
from edgevid.teach.logistic import Floats, logistic
from export.verification.limits import Limits

_LOG = logging.getLogger(__name__)
_SMALLEST = 1e-7  # a probability of 0 or 1 is what rounding made of one near it
_NO_PLACE = np.zeros((12, 12), np.uint8)  # what pictures look like does not matter here
_PICTURES = 10  # to be timed with
_BLOCKS, _BLOCK = 4, 50  # steps of one before it is the other's turn
_WARM_UP = 3  # steps at the start of a block that do not count: the caches are the other's


@dataclass(frozen=True)
class Found:
    """What became of one label, under the file's own rules.

    Attributes:
        shown: how many times it happens in the recordings.
        announced: how many of these an event announced.
        false_events: events that announced nothing.
        hours: of footage in which it does not happen.
        median_delay_s: from the beginning to the announcement; None where it is not known.
    """

    shown: int
    announced: int
    false_events: int
    hours: float
    median_delay_s: float | None


@dataclass(frozen=True)
class TaughtComparison:
    """One taught file, against itself all at once and against the network that it came from.

    Attributes:
        measured_on: ``given``: nobody knows whether it was taught with these recordings.
        recordings: how many were played.
        frames: how many the network saw.
        live: the largest difference between a probability of the stream and the same all at once.
        features: how far its features are from the reference's, root mean square, as a share of
            the reference's own; None without a reference.
        divergence: of the head's probabilities on its features from those on the reference's, mean
            over frames and labels, in nats; None without a reference.
        partitions: in how many pieces XNNPACK runs the network; 0 where it does not.
        reference_partitions: the same of the reference; None where that is no file.
        step_ms: a step's median on this machine.
        reference_step_ms: the reference's, frame by frame in turn; None where that is no file.
        labels: what became of each label.
    """

    measured_on: str
    recordings: int
    frames: int
    live: float
    features: float | None
    divergence: float | None
    partitions: int
    reference_partitions: int | None
    step_ms: float
    reference_step_ms: float | None
    labels: Mapping[str, Found]

    def failures(self, limits: Limits) -> list[str]:
        """What is past a limit, in words; empty when all is well."""
        found = []
        if self.live > limits.live:
            found.append(f"live is {self.live:.2g} from the same all at once, over {limits.live}")
        if self.divergence is not None and self.divergence > limits.divergence:
            found.append(f"divergence {self.divergence:.4f} is over {limits.divergence}")
        before = self.reference_partitions
        if before is not None and self.partitions > before:
            found.append(f"it runs in {self.partitions} pieces, the reference in {before}")
        return found


class Reference(Protocol):
    """What a taught file's features are compared with, frame by frame."""

    @property
    def partitions(self) -> int | None:
        """In how many pieces XNNPACK runs it; None where it is no file."""

    @property
    def stream(self) -> Stream | None:
        """A stream of it, to be timed; None where it is no file."""

    def reset(self) -> None:
        """Forgets everything."""

    def step(self, frame: Frame) -> NDArray[np.float32]:
        """Takes one more frame; returns its features."""


class OfFile:
    """The features of a model file, prepared where it had not been.

    Args:
        path: a file, or a name that ``python -m edgevid.models`` lists.

    Raises:
        ModelError: it cannot be loaded, or gives no features.
    """

    def __init__(self, path: str | Path) -> None:
        file = load_file(path)
        if file.signature.features is None:
            raise ModelError(f"{path} gives no features to compare with: it cannot be prepared")
        model = Model(file.manifest, file.signature, open_backend(file.flatbuffer))
        memory = None if file.manifest.head is not None else 0.0
        self.stream = model.stream(memory=memory, follow_scene=False)
        self.partitions = partitions(file.flatbuffer)

    def reset(self) -> None:
        """Forgets everything."""
        self.stream.reset()

    def step(self, frame: Frame) -> NDArray[np.float32]:
        """Takes one more frame; returns its features."""
        self.stream.step(frame)
        return self.stream.features


def verify(
    files: Sequence[Path], data: Path, reference: Reference | None
) -> dict[str, TaughtComparison]:
    """Verifies taught files, and writes the result into each file's manifest, as ``verified``.

    Args:
        files: taught files.
        data: recordings, in any form that ``edgevid.teach`` takes. Those that cannot be read are
            left out, and named.
        reference: gives the features of the network that was taught in another way.

    Returns:
        The comparisons by the file's name.

    Raises:
        ModelError: a file is not usable, or of another network than the reference.
        SourceError: no recording can be read.
        UsageError: a recording is of a label that a file does not know.
        OutputError: a file cannot be written.
    """
    recordings = reading.read(data)
    models = {path: load_model(path) for path in files}
    for path, model in models.items():
        unknown = {label for one in recordings for label in one.labels}
        unknown -= set(model.manifest.labels)
        if unknown:
            raise UsageError(f"a recording is of a label that {path} lacks: {sorted(unknown)[0]!r}")
    results = {}
    for path, model in models.items():
        content = path.read_bytes()
        result = compare(model, content, recordings, reference)
        results[path.name] = result
        metrics = {**model.manifest.metrics, "verified": asdict(result)}
        with atomic_file(path) as file:
            file.write(manifest.write(content, replace(model.manifest, metrics=metrics)))
    return results


def compare(
    model: Model, content: bytes, recordings: Iterable[Recording], reference: Reference | None
) -> TaughtComparison:
    """Plays recordings through a taught model.

    Args:
        model: the model.
        content: its file.
        recordings: what to play.
        reference: what to compare its features with.

    Raises:
        SourceError: no recording can be read.
        ModelError: the reference is of another network.
    """
    head = model.manifest.head
    assert head is not None
    played = []
    for recording in recordings:
        try:
            played.append(_play(model, recording, reference))
        except SourceError as error:
            _LOG.warning("left out: %s", error)
    if not played:
        raise SourceError("there is no recording to compare on that can be read")
    at_once = [all_at_once(head, one.example.features, one.example.breaks) for one in played]
    parity = _parity(head, played, at_once) if reference is not None else (None, None)
    streams = [model.stream()]
    if reference is not None and reference.stream is not None:
        streams.append(reference.stream)
    step_ms = _step_ms(streams, played[0].pictures)
    return TaughtComparison(
        measured_on="given",
        recordings=len(played),
        frames=sum(len(logits) for logits in at_once),
        live=max(
            float(np.abs(logistic(logits) - one.probabilities).max())
            for one, logits in zip(played, at_once, strict=True)
        ),
        features=parity[0],
        divergence=parity[1],
        partitions=partitions(content),
        reference_partitions=reference.partitions if reference is not None else None,
        step_ms=step_ms[0],
        reference_step_ms=step_ms[1] if len(step_ms) > 1 else None,
        labels=_found(model, played, np.concatenate(at_once)),
    )


@dataclass(frozen=True)
class _Played:
    """One recording that was played.

    Attributes:
        example: its features, of the taught file.
        probabilities: what the file said live, ``[frames, labels]``.
        reference: features of the reference, ``[frames, features]``; empty without one.
        pictures: its first ones.
    """

    example: Example
    probabilities: Floats
    reference: NDArray[np.float32]
    pictures: list[Frame]


def _play(model: Model, recording: Recording, reference: Reference | None) -> _Played:
    labels = model.manifest.labels
    stream = model.stream(top_k=len(labels))
    watch, before, breaks_off = Watch(stream), math.nan, True
    times, breaks, features, said = [], [], [], []
    others: list[NDArray[np.float32]] = []
    pictures: list[Frame] = []
    with open_source(recording.source) as source:
        for frame in source:
            breaks_off |= is_jump(frame, before)
            before = frame.timestamp
            prediction = watch.take(frame).prediction
            if prediction is None:
                continue
            times.append(frame.timestamp)
            breaks.append(breaks_off)
            features.append(stream.features)
            probabilities = {score.label: score.probability for score in prediction.scores}
            said.append([probabilities[label] for label in labels])
            if len(pictures) < _PICTURES:
                pictures.append(Frame(frame.image.copy(), frame.timestamp, frame.index))
            if reference is not None:
                if breaks_off:
                    reference.reset()
                others.append(reference.step(frame))
            breaks_off = False
    if not times:
        raise SourceError(f"{recording.source}: no frame was seen")
    if others and others[0].shape != features[0].shape:
        raise ModelError(
            f"the reference has {others[0].size} features, the taught file {features[0].size}: "
            "it was taught from another network"
        )
    example = Example(
        recording, np.array(times), np.stack(features), np.array(breaks), (), _NO_PLACE
    )
    return _Played(
        with_spans(example, recording), np.array(said, np.float64), np.array(others), pictures
    )


def _step_ms(streams: Sequence[Stream], pictures: Sequence[Frame]) -> list[float]:
    """Returns the median of each stream's steps, a block of steps in turn."""
    taken: list[list[float]] = [[] for _ in streams]
    for _ in range(_BLOCKS):
        for stream, ms in zip(streams, taken, strict=True):
            block = [stream.step(pictures[n % len(pictures)]).inference_ms for n in range(_BLOCK)]
            ms += block[_WARM_UP:]
    return [float(np.median(ms)) for ms in taken]


def all_at_once(head: Head, features: NDArray[np.float32], breaks: NDArray[np.bool_]) -> Floats:
    """Returns what a head says of all frames, by cumulative sums: logits ``[frames, labels]``.

    Args:
        head: the head.
        features: ``[frames, features]``.
        breaks: ``[frames]``, where nothing before counts any more; the first frame is one.
    """
    values = rooted(features, head.roots).astype(np.float64)
    sums = np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(values, axis=0)])
    numbers = np.arange(len(values))
    since_break = numbers - np.maximum.accumulate(np.where(breaks, numbers, 0)) + 1
    means = []
    for window in head.windows:
        count = np.minimum(window, since_break)
        means.append((sums[numbers + 1] - sums[numbers + 1 - count]) / count[:, None])
    logits: Floats = np.concatenate(means, axis=1) @ head.weights.T.astype(np.float64) + head.bias
    return logits


def _parity(
    head: Head, played: Sequence[_Played], at_once: Sequence[Floats]
) -> tuple[float, float]:
    """Returns how far features are from the reference's, and what comes of it."""
    ours = np.concatenate([one.example.features for one in played]).astype(np.float64)
    theirs = np.concatenate([one.reference for one in played]).astype(np.float64)
    error = float(np.sqrt(((ours - theirs) ** 2).mean() / max((theirs**2).mean(), 1e-30)))
    of_theirs = [all_at_once(head, one.reference, one.example.breaks) for one in played]
    p, q = (
        np.clip(logistic(np.concatenate(logits)), _SMALLEST, 1 - _SMALLEST)
        for logits in (of_theirs, at_once)
    )
    divergence = p * np.log(p / q) + (1 - p) * np.log((1 - p) / (1 - q))
    return error, float(divergence.mean())


def _found(model: Model, played: Sequence[_Played], logits: Floats) -> dict[str, Found]:
    frames, found = Frames([one.example for one in played]), {}
    for place, label in enumerate(model.manifest.labels):
        judged = judge(frames, label, logits[:, place], model.manifest.events)
        delay = judged.median_delay
        found[label] = Found(
            judged.shown,
            judged.found,
            len(judged.false),
            round(judged.hours, 4),
            None if math.isnan(delay) else round(delay, 3),
        )
    return found


def table(results: Mapping[str, TaughtComparison]) -> str:
    """Returns tables in Markdown: of the files, and of what became of each label.

    Args:
        results: comparisons by the file's name.
    """
    lines = [
        "| taught file | recordings | live against all at once | features against the reference "
        "| KL a frame | pieces | a step |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, c in results.items():
        pieces, step = str(c.partitions), f"{c.step_ms:.2f} ms"
        if c.reference_partitions is not None:
            pieces += f" (reference {c.reference_partitions})"
        if c.reference_step_ms is not None:
            step += f" (reference {c.reference_step_ms:.2f} ms)"
        lines.append(
            f"| {name} | {c.recordings}, {c.frames} frames | {c.live:.1e} "
            f"| {_or_dash(c.features)} | {_or_dash(c.divergence)} | {pieces} | {step} |"
        )
    lines += [
        "",
        "| taught file | label | announced | false | median delay |",
        "|---|---|---|---|---|",
    ]
    for name, c in results.items():
        for label, of in c.labels.items():
            delay = "-" if of.median_delay_s is None else f"{of.median_delay_s:.1f} s"
            lines.append(
                f"| {name} | {label} | {of.announced} of {of.shown} "
                f"| {of.false_events} in {of.hours:.2f} h | {delay} |"
            )
    return "\n".join(lines)


def _or_dash(value: float | None) -> str:
    return "-" if value is None else f"{value:.1e}"
