"""Damaged and odd videos, each given to the command as a person would.

Promised of every file: the command ends within ten seconds, with exit code 0 or 1 and no more
than plain lines on standard error; JSON Lines hold what could be read, whole, up to the summary;
nothing else is left in the folder. Fails when a promise is broken.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from benchmarks import machine
from benchmarks.attack.damage import Case, make
from benchmarks.attack.ending import conclude
from benchmarks.report import arguments, table
from edgevid.support import command
from edgevid.support.pyav import av

_MODEL = "camera-motion"  # comes with edgevid
_LONGEST_S = 10.0
_KEPT = 0.8  # of the frames that a plain loop over PyAV decodes


def main(given: Sequence[str] | None = None) -> int:
    """Runs the campaign; returns its exit code."""
    parser = arguments("benchmarks.attack.videos", __doc__)
    parser.add_argument("--count", type=int, default=300, help="files (default: 300)")
    chosen = parser.parse_args(given)

    def run() -> int:
        before = machine.read()
        outcomes: Counter[str] = Counter()
        broken: list[dict[str, str]] = []
        for seed in tqdm(range(chosen.seed, chosen.seed + chosen.count), "videos", leave=False):
            with tempfile.TemporaryDirectory() as folder:
                case = make(Path(folder), seed)
                outcome, promises = attack(case)
            outcomes[outcome] += 1
            broken += [{"seed": str(seed), "file": case.what, "broken": one} for one in promises]
        rows = [{"outcome": name, "files": count} for name, count in outcomes.most_common()]
        print(table(rows))
        if broken:
            print(table(broken))
        return conclude(chosen.json, before, {"rows": rows, "broken": broken})

    return command.guard(run)


def attack(case: Case) -> tuple[str, list[str]]:
    """Gives one file to the command; returns what came of it and the promises that it broke."""
    folder = case.path.parent
    lines = folder / "lines.jsonl"
    flags = ["--headless", "--model", _MODEL, "--output", str(lines), "--source", f"{case.path}"]
    started = time.monotonic()
    try:
        done = subprocess.run(
            [sys.executable, "-m", "edgevid.stream", *flags],
            capture_output=True,
            timeout=3 * _LONGEST_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return "never ended", ["no end"]
    broken = []
    if time.monotonic() - started > _LONGEST_S:
        broken.append(f"took {time.monotonic() - started:.0f} s")
    complaint = done.stderr.decode("utf-8", "replace")
    if done.returncode not in (0, 1):
        broken.append(f"exit code {done.returncode}")
    if "Traceback" in complaint or "\x1b" in complaint:
        broken.append("not a plain line on standard error")
    if len(complaint.splitlines()) > 6:
        broken.append(f"{len(complaint.splitlines())} lines on standard error")
    if left := {path.name for path in folder.iterdir()} - {case.path.name, lines.name}:
        broken.append(f"left behind: {sorted(left)!a}")
    frames = _frames_told(lines, broken)
    decodable = _decodable(case.path)
    if frames < _KEPT * decodable - 2:
        broken.append(f"{frames} frames of {decodable}")
    if done.returncode == 0:
        return "played", broken
    return ("played in part, and said so" if frames else "refused"), broken


def _frames_told(lines: Path, broken: list[str]) -> int:
    """Returns the frames of the summary; checks that every line is whole."""
    if not lines.exists():
        return 0
    try:
        records: list[dict[str, Any]] = [
            json.loads(line, parse_constant=_no_number) for line in lines.read_text().splitlines()
        ]
        summary = records[-1]
        starts = sum(record.get("state") == "start" for record in records)
        ends = sum(record.get("state") == "end" for record in records)
        if starts != ends:
            broken.append(f"{starts} events start, {ends} end")
        return int(summary["frames"]) if summary["type"] == "summary" else 0
    except (ValueError, KeyError, IndexError) as error:
        broken.append(f"JSON Lines: {error!r}")
        return 0


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is no JSON")


def _decodable(path: Path) -> int:
    """Returns how many pictures a plain loop decodes up to the first error."""
    count = 0
    try:
        with path.open("rb") as file, av.open(file) as container:
            for _ in container.decode(video=0):
                count += 1
    except Exception:  # whatever it is: so far could be read
        pass
    return count


if __name__ == "__main__":
    sys.exit(main())
