"""A slow reader sees the present; a hanging camera hangs nobody else."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from edgevid import Frame, SourceError
from edgevid.sources.latest import LatestSource
from edgevid.sources.replay import ReplaySource
from tests.conftest import moving_pictures


class Camera(ReplaySource):
    """Gives its first frame, then waits until it is told to give the rest."""

    def __init__(self, count: int, *, error: Exception | None = None) -> None:
        super().__init__(moving_pictures(count), is_live=True)
        self.go_on = threading.Event()
        self.given = threading.Event()
        self.closed = False
        self._error = error

    def __iter__(self) -> Iterator[Frame]:
        for frame in super().__iter__():
            yield frame
            self.go_on.wait()
        if self._error is not None:
            raise self._error
        self.given.set()

    def close(self) -> None:
        self.closed = True


def test_a_slow_reader_gets_the_newest_frame() -> None:
    camera = Camera(6)
    source = LatestSource(camera)
    frames = iter(source)
    assert next(frames).index == 0
    camera.go_on.set()
    camera.given.wait()
    assert [frame.index for frame in frames] == [5]
    assert source.captured == 6


def test_what_fails_in_the_thread_fails_at_the_reader() -> None:
    camera = Camera(3, error=SourceError("camera 0: stopped"))
    camera.go_on.set()
    with LatestSource(camera) as source, pytest.raises(SourceError, match="camera 0: stopped"):
        for _ in source:
            pass
    assert camera.closed


def test_stop_ends_the_iteration_while_the_camera_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgevid.sources.latest._JOIN_S", 0.01)
    camera = Camera(2)
    source = LatestSource(camera)
    frames = iter(source)
    next(frames)
    threading.Timer(0.01, source.stop).start()
    assert list(frames) == []
    source.close()
    assert not camera.closed  # nothing is closed under a read that still runs
    camera.go_on.set()
    source._thread.join(10)
    assert camera.closed  # but as soon as it has ended


def test_closing_ends_the_thread_and_closes_the_source() -> None:
    camera = Camera(100)
    camera.go_on.set()
    source = LatestSource(camera)
    next(iter(source))
    source.close()
    source.close()
    assert camera.closed
    assert not any(thread.name == source.name for thread in threading.enumerate())
