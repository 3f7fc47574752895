"""Videos become examples: the network's features, frame by frame, as a camera would give them."""

from __future__ import annotations

import hashlib
import logging
import math
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from edgevid.errors import ModelError, OutputError, SourceError
from edgevid.modelfile import flatbuffer, manifest, signature
from edgevid.modelfile.head import Head
from edgevid.prepare import cut
from edgevid.records import Box, Event, Frame, Prediction
from edgevid.runtime import backends
from edgevid.runtime.kept_features import are_kept_features
from edgevid.runtime.model import Model, Stream
from edgevid.runtime.ticks import is_jump
from edgevid.runtime.watch import Watch
from edgevid.sources import open_source
from edgevid.support.atomic_file import atomic_file
from edgevid.support.jpeg import to_jpeg
from edgevid.teach.data import Recording, Span
from edgevid.teach.examples import Example, packed, unpacked
from edgevid.teach.kept import kept_examples

_LOG = logging.getLogger(__name__)
_LEAST_FRAMES = 3
_PICTURE_EVERY_S = 1.0
_PICTURE = (96, 72)  # width and height at most
_PLACE = (12, 12)
_LATE_S = 2.0  # a span may end so much after its recording does without a word

Progress = Callable[[Recording], None]


class Brought(Protocol):
    """What a frame brought, as ``edgevid.regions.following.Followed`` has it."""

    @property
    def predictions(self) -> list[Prediction] | None:
        """One for each track; None between two ticks."""
        ...


class Following(Protocol):
    """What is needed here of ``edgevid.FollowingWatch``."""

    def take(self, frame: Frame) -> Brought:
        """Takes the next frame of the source."""
        ...

    def features(self, track: int) -> NDArray[np.float32]:
        """Returns what the network knew of a track's last frame."""
        ...

    def end(self, *, reset: bool = True) -> list[Event]:
        """Ends what is going on."""
        ...


class Follow(NamedTuple):
    """A way to follow what examples show, as the camera will.

    Attributes:
        what: ``motion`` or ``people``.
        watch: returns what follows, each track in a stream that it is given the means to start.
    """

    what: str
    watch: Callable[[Callable[[], Stream]], Following]


def feature_model(prepared: bytes) -> Model:
    """Returns the network up to its features, as a taught model runs it.

    Args:
        prepared: the content of a prepared model file, or of a taught one.

    Raises:
        ModelError: it cannot be cut there.
    """
    described = manifest.read(prepared)
    if described is None:
        raise ModelError("only a prepared model can be taught")
    content = manifest.split(prepared)[0] if described.head is not None else cut(prepared)
    network = signature.of(flatbuffer.read(content))
    silent = Head(
        (1,), np.zeros((1, network.result.shape[-1]), np.float32), np.zeros(1, np.float32)
    )
    # As ``taught`` has it: no memory but the head's.
    made = replace(described, labels=("none",), head=silent, memory_s=0.0, follow_scene=False)
    return Model(made, network, backends.open_backend(content))


