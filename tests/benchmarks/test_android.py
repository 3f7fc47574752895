"""The phone is a shell script that answers as adb and ``benchmark_model`` are documented to."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from benchmarks.android import main, parse
from edgevid import SourceError

# The LiteRT documentation's own sample ("performance measurement"), shortened.
SAID = """\
INFO: Log parameter values verbosely: [0]
INFO: Initialized session in 5.685ms.
INFO: Running benchmark for at least 1 iterations and at least 0.5 seconds
INFO: count=35 first=18535 curr=14000 min=13000 max=18535 avg=14462.3 std=761
INFO: Running benchmark for at least 50 iterations and at least 1 seconds
INFO: count=69 first=14427 curr=14468 min=14398 max=14962 avg=14575.2 std=110
INFO: Inference timings in us: Init: 5685, First inference: 18535, Warmup (avg): 14462.3, \
Inference (avg): 14575.2
INFO: Memory footprint delta from the start of the tool (MB): init=6.8 overall=11.5
"""

ADB = """#!/bin/sh
echo "$*" >> {log}
case "$*" in
*getprop*manufacturer) echo Google ;;
*getprop*model) echo Pixel 4 ;;
*benchmark_model\\ --graph*) cat {said} ;;
esac
"""


def test_it_reads_what_benchmark_model_prints() -> None:
    assert parse(SAID) == {
        "load_ms": 5.685,
        "first_step_ms": 18.535,
        "steps": 69,
        "mean": 14.5752,
        "min": 14.398,
        "max": 14.962,
        "rss_mb": 11.5,
    }


def test_newer_releases_add_percentiles() -> None:
    line = "avg=14575.2 std=110 p5=14400 median=14500 p95=14900\n"
    found = parse(SAID.replace("avg=14575.2 std=110\n", line))
    assert (found["p5"], found["p50"], found["p95"]) == (14.4, 14.5, 14.9)


def test_words_without_times_are_an_error() -> None:
    with pytest.raises(SourceError, match="error while loading shared libraries"):
        parse("error while loading shared libraries\n")


def test_it_drives_adb(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log, adb, model = tmp_path / "log", tmp_path / "adb", tmp_path / "model.tflite"
    (tmp_path / "said").write_text(SAID)
    adb.write_text(ADB.format(log=log, said=tmp_path / "said"))
    adb.chmod(adb.stat().st_mode | stat.S_IXUSR)
    binary, out = tmp_path / "benchmark_model", tmp_path / "phone.json"
    binary.write_bytes(b"elf")
    model.write_bytes(b"tfl")
    arguments = [str(model), "--binary", str(binary), "--adb", str(adb), "--json", str(out)]
    assert main(arguments) == 0
    found = json.loads(out.read_text())
    assert found["machine"]["board"] == "Google Pixel 4"
    assert found["models"][0]["mean"] == 14.5752
    assert "Google Pixel 4" in capsys.readouterr().out
    calls = log.read_text().splitlines()
    assert [call.split()[0] for call in calls] == ["shell", "push", "shell", "push"] + ["shell"] * 3
    assert "taskset 80" in calls[4]
    assert "--num_threads=1" in calls[4]


def test_without_adb(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "a"
    file.write_bytes(b"")
    assert main([str(file), "--binary", str(file), "--adb", str(tmp_path / "none")]) == 1
    assert "cannot be run" in capsys.readouterr().err
