"""The contract over every sink."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import pytest

from edgevid import Event, Frame, OutputError, Prediction, Sink, Source
from edgevid.records import Summary
from edgevid.sinks.console import ConsoleSink
from edgevid.sinks.jsonl import JsonLinesSink
from edgevid.sinks.overlay import Picture
from edgevid.sinks.pictures import PictureOutput, PictureSink
from edgevid.sinks.video import VideoOutput
from edgevid.testing import SinkContract

FULL = Path("/dev/full")  # takes nothing: no space left on device


class InAFolder(SinkContract):
    """A sink that writes one file."""

    suffix: ClassVar[str]
    folder: Path

    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path) -> None:
        self.folder = tmp_path / "results"
        self.folder.mkdir()
        self.written = self.folder / f"out{self.suffix}"
        self.full = tmp_path / f"full{self.suffix}"
        self.full.symlink_to(FULL)


class TestJsonLines(InAFolder):
    suffix = ".jsonl"

    def open_sink(self) -> Sink:
        return JsonLinesSink(str(self.written))

    def open_failing_sink(self) -> Sink:
        return JsonLinesSink(str(self.full))


class TestVideo(InAFolder):
    suffix = ".mp4"

    def open_sink(self) -> Sink:
        assert self.written
        return PictureSink([VideoOutput(self.written)])

    def open_failing_sink(self) -> Sink:
        return PictureSink([VideoOutput(self.full)])


class TestConsole(SinkContract):
    @pytest.fixture(autouse=True)
    def _captured(self, capfd: pytest.CaptureFixture[str]) -> None:
        """Its lines are of no interest here."""

    def open_sink(self) -> Sink:
        return ConsoleSink(sys.stdout)

    def open_failing_sink(self) -> Sink:
        return ConsoleSink(FULL.open("w", encoding="utf-8"))


class NowhereOutput(PictureOutput):
    """Takes pictures as a window does, and fails when it is told to."""

    def __init__(self, *, fails: bool = False) -> None:
        self.is_open = True
        self._fails = fails

    def start(self, fps: float | None) -> None: ...

    def show(self, picture: Picture, timestamp: float) -> None:
        if self._fails and self.is_open:
            self.is_open = False
            raise OutputError("no window any more")

    def finish(self) -> None: ...

    def abandon(self) -> None: ...


class TestPictures(SinkContract):
    def open_sink(self) -> Sink:
        return PictureSink([NowhereOutput(), NowhereOutput()], crop=(8, 8, 16, 16))

    def open_failing_sink(self) -> Sink:
        return PictureSink([NowhereOutput(fails=True)])


# The contract itself: it must be able to fail.


class Faulty(Sink):
    """A file of one line, and a fault."""

    def __init__(self, path: Path, fault: str) -> None:
        self.is_open = fault != "closed"
        self._path, self._fault = path, fault
        if fault == "early":
            path.touch()

    def start(self, source: Source) -> None: ...

    def take(self, frame: Frame, prediction: Prediction | None) -> None:
        if self._fault == "draws":
            frame.image[0] = 255
        elif self._fault in ("again", "stays open"):
            self.is_open = self._fault == "stays open"
            raise OutputError("full")

    def event(self, event: Event) -> None: ...

    def finish(self, summary: Summary) -> None:
        if self._fault == "never":
            return
        self._path.write_text("whole\n")
        if self._fault == "litters":
            self._path.with_suffix(".part").touch()

    def abandon(self) -> None:
        if self._fault in ("early", "takes away"):
            self._path.unlink()


class FaultyContract(InAFolder):
    suffix = ".txt"
    fault = ""

    def open_sink(self) -> Sink:
        assert self.written
        return Faulty(self.written, self.fault)

    open_failing_sink = open_sink


@pytest.mark.parametrize(
    ("fault", "test", "message"),
    [
        ("closed", FaultyContract.test_a_run, "a new sink is open"),
        ("early", FaultyContract.test_a_run, "before it is whole"),
        ("never", FaultyContract.test_a_run, "the folder holds"),
        ("litters", FaultyContract.test_a_run, "the folder holds"),
        ("draws", FaultyContract.test_frames_stay_as_they_are, "changes the frame"),
        ("takes away", FaultyContract.test_abandoning_what_is_finished_is_harmless, "No such file"),
        ("early", FaultyContract.test_abandoning_takes_away_what_was_written, "No such file"),
        ("again", FaultyContract.test_a_failure_is_told_once, "raised OutputError 20 times"),
        ("stays open", FaultyContract.test_a_failure_is_told_once, "still open"),
        ("", FaultyContract.test_a_failure_is_told_once, "raised OutputError 0 times"),
    ],
)
def test_a_sink_that_breaks_the_contract(
    fault: str, test: Callable[[FaultyContract], None], message: str, tmp_path: Path
) -> None:
    contract = FaultyContract()
    contract.fault = fault
    contract.written = tmp_path / "out.txt"
    with pytest.raises((AssertionError, FileNotFoundError), match=message):
        test(contract)
