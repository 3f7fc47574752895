"""Kills everything that writes, at random moments, while brokers stop and the disk is slow.

Promised:

- service: every event that anybody could have heard of reaches the broker; what comes twice has the
  same id, and is no more than the kills and the broker's ends explain; clips and their JSON files
  are there together;
- stream, prepare, download, checkpoint: a file has its name whole, or not at all;
- all: nothing unfinished is left after the next undisturbed run.

Four of five ends are SIGKILL, the others SIGTERM. Of the runs a third (service) or a quarter have a
disk that takes 100 ms for each sync, where strace may trace. Fails when a promise is broken.
"""

from __future__ import annotations

import hashlib
import importlib.util
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from tqdm import tqdm

from benchmarks import machine
from benchmarks.attack import killed
from benchmarks.attack.ending import conclude
from benchmarks.attack.killed import Target
from benchmarks.report import arguments, table
from edgevid.cli import demo
from edgevid.errors import EdgevidError, MissingDependencyError
from edgevid.models import locate
from edgevid.models.catalog import CAMERA_MOTION
from edgevid.support import command

# Of all kills, the share of each.
_SHARES = {"service": 42, "stream": 22, "prepare": 14, "download": 20, "checkpoint": 2}
_MOST_MINUTES = 15.0
_MODEL = "movinet-a0"

_DOWNLOAD = """
import sys
from dataclasses import replace
from pathlib import Path
from edgevid.cli import models
from edgevid.models import catalog
published = catalog.CATALOG["movinet-a0"]
catalog.CATALOG["movinet-a0"] = replace(published, addresses=(sys.argv[1],), sha256=None)
for name in ("movinet-a0.tflite", "movinet-a0.tflite.sha256"):
    Path(sys.argv[2], "edgevid", name).unlink(missing_ok=True)
print("ready", flush=True)
sys.exit(models.main(["--fetch", "movinet-a0"]))
"""
_CHECKPOINT = """
import sys
from pathlib import Path
from export.model import checkpoint
from export.model.network import Architecture, Network
network = Network(Architecture(size="a0", style="relu6", classes=3))
print("ready", flush=True)
for _ in range(3):
    checkpoint.save(Path(sys.argv[1]), network, ("a", "b", "c"))
"""


def main(given: Sequence[str] | None = None) -> int:
    """Runs the campaign; returns its exit code."""
    parser = arguments("benchmarks.attack.kills", __doc__)
    parser.add_argument("--count", type=int, default=250, help="kills (default: 250)")
    parser.add_argument(
        "--minutes", type=float, default=_MOST_MINUTES, help="at most (default: %(default)g)"
    )
    parser.add_argument("--only", choices=_SHARES, action="append", help="can be given repeatedly")
    chosen = parser.parse_args(given)

    def run() -> int:
        before = machine.read()
        rows, broken, left_out = attack(
            chosen.only or list(_SHARES), chosen.count, chosen.seed, chosen.minutes * 60
        )
        for row in rows:
            print(table([{"what": name, "figure": value} for name, value in row.items()]), "\n")
        print(table([{"left out": what, "because": why} for what, why in left_out.items()]))
        if broken:
            print(table([{"broken": one} for one in broken]))
        results = {
            "kills": sum(row["kills"] for row in rows),
            "rows": rows,
            "left_out": left_out,
            "broken": broken,
        }
        return conclude(chosen.json, before, results)

    return command.guard(run)


def attack(
    chosen: Sequence[str], count: int, seed: int, seconds: float
) -> tuple[list[dict[str, Any]], list[str], dict[str, str]]:
    """Kills what was chosen, each its share of so many times, in so much time at most.

    Returns:
        A row of the report for each; the promises that were broken; and what was left out, with
        the reason.
    """
    rows: list[dict[str, Any]] = []
    broken: list[str] = []
    left_out: dict[str, str] = {}
    slow = killed.disk_can_be_slowed()
    if not slow:
        left_out["a slow disk"] = "no strace that may trace"
    end = time.monotonic() + seconds
    shares = sum(_SHARES[what] for what in chosen)
    for number, what in enumerate(tqdm(chosen, "kills", leave=False)):
        chance = random.Random(f"{seed} {what}")
        kills = max(1, round(count * _SHARES[what] / shares))
        left = sum(_SHARES[other] for other in chosen[number:])
        # Whoever needs less leaves it to those that follow.
        deadline = time.monotonic() + (end - time.monotonic()) * _SHARES[what] / left
        with tempfile.TemporaryDirectory(prefix="edgevid-kills-") as folder:
            try:
                row, found = _TARGETS[what](Path(folder), kills, chance, deadline, slow)
            except MissingDependencyError as error:
                left_out[what] = str(error)
                continue
        if row["kills"] < kills:
            left_out[f"{kills - row['kills']} kills of {what}"] = "no time, or too much was broken"
        rows.append(row)
        broken += [f"{what}: {one}" for one in found]
    return rows, broken, left_out


