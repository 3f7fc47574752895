"""Contracts for sources and sinks of your own: classes of tests to inherit from.

They need no test library. pytest and unittest (beside ``unittest.TestCase``) run the methods
whose names begin with ``test_``. edgevid's own sources and sinks are tested with the same classes.

Example:
    >>> from edgevid.testing import SourceContract
    >>> class TestReplay(SourceContract):
    ...     def open_source(self):
    ...         images = [np.zeros((48, 64, 3), np.uint8)] * 3
    ...         return edgevid.ReplaySource(images, fps=10)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from unittest import SkipTest

import numpy as np
from numpy.typing import NDArray

from edgevid.errors import OutputError
from edgevid.records import Event, Frame, Prediction, Problem, Score, Summary
from edgevid.sinks.base import Sink
from edgevid.sources.base import Source
from edgevid.sources.replay import ReplaySource

__all__ = ["SinkContract", "SourceContract", "check_source"]

_TOLERANCE = 16  # of a mean colour, 0 to 255: codecs keep colours coarsely
# A file's name can hold what is neither UTF-8 nor printable; a label is any Unicode text.
_ODD_NAME, _ODD_LABEL = "caf\udce9\nno 1.mp4", "größe → 100 %"
_EVENT = Event("start", _ODD_LABEL, 1.0, 0.75)
_NO_TIMES = {"p50": 0.0, "p95": 0.0, "p99": 0.0}
_EMPTY = Summary(0, 0, 0, 0, _NO_TIMES, 0.0, (Problem(_ODD_NAME, "cannot be read"),))
_SUMMARY = Summary(40, 20, 0, 1, {"p50": 1.5, "p95": 1.5, "p99": 1.5}, 4.0, _EMPTY.problems)


class SourceContract:
    """What every ``Source`` does, as tests. Inherit, and give ``open_source``.

    Attributes:
        take: leave after so many frames; None watches to the end, which the source must have.
        colour: RGB of the even picture that it shows, 0 to 255 each; None skips that check.

    Example:
        >>> class TestReplay(SourceContract):
        ...     colour = (255, 0, 0)
        ...     def open_source(self):
        ...         red = np.full((48, 64, 3), self.colour, np.uint8)
        ...         return edgevid.ReplaySource([red] * 3, fps=10)
        >>> TestReplay().test_frames_come_in_order()
    """

    take: int | None = None
    colour: tuple[int, int, int] | None = None

    def open_source(self) -> Source:
        """Returns a newly opened source that gives at least one frame."""
        raise NotImplementedError(f"{type(self).__name__} must define open_source")

    def test_frames_come_in_order(self) -> None:
        """Frames are RGB, their timestamps increase, and their indices count from 0."""
        check_source(self.open_source(), take=self.take, colour=self.colour)

    def test_it_can_be_closed_unread(self) -> None:
        """A source can be closed before its first frame, and twice."""
        source = self.open_source()
        source.close()
        source.close()

    def test_it_can_be_left_after_the_first_frame(self) -> None:
        """The block ends it in the middle, and the frame stays what it was."""
        with self.open_source() as source:
            frame = next(iter(source))
            before = frame.image.copy()
        assert np.array_equal(frame.image, before), "closing changes a frame that was given"


def check_source(
    source: Source, *, take: int | None = None, colour: tuple[int, int, int] | None = None
) -> None:
    """Watches a newly opened source and closes it.

    Args:
        source: what to watch.
        take: leave after so many frames; None watches to the end, which the source must have.
        colour: RGB of the even picture that it shows, 0 to 255 each; None skips that check.

    Raises:
        AssertionError: it breaks the contract of ``Source``.

    Example:
        >>> from edgevid.testing import check_source
        >>> check_source(edgevid.open_source("clip.mp4"))
    """
    assert source.name, "a source has a name"
    assert source.unreadable == 0, "nothing has been read yet"
    assert source.fps is None or source.fps > 0, f"fps is {source.fps}"
    indices: list[int] = []
    timestamps: list[float] = []
    with source as entered:
        assert entered is source, "'with source' gives the source itself"
        for frame in source:
            indices.append(frame.index)
            timestamps.append(frame.timestamp)
            _check_image(frame, colour)
            if len(indices) == take:
                break
        else:
            assert take is None, f"ended after {len(indices)} of {take} frames"
    assert indices, "it gave no frame"
    assert _increases(timestamps), f"timestamps do not increase: {timestamps}"
    if source.is_live and take is None:  # frames that were not taken are lost, with their indices
        assert _increases(indices), f"indices do not increase: {indices}"
    else:
        assert indices == list(range(len(indices))), f"indices do not count from 0: {indices}"
    if not source.is_live:
        assert source.length is None or len(indices) <= source.length, "more frames than length"
        assert timestamps[0] >= 0, f"a file's time begins at {timestamps[0]}"
    source.close()  # the second time: leaving the block was the first


def _check_image(frame: Frame, colour: tuple[int, int, int] | None) -> None:
    image = frame.image
    assert image.dtype == np.uint8, f"an image is {image.dtype}"
    assert image.ndim == 3, f"an image's shape is {image.shape}"
    assert image.shape[2] == 3, f"an image's shape is {image.shape}"
    assert image.flags.c_contiguous, "an image is not contiguous"
    if colour is not None:
        mean = image.mean(axis=(0, 1))
        assert np.abs(mean - colour).max() < _TOLERANCE, f"RGB {mean} instead of {colour}"


def _increases(values: Sequence[float]) -> bool:
    return all(later > earlier for earlier, later in pairwise(values))


class SinkContract:
    """What every ``Sink`` does, as tests. Inherit, and give ``open_sink``.

    Attributes:
        written: the file that the sink writes, alone in its folder: the contract then checks that
            it appears whole or not at all. None skips that check.

    Example:
        >>> from edgevid.sinks.jsonl import JsonLinesSink
        >>> class TestJsonLines(SinkContract):
        ...     written = Path("results/out.jsonl")
        ...     def open_sink(self):
        ...         self.written.parent.mkdir()
        ...         return JsonLinesSink(str(self.written))
        >>> TestJsonLines().test_a_run()
    """

    written: Path | None = None

    def open_sink(self) -> Sink:
        """Returns a new sink."""
        raise NotImplementedError(f"{type(self).__name__} must define open_sink")

    def open_failing_sink(self) -> Sink:
        """Returns a new sink whose writing fails, as on a full disk. Skipped unless defined."""
        raise SkipTest("no way to have this sink fail")

    def test_a_run(self) -> None:
        """Two clips, the second of which begins at 0 again; then what was written is whole."""
        sink = self.open_sink()
        assert sink.is_open, "a new sink is open"
        for _ in range(2):
            _play(sink)
        if self.written is not None:
            assert not self.written.exists(), "the file has its name before it is whole"
        sink.finish(_SUMMARY)
        if self.written is not None:
            assert self._files() == [self.written.name], f"the folder holds {self._files()}"

    def test_frames_stay_as_they_are(self) -> None:
        """Other sinks get the same frames."""
        sink = self.open_sink()
        frames = _play(sink)
        sink.finish(_SUMMARY)
        for frame in frames:
            assert (frame.image == _grey(frame.index)).all(), "a sink changes the frame's image"

    def test_a_run_of_nothing(self) -> None:
        """No source could be opened, so none was started."""
        sink = self.open_sink()
        sink.finish(_EMPTY)

    def test_a_clip_without_predictions(self) -> None:
        """A clip that ended before the model's first step."""
        sink = self.open_sink()
        sink.start(_source())
        sink.finish(_EMPTY)

    def test_abandoning_takes_away_what_was_written(self) -> None:
        """Twice is harmless, so that clean-up code need not know what was done before."""
        sink = self.open_sink()
        _play(sink)
        sink.abandon()
        sink.abandon()
        if self.written is not None:
            assert self._files() == [], f"the folder still holds {self._files()}"

    def test_abandoning_what_is_finished_is_harmless(self) -> None:
        """What was written stays."""
        sink = self.open_sink()
        _play(sink)
        sink.finish(_SUMMARY)
        before = self.written.read_bytes() if self.written else b""
        sink.abandon()
        if self.written is not None:
            assert self.written.read_bytes() == before, "abandoning changes a finished file"

    def test_a_failure_is_told_once(self) -> None:
        """It raises ``OutputError`` once, is closed from then on, and passes over the rest."""
        sink = self.open_failing_sink()
        calls: list[Callable[[], None]] = [partial(sink.start, _source())]
        for frame, prediction in _steps():
            calls += [partial(sink.take, frame, prediction), partial(sink.event, _EVENT)]
        calls.append(partial(sink.finish, _SUMMARY))
        failures = 0
        for call in calls:
            try:
                call()
            except OutputError:
                failures += 1
                assert not sink.is_open, "it is still open after its failure"
        sink.abandon()
        assert failures == 1, f"it raised OutputError {failures} times"

    def _files(self) -> list[str]:
        assert self.written is not None
        return sorted(path.name for path in self.written.parent.iterdir())


def _grey(index: int) -> NDArray[np.uint8]:
    return np.full((48, 64, 3), 10 * index % 256, np.uint8)


def _steps(count: int = 20) -> Iterator[tuple[Frame, Prediction | None]]:
    """Yields frames, ten a second, and the prediction that is made on every other one."""
    scores = (Score(_ODD_LABEL, 0.75), Score("waving", 0.25))
    for index in range(count):
        frame = Frame(_grey(index), index / 10, index)
        yield frame, None if index % 2 else Prediction(frame.timestamp, index, scores, 1.5)


def _source() -> Source:
    return ReplaySource([], fps=10, name=_ODD_NAME)


def _play(sink: Sink) -> list[Frame]:
    """Gives a sink one clip, with an event in it; returns the clip's frames."""
    sink.start(_source())
    frames = []
    for frame, prediction in _steps():
        frames.append(frame)
        sink.take(frame, prediction)
        if frame.index in (10, 15):
            sink.event(replace(_EVENT, state="start" if frame.index == 10 else "end"))
    return frames
