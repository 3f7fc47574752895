"""Lines that any reader of JSON takes."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from edgevid.records import Event, Problem, Summary
from edgevid.sinks.console import ConsoleSink
from edgevid.sinks.jsonl import JsonLinesSink, _LinesFile

EVENT = Event("start", "wav\ud800ing größe", 1.0, 0.5)
SUMMARY = Summary(
    1, 1, 0, 0, {"p50": 1.0, "p95": 1.0, "p99": 1.0}, 1.0, (Problem("caf\udce9.mp4", "broke\noff"),)
)


def test_no_lone_surrogate_in_json(tmp_path: Path) -> None:
    sink = JsonLinesSink(str(tmp_path / "out.jsonl"))
    sink.event(EVENT)
    sink.finish(SUMMARY)
    event, summary = [
        json.loads(line) for line in (tmp_path / "out.jsonl").read_text().split("\n")[:2]
    ]
    assert event["label"] == "wav\ufffding größe"
    assert summary["problems"] == [{"source": "caf\ufffd.mp4", "problem": "broke\noff"}]


def test_half_a_line_is_taken_back(tmp_path: Path) -> None:
    """As when the process is interrupted in the middle of one."""
    sink = JsonLinesSink(str(tmp_path / "out.jsonl"))
    sink.event(EVENT)
    assert isinstance(sink._lines, _LinesFile)
    sink._lines._file.write(b'{"type": "pred')
    sink.finish(SUMMARY)
    lines = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [line["type"] for line in lines] == ["event", "summary"]


def test_nothing_is_lost_by_abandoning_what_is_finished(tmp_path: Path) -> None:
    sink = JsonLinesSink(str(tmp_path / "out.jsonl"))
    sink.finish(SUMMARY)
    sink.event(EVENT)
    sink.abandon()
    assert len((tmp_path / "out.jsonl").read_text().splitlines()) == 1
    sink = JsonLinesSink(str(tmp_path / "gone.jsonl"))
    sink.event(EVENT)
    sink.abandon()
    assert [path.name for path in tmp_path.iterdir()] == ["out.jsonl"]


def test_the_console_lists_what_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    problems = tuple(Problem(f"{number}.mp4", "broke\noff") for number in range(25))
    sink = ConsoleSink(sys.stdout)
    sink.event(EVENT)
    sink.finish(Summary(1, 1, 0, 0, {"p50": 1.0, "p95": 1.0, "p99": 1.0}, 1.0, problems))
    said = capsys.readouterr()
    assert said.out == "     1.0 s  + wav\ufffding größe  50%\n"
    lines = said.err.splitlines()
    assert lines[1] == "incomplete: 0.mp4: broke\ufffdoff"
    assert lines[-1] == "incomplete: 5 more"
    assert len(lines) == 22
