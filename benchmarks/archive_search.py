"""What a question costs by the size of an archive.

The archive is made by repetition: windows of real clips, written anew for each hour with another
recording's name; the steps, which only a taught head reads, are one file under many names. Each
question is asked in a process of its own: its time on the wall (of the best of three), the
processor's time, and the most memory that it had, the interpreter and its libraries included.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.clips import published_path, rows
from benchmarks.report import arguments, table, write_json
from edgevid.archive import Archive, Settings, find, index, search
from edgevid.archive.libraries import pyarrow
from edgevid.archive.store import Part
from edgevid.archive.tables import TableWriter, steps_schema, windows_schema
from edgevid.modelfile.head import Head
from edgevid.support.command import OK, guard

_CLIPS = 12
_HOUR = 3600.0
_CAMERAS = 4
_HOURS_A_FILE = 4
_TRIES = 3
QUESTIONS = ("label", "example", "head")


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the benchmark; returns its exit code."""
    parser = arguments("benchmarks.archive_search", __doc__)
    parser.add_argument("--questions", nargs="+", choices=QUESTIONS, default=QUESTIONS)
    parser.add_argument("--hours", type=int, nargs="+", default=[1, 100, 1000])
    parser.add_argument("--ask", nargs=2, metavar=("ARCHIVE", "QUESTION"), help="of itself")
    chosen = parser.parse_args(argv)
    if chosen.ask is not None:
        print(*ask(Path(chosen.ask[0]), chosen.ask[1]))
        return OK

    def run() -> int:
        found = []
        with tempfile.TemporaryDirectory() as folder:
            seed = Path(folder, "seed")
            clips = [str(path) for path, _ in rows("clips")[: 3 if chosen.quick else _CLIPS]]
            index(find(clips), seed, Settings(str(published_path())))
            for hours in [1, 8] if chosen.quick else chosen.hours:
                large = Path(folder, str(hours))
                repeated(Archive(seed), large, hours)
                found += [measured(large, hours, question) for question in chosen.questions]
                print(table(found[-len(chosen.questions) :]), flush=True)
        print(f"\n{table(found)}")
        write_json(chosen.json, {"search": found})
        return OK

    return guard(run)


def repeated(seed: Archive, folder: Path, hours: int) -> None:
    """Makes an archive of so many hours out of one of a few minutes."""
    pa = pyarrow()
    archive = Archive.create(folder, seed.description)
    features = seed.description.network.features
    parts = seed.parts()
    windows = pa.concat_tables(
        [pa.parquet.read_table(seed.windows(part), partitioning=None) for part in parts]
    )
    windows = pa.Table.from_pylist(windows.to_pylist(), schema=windows_schema(features))
    count = round(_HOUR / np.sum(windows["lasts"].to_numpy()) * len(windows))
    hour = windows.take(np.arange(count) % len(windows))
    steps = folder / "steps.tmp"
    _write_steps(seed, parts, steps)
    begun = datetime(2026, 1, 1, tzinfo=UTC)
    for first in range(0, hours, _HOURS_A_FILE):
        began = begun + timedelta(hours=first // _CAMERAS)
        name = sha256(str(first).encode()).hexdigest()[:31]
        part = Part(
            f"camera=camera{first // _HOURS_A_FILE % _CAMERAS}/day={began:%Y-%m-%d}",
            f"{began:%H%M%S}-m{name}.parquet",
        )
        for path in (archive.windows(part), archive.steps(part)):
            path.parent.mkdir(parents=True, exist_ok=True)
        writer = TableWriter(str(archive.windows(part)), windows_schema(features))
        for number in range(first, min(hours, first + _HOURS_A_FILE)):
            writer.table(_renamed(pa, hour, number, began))
        writer.close()
        os.link(steps, archive.steps(part))
    steps.unlink()


def _renamed(pa: Any, hour: Any, number: int, began: datetime) -> Any:
    """Returns an hour's windows as those of another recording, each an hour's place later."""
    seconds = np.cumsum(hour["lasts"].to_numpy())
    times = pa.array(
        [began + timedelta(seconds=float(value)) for value in seconds], pa.timestamp("us", "UTC")
    )
    name = sha256(str(number).encode()).hexdigest()[:32]
    for column, values in (
        ("content", pa.array([name] * len(hour)).dictionary_encode()),
        ("time", times),
        ("seconds", pa.array(seconds)),
        ("step", pa.array(range(len(hour)), pa.int32())),
        ("features", _noisy(pa, hour["features"], number)),
    ):
        hour = hour.set_column(hour.schema.get_field_index(column), column, values)
    return hour


def _noisy(pa: Any, column: Any, seed: int) -> Any:
    """Returns packed features that no compression finds again."""
    values = np.frombuffer(b"".join(column.to_pylist()), np.uint8).reshape(len(column), -1)
    noise = np.random.default_rng(seed).integers(-3, 4, values.shape, np.int8)
    noisy = np.where(values > 0, np.clip(values.astype(np.int16) + noise, 0, 255), 0)
    return pa.array([row.tobytes() for row in noisy.astype(np.uint8)], column.type)


def _write_steps(seed: Archive, parts: Sequence[Part], path: Path) -> None:
    """Writes four hours of steps."""
    pa = pyarrow()
    tables = [pa.parquet.read_table(seed.steps(part), partitioning=None) for part in parts]
    one = pa.concat_tables(tables).combine_chunks()
    writer = TableWriter(str(path), steps_schema(seed.description.network.features))
    rows_wanted = _HOURS_A_FILE * 18_000
    for _ in range(_HOURS_A_FILE):
        writer.table(one.take(np.arange(rows_wanted // _HOURS_A_FILE) % len(one)))
    writer.close()


def measured(folder: Path, hours: int, question: str) -> dict[str, Any]:
    """Returns a row of the table."""
    tries = []
    for _ in range(_TRIES):
        command = [
            sys.executable,
            "-m",
            "benchmarks.archive_search",
            "--ask",
            str(folder),
            question,
        ]
        ended = subprocess.run(command, capture_output=True, text=True, check=True)
        tries.append([float(value) for value in ended.stdout.split()])
    best = min(tries)
    size = sum(path.stat().st_size for path in (folder / "windows").rglob("*.parquet"))
    return {
        "hours": hours,
        "question": question,
        "seconds": best[0],
        "processor": best[1],
        "memory, MB": best[2],
        "answers": int(best[3]),
        "windows, MB": size / 1e6,
    }


def ask(folder: Path, question: str) -> tuple[float, float, float, int]:
    """Asks once; returns seconds on the wall, of the processor, megabytes at most, and answers."""
    started, used = time.perf_counter(), time.process_time()
    archive = Archive(folder)
    random = np.random.default_rng(0)
    features = archive.description.network.features
    if question == "label":
        answers = search.by_label(archive, "playing")
    elif question == "example":
        answers = search.by_example(archive, random.random((2, features), np.float32))
    else:
        weights = random.normal(0, 0.3, (2, 3 * features)).astype(np.float32)
        head = Head((2, 5, 15), weights, np.full(2, -2, np.float32), roots=2)
        answers = search.by_head(archive, head, ("a", "b"), thresholds=(0.99, 0.99))
    took = time.perf_counter() - started, time.process_time() - used
    return *took, _most_memory(), len(answers)


def _most_memory() -> float:
    """Returns the megabytes that this process had at most; not its parent's, as rusage does."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1000


if __name__ == "__main__":
    sys.exit(main())
