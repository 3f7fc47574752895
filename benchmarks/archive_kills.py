"""Whether an archive is the same whatever is killed while it is made.

- ``kills``: an index run and its processes are killed at random moments and begun again, then one
  is left to end; what the tables hold is compared with those of a run that was never killed.
- ``live``: what writes a followed camera into an archive, as the service does, is killed at random
  moments and begun again: whether what is there is whole, and what each kill cost.
- ``nodes``: a Ray cluster of three nodes on this machine, of which two are killed on the way, over
  200 recordings of which 10 are broken, beside one process over the same.
"""

from __future__ import annotations

import itertools
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
from edgevid import follow, load_model, open_source
from edgevid.archive import Archive, Settings, find, index, libraries, live
from edgevid.archive.index import Report
from edgevid.support.command import OK, guard

_CLIPS = 8
_PERIOD_S = 60.0  # of a camera, in place of ten minutes: so that there is much to be killed in
_TRACKS = 4
_LONGEST_S = 2.0  # that one which writes a camera is left alive
_FILES, _BROKEN = 200, 10


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the benchmark; returns its exit code."""
    parser = arguments("benchmarks.archive_kills", __doc__)
    parser.add_argument("what", choices=("kills", "live", "nodes"))
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--run", nargs=2, metavar=("RECORDINGS", "ARCHIVE"), help="of itself")
    chosen = parser.parse_args(argv)
    if chosen.run is not None:
        (_watch if chosen.what == "live" else _index)(Path(chosen.run[0]), Path(chosen.run[1]))
        return OK

    def run() -> int:
        with tempfile.TemporaryDirectory() as folder:
            count = 3 if chosen.quick else chosen.kills
            if chosen.what == "kills":
                found = killed(Path(folder), count, random.Random(chosen.seed))
            elif chosen.what == "live":
                found = killed_live(Path(folder), count, random.Random(chosen.seed))
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


def killed_live(folder: Path, kills: int, chance: random.Random) -> dict[str, Any]:
    """Returns a row of the table."""
    archive = folder / "archive"
    clip = next(path for path, _ in rows("clips") if "v_Fencing" in path.name)
    command = [sys.executable, "-m", "benchmarks.archive_kills", "live"]
    command += ["--run", str(clip), str(archive)]
    lost: list[int] = []
    given = before = 0
    whole = True
    for _ in range(kills):
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            rows_given = int(process.stdout.readline())  # it has begun
            killer = threading.Timer(chance.uniform(0, _LONGEST_S), process.kill)
            killer.start()
            for line in process.stdout:
                rows_given = int(line) if line.endswith("\n") else rows_given
        kept = whole_rows(archive)
        whole = whole and kept is not None
        lost.append(rows_given - ((kept or 0) - before))
        given, before = given + rows_given, kept or 0
        print(f"{len(lost)}: of {rows_given} rows {lost[-1]} were lost", file=sys.stderr)
    with Archive(archive).locked():  # as what goes on with it does once a day
        left = len(list(archive.rglob(".*.part*")))
    return {
        "kills": kills,
        "rows": given,
        "lost at a kill, at most": max(lost),
        "in memory, at most": round(_PERIOD_S * 5) + _TRACKS,
        "all files whole": whole,
        "unfinished files": left,
    }


def whole_rows(folder: Path) -> int | None:
    """Returns how many steps an archive holds; None where its two tables do not say the same."""
    archive = Archive(folder)
    if not archive.parts():
        return 0
    duckdb = libraries.duckdb()
    held = "select content, track, {} as steps from read_parquet({}) group by all order by all"
    steps, windows = (
        duckdb.sql(held.format(count, [str(place(part)) for part in archive.parts()])).fetchall()
        for count, place in (("count(*)", archive.steps), ("sum(steps)", archive.windows))
    )
    return sum(count for _, _, count in steps) if steps == windows else None


def _watch(clip: Path, folder: Path) -> None:
    """Writes what is followed in a clip again and again, and says how many rows that was."""
    live.PERIOD_S = _PERIOD_S
    model = load_model(published_path())
    watch = follow("motion", model.stream, tracks=_TRACKS)
    played = []
    with open_source(clip) as frames:
        for frame in frames:
            said, _ = watch.take(frame)
            if said:
                played.append([(one, watch.features(one.track or 0)) for one in said])
    archive = live.LiveArchive(folder, model, "movinet-a0", budget_mb=1e5, days=30)
    began, given = time.time(), 0
    for number in itertools.count():
        seen = played[number % len(played)]
        archive.add("gym", seen, [], began + number / 5)
        given += len(seen)
        print(given, flush=True)


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
