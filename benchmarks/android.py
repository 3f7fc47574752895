"""``python -m benchmarks.android MODEL --binary benchmark_model``: a step on an Android phone.

Drives TensorFlow Lite's ``benchmark_model`` through adb: pushes both, binds it to one core with
``taskset``, and reads the times that it prints. It measures the network alone, ``invoke`` with
whatever is in its inputs. Get the binary from the LiteRT project ("native benchmark binary",
android_aarch64). Written after its documented output, and tried on no phone yet.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import report
from edgevid.errors import OutputError, SourceError
from edgevid.support import command

_FOLDER = "/data/local/tmp/edgevid"
# As in "Inference timings in us: Init: 5685, First inference: 18535, Warmup (avg): 14462.3,
# Inference (avg): 14575.2" and "count=50 first=20 curr=19 min=18 max=25 avg=19.5 std=1"
# (LiteRT documentation, "performance measurement"; newer releases add median, p5 and p95).
_TIMINGS = re.compile(
    r"Inference timings in us: Init: ([\d.e+]+), First inference: ([\d.e+]+), "
    r"Warmup \(avg\): ([\d.e+]+), Inference \(avg\): ([\d.e+]+)"
)
_COUNT = re.compile(r"count=(\d+) .*?min=([\d.e+]+) max=([\d.e+]+) avg=([\d.e+]+)")
_PERCENTILES = re.compile(r"\b(p5|median|p95)=([\d.e+]+)")
_MEMORY = re.compile(r"overall=([\d.]+)")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    parser = report.arguments("benchmarks.android", __doc__)
    parser.add_argument("models", nargs="+", type=Path, metavar="MODEL", help=".tflite files")
    parser.add_argument("--binary", type=Path, required=True, help="benchmark_model for Android")
    parser.add_argument("--adb", default="adb", help="the adb command (default: %(default)s)")
    parser.add_argument("--core", default="80", metavar="MASK", help="taskset's (default: 80)")
    chosen = parser.parse_args(arguments)
    return command.guard(lambda: _run(chosen))


def _run(chosen: argparse.Namespace) -> int:
    for path in (chosen.binary, *chosen.models):
        if not path.is_file():
            raise SourceError(f"no such file: {path}")
    adb = shlex.split(chosen.adb)
    _call(adb, "shell", f"mkdir -p {_FOLDER}")
    _call(adb, "push", str(chosen.binary), f"{_FOLDER}/benchmark_model")
    _call(adb, "shell", f"chmod +x {_FOLDER}/benchmark_model")
    models = []
    for path in chosen.models:
        _call(adb, "push", str(path), f"{_FOLDER}/model.tflite")
        said = _call(adb, "shell", _benchmark(chosen.core, chosen.quick))
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        models.append({"model": path.stem, "sha256": digest, **parse(said)})
    phone = " ".join(
        _call(adb, "shell", f"getprop ro.product.{name}").strip()
        for name in ("manufacturer", "model")
    )
    print(f"{phone}\n")
    print(report.table([{k: v for k, v in m.items() if k != "sha256"} for m in models]))
    report.write_json(chosen.json, {"machine": {"board": phone}, "models": models})
    return command.OK


def _benchmark(core: str, quick: bool) -> str:
    return shlex.join(
        [
            "taskset", core, f"{_FOLDER}/benchmark_model", f"--graph={_FOLDER}/model.tflite",
            "--num_threads=1", "--use_xnnpack=true", f"--num_runs={50 if quick else 1024}",
            f"--min_secs={1 if quick else 60}", "--max_secs=600",
        ]
    )  # fmt: skip


def parse(said: str) -> dict[str, Any]:
    """Reads what ``benchmark_model`` prints; times in milliseconds.

    Raises:
        SourceError: it printed no times.
    """
    timings, counts = _TIMINGS.search(said), _COUNT.findall(said)
    if timings is None or not counts:
        last = (said.strip().splitlines() or ["nothing"])[-1]
        raise SourceError(f"benchmark_model printed no times, but: {last}")
    init, first, _, average = (float(value) / 1000 for value in timings.groups())
    count, least, most, _ = counts[-1]  # the warm-up has a line of its own before
    figures = {
        "load_ms": init,
        "first_step_ms": first,
        "steps": int(count),
        "mean": average,
        "min": float(least) / 1000,
        "max": float(most) / 1000,
    }
    tail = said[said.rindex("count=") :]
    for name, value in _PERCENTILES.findall(tail):
        figures[{"median": "p50"}.get(name, name)] = float(value) / 1000
    memory = _MEMORY.search(said)
    if memory is not None:
        figures["rss_mb"] = float(memory[1])
    return figures


def _call(adb: Sequence[str], *words: str) -> str:
    try:
        done = subprocess.run(
            [*adb, *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            errors="replace", stdin=subprocess.DEVNULL, check=False,
        )  # fmt: skip
    except OSError as error:
        raise OutputError(f"{adb[0]} cannot be run: {error.strerror}") from error
    if done.returncode:
        last = (done.stdout.strip().splitlines() or ["no word"])[-1]
        raise OutputError(f"adb {words[0]} failed: {last}")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