_Attack = Callable[[Path, int, random.Random, float, bool], tuple[dict[str, Any], list[str]]]


def _service(
    folder: Path, count: int, chance: random.Random, deadline: float, slow: bool
) -> tuple[dict[str, Any], list[str]]:
    try:
        from benchmarks.attack.killed_service import Attack
        from benchmarks.parts.broker import MOSQUITTO
    except ImportError as error:
        raise MissingDependencyError(f"{error}: pip install --group dev") from error
    if MOSQUITTO is None:
        raise MissingDependencyError("mosquitto is not installed")
    attack = Attack(folder, chance, slow=slow)
    row = attack.run(count, deadline)
    return {**row, "promises broken": len(attack.outcome.broken)}, attack.outcome.broken


def _command(
    make: Callable[[Path], Target],
    folder: Path,
    count: int,
    chance: random.Random,
    deadline: float,
    slow: bool,
) -> tuple[dict[str, Any], list[str]]:
    target = make(folder)
    target.folder.mkdir(exist_ok=True)
    outcome = killed.attack(target, count, chance, deadline, slow=slow)
    return outcome.row(target.what), outcome.broken


def _stream(folder: Path) -> Target:
    output = folder / "output"
    options = ["--model", CAMERA_MOTION.name, "--headless"]
    files = ["--output", f"{output}/events.jsonl", "--save", f"{output}/labelled.mp4"]
    return Target(
        "stream",
        ["-m", "edgevid.stream", "--source", str(demo.CLIP), *options, *files],
        output,
        {"events.jsonl": killed.lines_of_json, "labelled.mp4": killed.video},
    )


def _prepare(folder: Path) -> Target:
    output, published = folder / "output", _published()
    output.mkdir()
    prepared = output / "prepared.tflite"
    arguments = ["-m", "edgevid.prepare", str(published), "--output", str(prepared)]
    if subprocess.run([sys.executable, *arguments], check=False, capture_output=True).returncode:
        raise EdgevidError(f"{published} cannot be prepared")
    right = prepared.read_bytes()
    return Target("prepare", arguments, output, {prepared.name: killed.same(right)})


def _download(
    folder: Path, count: int, chance: random.Random, deadline: float, slow: bool
) -> tuple[dict[str, Any], list[str]]:
    from benchmarks.parts.local_server import LocalServer

    content = _published().read_bytes()
    memo = f"{hashlib.sha256(content).hexdigest()}  {_MODEL}.tflite\n".encode()

    def trickle(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        with suppress(OSError):
            for start in range(0, len(content), 1 << 18):
                request.wfile.write(content[start : start + (1 << 18)])
                time.sleep(0.02)

    with LocalServer() as server:
        address = server.on("/model.tflite", trickle)
        target = Target(
            "download",
            ["-c", _DOWNLOAD, address, str(folder)],
            folder,
            {
                f"edgevid/{_MODEL}.tflite": killed.same(content),
                f"edgevid/{_MODEL}.tflite.sha256": killed.same(memo),
            },
            {"XDG_CACHE_HOME": str(folder), "EDGEVID_MODELS": ""},
            ready="ready",
        )
        return _command(lambda _: target, folder, count, chance, deadline, slow)


def _checkpoint(folder: Path) -> Target:
    output = folder / "output"
    return Target(
        "checkpoint",
        ["-c", _CHECKPOINT, str(output / "network.npz")],
        output,
        {"network.npz": killed.archive},
        ready="ready",
        python=_training_python(),
    )


def _training_python() -> str:
    """Returns a Python with TensorFlow: this one, or that which the Makefile sets up."""
    if importlib.util.find_spec("tensorflow") is not None:
        return sys.executable
    other = Path(__file__).parents[2] / ".venv-train" / "bin" / "python"
    if not other.exists():
        raise MissingDependencyError("there is no TensorFlow here: make .venv-train/train")
    return str(other)


def _published() -> Path:
    found = locate.find(_MODEL)
    if found is None:
        raise MissingDependencyError(
            f"{_MODEL} is not available: python -m edgevid.models --fetch {_MODEL}"
        )
    return found


_TARGETS: dict[str, _Attack] = {
    "service": _service,
    "stream": partial(_command, _stream),
    "prepare": partial(_command, _prepare),
    "download": _download,
    "checkpoint": partial(_command, _checkpoint),
}


if __name__ == "__main__":
    sys.exit(main())
