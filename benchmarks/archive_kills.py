"""Whether an archive is the same whatever is killed while it is made.

- ``kills``: an index run and its processes are killed at random moments and begun again, then one
  is left to end; what the tables hold is compared with those of a run that was never killed.
- ``nodes``: a Ray cluster of three nodes on this machine, of which two are killed on the way, over
  200 recordings of which 10 are broken, beside one process over the same.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.clips import published_path, rows
from benchmarks.report import arguments, table, write_json
from edgevid.archive import Archive, Settings, find, index, libraries
from edgevid.archive.index import Report
from edgevid.support.command import OK, guard

_CLIPS = 8
_FILES, _BROKEN = 200, 10


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the benchmark; returns its exit code."""
    parser = arguments("benchmarks.archive_kills", __doc__)
    parser.add_argument("what", choices=("kills", "nodes"))
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--run", nargs=2, metavar=("RECORDINGS", "ARCHIVE"), help="of itself")
    chosen = parser.parse_args(argv)
    if chosen.run is not None:
        _index(Path(chosen.run[0]), Path(chosen.run[1]))
        return OK

    def run() -> int:
        with tempfile.TemporaryDirectory() as folder:
            if chosen.what == "kills":
                count = 3 if chosen.quick else chosen.kills
                found = killed(Path(folder), count, random.Random(chosen.seed))
            else:
                found = with_nodes(Path(folder), 20 if chosen.quick else _FILES)
        print(table([found]))
        write_json(chosen.json, found)
        return OK

    return guard(run)


def content(folder: Path) -> list[list[tuple[Any, ...]]]:
    """Returns all rows of an archive's tables, in one order whatever files they are in."""
    duckdb = libraries.duckdb()
    return [
        duckdb.sql(
            "select * replace (epoch_us(time) as time) "
            f"from read_parquet('{folder}/{name}/*/*/*.parquet', "
            "hive_partitioning = true, hive_types = {camera: VARCHAR, day: VARCHAR}) "
            "order by content, step"
        ).fetchall()
        for name in ("steps", "windows")
    ]


def _index(recordings: Path, folder: Path, ray: str | None = None, workers: int = 1) -> Report:
    settings = Settings(str(published_path()))
    return index(find([str(recordings)]), folder, settings, workers=workers, ray=ray)


def killed(folder: Path, kills: int, chance: random.Random) -> dict[str, Any]:
    """Returns a row of the table."""
    clips = sorted((path for path, _ in rows("clips")), key=lambda path: path.stat().st_size)
    recordings = folder / "recordings"
    recordings.mkdir()
    for clip in clips[:_CLIPS]:
        shutil.copy2(clip, recordings)
    started = time.monotonic()
    _run(recordings, folder / "whole").wait()
    took = time.monotonic() - started
    left: list[int] = []
    partial, ended = folder / "partial", 0
    for _ in range(kills):
        if ended:  # from the start again: there was nothing left to kill
            shutil.rmtree(partial)
            ended = 0
        process = _run(recordings, partial)
        try:
            ended = process.wait(chance.uniform(0, took)) == 0
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        there = (partial / "archive.json").exists()
        left.append(len(Archive(partial).contents()) if there else 0)
        print(f"{len(left)}: {left[-1]} of {_CLIPS} recordings were in", file=sys.stderr)
    _run(recordings, partial).wait()
    return {
        "kills": kills,
        "recordings in at each": " ".join(map(str, left)),
        "same content": content(partial) == content(folder / "whole"),
        "unfinished files": len(list(partial.rglob(".*.part*"))),
    }


def _run(recordings: Path, folder: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "benchmarks.archive_kills", "kills"]
    command += ["--run", str(recordings), str(folder)]
    return subprocess.Popen(command, start_new_session=True, stderr=subprocess.DEVNULL)


def with_nodes(folder: Path, files: int) -> dict[str, Any]:
    """Returns a row of the table."""
    from importlib import import_module

    recordings = folder / "recordings"
    recordings.mkdir()
    fights = published_path().parent.parent / "fights"
    for number, clip in enumerate(sorted(fights.glob("*/*.mp4"))[:files]):
        shutil.copy2(clip, recordings)
        if number % (_FILES // _BROKEN) == 0:
            # Half of them are no video at all, half end before there is a picture.
            data = clip.read_bytes()
            broken = data[::-1] if number % (2 * _FILES // _BROKEN) else data[:2000]
            (recordings / clip.name).write_bytes(broken)
    one = _index(recordings, folder / "one")
    ray = libraries.ray()
    cluster = import_module("ray.cluster_utils").Cluster(
        initialize_head=True, head_node_args={"num_cpus": 1}
    )
    nodes = [cluster.add_node(num_cpus=1) for _ in range(2)]
    ray.init(address=cluster.address, log_to_driver=False)
    done: list[int] = []

    def kill() -> None:
        archive = folder / "many"
        for number, node in enumerate(nodes, 1):
            while len(list(archive.rglob("*.parquet"))) < 2 * number * files // 4:
                time.sleep(0.2)
            cluster.remove_node(node, allow_graceful=False)
            done.append(len(list((archive / "steps").rglob("*.parquet"))))

    killer = threading.Thread(target=kill, daemon=True)
    killer.start()
    many = _index(recordings, folder / "many", ray=cluster.address)
    killer.join(30)
    ray.shutdown()
    cluster.shutdown()
    return {
        "recordings": len(find([str(recordings)])),
        "indexed, one process": one.indexed,
        "indexed, three nodes": many.indexed,
        "named": len(many.problems),
        "the same are named": sorted(one.problems) == sorted(many.problems),
        "nodes killed at": " ".join(map(str, done)),
        "same content": content(folder / "one") == content(folder / "many"),
    }


if __name__ == "__main__":
    sys.exit(main())