class Extraction:
    """Extracts examples, and keeps each in a folder until all are done.

    Args:
        model: from ``feature_model``.
        network: which network that is.
        folder: where what was extracted is kept; it is made when it is needed.
        follow: look at what is followed; at the whole picture when None.
    """

    def __init__(
        self, model: Model, network: str, folder: Path, follow: Follow | None = None
    ) -> None:
        self._watch = Watch(model.stream())
        self._following = follow.watch(model.stream) if follow is not None else None
        self._network = f"{network} {follow.what}" if follow is not None else network
        self._folder = folder

    def examples(self, recordings: Iterable[Recording], progress: Progress) -> list[Example]:
        """Returns the examples of recordings; those that cannot be used are left out, and named.

        Args:
            recordings: what to look at.
            progress: told before each.
        """
        found = []
        for recording in recordings:
            progress(recording)
            try:
                if are_kept_features(recording.source):
                    if self._following is not None:
                        raise SourceError(
                            f"{recording.source}: features of the whole picture say nothing of "
                            "what is followed"
                        )
                    found += kept_examples(recording, self._watch.stream.model)
                    continue
                example = self._example(recording)
            except SourceError as error:
                _LOG.warning("left out: %s", error)
                continue
            if len(example.times) < _LEAST_FRAMES:
                _LOG.warning(
                    "left out: %s has %d frames at the model's rate, too few to show anything",
                    recording.source,
                    len(example.times),
                )
                continue
            example = with_spans(example, recording)
            found.append(_followed(example) if self._following is not None else example)
        return found

    def forget(self) -> None:
        """Removes what was kept."""
        for path in self._folder.glob("*.example"):
            path.unlink(missing_ok=True)
        if self._folder.is_dir() and not any(self._folder.iterdir()):
            self._folder.rmdir()

    def _example(self, recording: Recording) -> Example:
        kept = self._kept(recording)
        if kept is not None and kept.is_file():
            try:
                return unpacked(kept.read_bytes())
            except (OSError, SourceError):
                _LOG.warning("%s is damaged: %s is looked at again", kept, recording.source)
        example = self._extracted(recording)
        if kept is not None:
            try:
                self._folder.mkdir(parents=True, exist_ok=True)
                with atomic_file(kept) as file:
                    file.write(packed(example))
            except (OSError, OutputError) as error:
                _LOG.warning("what was extracted cannot be kept: %s", error)
        return example

    def _kept(self, recording: Recording) -> Path | None:
        """Returns where an example is kept: for this file as it is now, and this network."""
        try:
            about = Path(recording.source).resolve(strict=True)
            state = about.stat()
        except OSError:
            return None
        key = f"{self._network} {about} {state.st_size} {state.st_mtime_ns}"
        return self._folder / f"{hashlib.sha256(key.encode(errors='replace')).hexdigest()}.example"

    def _extracted(self, recording: Recording) -> Example:
        times: list[float] = []
        features: list[NDArray[np.float32]] = []
        breaks: list[bool] = []
        pictures: list[tuple[float, bytes]] = []
        places: list[NDArray[np.uint8]] = []
        before, breaks_off, last = math.nan, True, 0
        with open_source(recording.source) as source:
            for frame in source:
                # As the watch has it, which then starts afresh.
                breaks_off |= is_jump(frame, before)
                before = frame.timestamp
                seen = self._seen(frame, last)
                if seen is None:
                    continue
                times.append(frame.timestamp)
                features.append(seen[0])
                breaks.append(breaks_off or seen[1] != last)
                breaks_off, last = False, seen[1]
                if not pictures or frame.timestamp - pictures[-1][0] >= _PICTURE_EVERY_S:
                    pictures.append((frame.timestamp, to_jpeg(_small(frame.image))))
                    places.append(_place(frame.image))
        self._watch.end()
        if self._following is not None:
            self._following.end()
        if not times:
            what = "no frame was seen" if self._following is None else "there is nothing to follow"
            raise SourceError(f"{recording.source}: {what}")
        return Example(
            recording,
            np.array(times),
            np.stack(features),
            np.array(breaks),
            tuple(pictures),
            np.mean(places, axis=0).astype(np.uint8),
        )

    def _seen(self, frame: Frame, last: int) -> tuple[NDArray[np.float32], int] | None:
        """Returns the features of a frame, and the number of the track that they are of, or 0.

        That is the last track as long as it is followed, then the largest.
        """
        if self._following is None:
            taken = self._watch.take(frame).prediction
            return (self._watch.stream.features, 0) if taken is not None else None
        boxes = {p.track: p.box for p in self._following.take(frame).predictions or () if p.track}
        if not boxes:
            return None
        track = last if last in boxes else max(boxes, key=lambda n: _area(boxes[n]))
        return self._following.features(track), track


def _area(box: Box | None) -> int:
    return box[2] * box[3] if box is not None else 0


def _small(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Returns an RGB picture as a small BGR one."""
    from edgevid.support.opencv import cv2

    scale = min(_PICTURE[0] / image.shape[1], _PICTURE[1] / image.shape[0])
    size = max(1, round(scale * image.shape[1])), max(1, round(scale * image.shape[0]))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2BGR), np.uint8)


def _place(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    from edgevid.support.opencv import cv2

    small: NDArray[np.uint8] = cv2.resize(image, _PLACE, interpolation=cv2.INTER_AREA)
    grey: NDArray[np.uint8] = small.mean(axis=2).astype(np.uint8)
    return grey


def _followed(example: Example) -> Example:
    """Returns an example without what nobody was followed in; that is named."""
    spans = []
    for span in example.recording.spans:
        if ((example.times >= span.start) & (example.times <= span.end)).any():
            spans.append(span)
        else:
            _LOG.warning(
                "left out: %r from %g s in %s, where there was nothing to follow",
                span.label,
                span.start,
                example.recording.source,
            )
    return replace(example, recording=replace(example.recording, spans=tuple(spans)))


def with_spans(example: Example, recording: Recording) -> Example:
    """Returns an example with what is said of it; what lies outside it is left out, and named."""
    last = float(example.times[-1])
    spans: list[Span] = []
    for span in recording.spans:
        if span.start > last:
            _LOG.warning(
                "left out: %r from %g s in %s, which ends at %.1f s",
                span.label,
                span.start,
                recording.source,
                last,
            )
            continue
        if last + _LATE_S < span.end < math.inf:
            _LOG.warning(
                "%r ends at %g s in %s, which ends at %.1f s already",
                span.label,
                span.end,
                recording.source,
                last,
            )
        spans.append(span)
    kept = Recording(recording.source, tuple(spans), recording.is_clip, recording.group)
    return Example(
        kept, example.times, example.features, example.breaks, example.pictures, example.place
    )
