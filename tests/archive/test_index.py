from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import edgevid
from edgevid.archive import Archive, Settings, find, index, libraries, processes
from edgevid.errors import (
    MissingDependencyError,
    OutputError,
    SourceError,
    UsageError,
)
from edgevid.runtime.rules import load_rules
from edgevid.runtime.watch import Watch
from tests.archive.conftest import video
from tests.conftest import LabelledClip


def rows(folder: Path, table: str = "steps") -> list[dict[str, Any]]:
    """All rows of an archive's table, in one order whatever files they are in."""
    duckdb = libraries.duckdb()
    found = duckdb.sql(
        "select * replace (epoch_us(time) as time) "
        f"from read_parquet('{folder}/{table}/*/*/*.parquet', "
        "hive_partitioning = true, hive_types = {camera: VARCHAR, day: VARCHAR}) "
        "order by content, step"
    )
    return [dict(zip(found.columns, row, strict=True)) for row in found.fetchall()]


def tables(folder: Path) -> list[list[dict[str, Any]]]:
    return [rows(folder), rows(folder, "windows")]


@pytest.fixture(scope="module")
def whole(footage: Path, settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive of all footage, made by two processes."""
    folder = tmp_path_factory.mktemp("whole") / "archive"
    report = index(find([str(footage)]), folder, settings, workers=2)
    assert (report.indexed, report.known, report.problems) == (5, 0, [])
    return folder


def test_rows_are_what_classify_says(whole: Path, footage: Path, settings: Settings) -> None:
    model = settings.load()
    found = rows(whole)
    for recording in find([str(footage)]):
        mine = [row for row in found if row["source"] == recording.address]
        said = list(edgevid.classify(recording.address, model))
        assert [row["seconds"] for row in mine] == [one.timestamp for one in said]
        for row, one in zip(mine, said, strict=True):
            scores = dict(zip(row["labels"], row["probabilities"], strict=True))
            assert scores == {score.label: score.probability for score in one.scores}
            assert row["time"] == round((recording.began.timestamp() + one.timestamp) * 1e6)  # type: ignore[union-attr]


def test_features_and_events_are_the_streams_own(
    whole: Path, footage: Path, settings: Settings
) -> None:
    model = settings.load()
    source = str(footage / "2026-05-01/08/yard/00.00.mp4")
    rules = load_rules(str(settings.rules)).over(model.manifest.events, model.manifest.labels)
    watch = Watch(model.stream(), rules)
    features, events = [], []
    with edgevid.open_source(source) as frames:
        for frame in frames:
            seen = watch.take(frame)
            events += seen.events
            if seen.prediction is not None:
                features.append(watch.stream.features)
    events += watch.end()
    mine = [row for row in rows(whole) if row["source"] == source]
    stored = np.stack([np.frombuffer(row["features"], "<f2") for row in mine])
    np.testing.assert_array_equal(stored, np.stack(features).astype(np.float16))
    told = [
        (row["seconds"], event["state"], event["label"], event["probability"])
        for row in mine
        for event in row["events"]
    ]
    assert told == [(e.timestamp, e.state, e.label, e.probability) for e in events]
    assert told
    means = [row for row in rows(whole, "windows") if row["source"] == source]
    assert sum(row["steps"] for row in means) == len(mine)
    assert [row["step"] for row in means] == [0, 25]
    started = [label for row in means for label in row["started"]]
    assert started == [e.label for e in events if e.state == "start"]


def test_partitions_are_camera_and_day(whole: Path) -> None:
    days = {(part.camera, part.day) for part in Archive(whole).parts()}
    assert days == {("yard", "2026-05-01"), ("gate", "2026-05-02")}
    found = rows(whole)
    assert {(row["camera"], row["day"]) for row in found} == days


def test_small_files_of_a_day_are_merged_and_a_second_run_finds_all_known(
    whole: Path, footage: Path, settings: Settings, inline: None
) -> None:
    before = tables(whole)
    assert len(Archive(whole).parts()) == 2
    report = index(find([str(footage)]), whole, settings)
    assert (report.indexed, report.known) == (0, 5)
    assert tables(whole) == before


def test_pandas_reads_it(whole: Path) -> None:
    pandas = pytest.importorskip("pandas")
    found = pandas.read_parquet(whole / "steps", columns=["time", "labels", "camera"])
    assert set(found["camera"]) == {"yard", "gate"}


def test_what_comes_bit_by_bit_is_the_same_as_at_once(
    whole: Path, footage: Path, settings: Settings, tmp_path: Path, inline: None
) -> None:
    found = find([str(footage)])
    for count in (1, 3, 5):
        index(found[:count], tmp_path / "archive", settings)
    assert tables(tmp_path / "archive") == tables(whole)


def test_broken_recordings_are_named_and_the_rest_is_indexed(
    settings: Settings, tmp_path: Path, inline: None
) -> None:
    for number in range(3):
        video(tmp_path / f"videos/{number}.mp4", "red", seed=number)
    (tmp_path / "videos/3.mp4").write_bytes(b"no video")
    (tmp_path / "videos/4.mp4").write_bytes(b"")
    report = index(find([str(tmp_path / "videos")]), tmp_path / "archive", settings)
    assert report.indexed == 3
    assert [Path(line.split(": ")[0]).name for line in report.problems] == ["3.mp4", "4.mp4"]


def test_the_same_recording_under_two_names_comes_in_once(
    settings: Settings, tmp_path: Path, inline: None
) -> None:
    one = video(tmp_path / "a/one.mp4", "red")
    shutil.copy(one, tmp_path / "a/two.mp4")
    report = index(find([str(tmp_path / "a")]), tmp_path / "archive", settings)
    assert (report.indexed, report.known) == (1, 1)


def test_an_archive_is_of_one_model(
    whole: Path, footage: Path, settings: Settings, tmp_path: Path, inline: None
) -> None:
    described = json.loads((whole / "archive.json").read_text())
    described["network"]["sha256"] = "0" * 64
    (tmp_path / "archive.json").write_text(json.dumps(described))
    with pytest.raises(UsageError, match="holds what mini saw"):
        index(find([str(footage)]), tmp_path, settings)
    with pytest.raises(UsageError, match="gives no features"):
        index(find([str(footage)]), tmp_path / "b", Settings("camera-motion"))
    (tmp_path / "c").mkdir()
    (tmp_path / "c/letter.txt").write_text("mine")
    with pytest.raises(UsageError, match="not empty"):
        index(find([str(footage)]), tmp_path / "c", settings)
    with pytest.raises(SourceError, match="is no archive"):
        Archive(tmp_path / "c")
    (tmp_path / "archive.json").write_text(json.dumps({**described, "format": 99}))
    with pytest.raises(SourceError, match="is of format 99, and this edgevid reads"):
        Archive(tmp_path)


def test_two_runs_do_not_write_to_one_archive(
    whole: Path, footage: Path, settings: Settings, inline: None
) -> None:
    with Archive(whole).locked(), pytest.raises(OutputError, match="another process writes"):
        index(find([str(footage)]), whole, settings)


def test_a_merge_that_was_killed_leaves_nothing_twice(whole: Path, tmp_path: Path) -> None:
    shutil.copytree(whole, tmp_path / "archive")
    archive = Archive(tmp_path / "archive")
    before = tables(archive.folder)
    new, other = archive.parts()
    # As a kill leaves it between the new file's name and the old ones' removal.
    old = type(new)(new.folder, "000000-" + "0" * 32 + ".parquet")
    shutil.copy(archive.steps(new), archive.steps(old))
    shutil.copy(archive.windows(new), archive.windows(old))
    told = {"new": vars_of(new), "old": [vars_of(old)]}
    (archive.folder / "merging.json").write_text(json.dumps(told))
    assert archive.parts() == [new, other]
    # And windows whose steps never came.
    stray = archive.windows(new).with_name("stray.parquet")
    shutil.copy(archive.windows(new), stray)
    with archive.locked():
        assert not stray.exists()
    assert tables(archive.folder) == before


def vars_of(part: Any) -> dict[str, str]:
    return {"folder": part.folder, "name": part.name}


def test_killed_and_begun_again(
    whole: Path, footage: Path, settings: Settings, tmp_path: Path
) -> None:
    """A short form of ``benchmarks/archive_kills.py``."""
    folder = tmp_path / "archive"
    program = """
import sys
from pathlib import Path
from edgevid.archive import Settings, find, index

if __name__ == "__main__":
    settings = Settings(sys.argv[3], rules=sys.argv[4])
    index(find([sys.argv[1]]), Path(sys.argv[2]), settings, workers=1)
"""
    (tmp_path / "run.py").write_text(program)
    command = [sys.executable, str(tmp_path / "run.py"), str(footage), str(folder)]
    command += [settings.model, str(settings.rules)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(command, env=environment, start_new_session=True) as process:
        deadline = time.monotonic() + 60
        while not list(folder.rglob("*.parquet")) and time.monotonic() < deadline:
            time.sleep(0.01)
        os.killpg(process.pid, signal.SIGKILL)
    report = index(find([str(footage)]), folder, settings, workers=1)
    assert report.indexed + report.known == 5
    assert tables(folder) == tables(whole)
    assert not list(folder.rglob(".*.part*"))


def die(task: str) -> str:
    if task == "deadly":
        os.kill(os.getpid(), signal.SIGSEGV)
    if task == "wrong":
        raise SourceError("it is wrong")
    return task.upper()


def test_a_process_that_dies_costs_its_task_alone() -> None:
    tasks = ["a", "deadly", "wrong", "b"]
    found = {task: str(result) for task, result in processes.run(die, iter(tasks), 1)}
    assert found == {
        "a": "A",
        "deadly": "the process that read it died, twice",
        "wrong": "it is wrong",
        "b": "B",
    }


@pytest.mark.parametrize("name", ["pyarrow", "duckdb", "fsspec", "ray"])
def test_a_library_that_is_missing_is_named_with_its_extra(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    extra = "cluster" if name == "ray" else "archive"
    with pytest.raises(MissingDependencyError, match=rf"{name}.*pip install 'edgevid\[{extra}\]'"):
        getattr(libraries, name)()


@pytest.mark.slow
def test_ray_gives_what_processes_give(
    whole: Path, footage: Path, settings: Settings, tmp_path: Path
) -> None:
    pytest.importorskip("ray")
    report = index(find([str(footage)]), tmp_path / "archive", settings, ray="local")
    assert report.indexed == 5
    assert tables(tmp_path / "archive") == tables(whole)


def test_real_clips_have_the_labels_that_classify_gives(
    published_path: Path, real_clips: list[LabelledClip], tmp_path: Path, inline: None
) -> None:
    clips = sorted(real_clips, key=lambda clip: clip.path.stat().st_size)[:3]
    settings = Settings(str(published_path))
    index(find([str(clip.path) for clip in clips]), tmp_path / "archive", settings)
    found = rows(tmp_path / "archive")
    for clip in clips:
        said = list(edgevid.classify(clip.path, settings.load()))
        mine = [row for row in found if row["source"] == str(clip.path.absolute())]
        assert [row["labels"] for row in mine] == [[s.label for s in one.scores] for one in said]
