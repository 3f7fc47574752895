"""``[archive]``: what the cameras show, written by the service."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from apps.raspberry_pi import archiver as archiver_module
from apps.raspberry_pi.archiver import Archiver
from apps.raspberry_pi.cameras.watcher import AnyWatch, Watcher, open_watch
from apps.raspberry_pi.config import ArchiveConfig, CameraConfig, Config, Rules
from apps.raspberry_pi.hub import Hub
from apps.raspberry_pi.service import Service
from edgevid import Frame, Model, Watch, load_model, open_source
from edgevid.archive import marks
from edgevid.cli import archive as archive_command
from edgevid.cli import teach as teach_command
from edgevid.prepare import prepare
from tests.apps.parts import RED, colours, status, until
from tests.archive.test_index import rows
from tests.conftest import LabelledClip
from tests.prepare.mini_movinet import LABELS, mini_movinet

pytest.importorskip(
    "pyarrow", reason="the extra archive cannot be loaded", exc_type=ImportError
)  # such as the newest with NumPy 1

PICTURE = np.full((16, 16, 3), 90, np.uint8)
BEGAN = time.monotonic() - 60.0


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """Another network."""
    path = tmp_path_factory.mktemp("other") / "other.tflite"
    path.write_bytes(prepare(mini_movinet(int8=True, se=True), name="other", labels=LABELS).data)
    return load_model(path)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    path = tmp_path_factory.mktemp("model") / "mini.tflite"
    path.write_bytes(prepare(mini_movinet(int8=True, se=False), name="mini", labels=LABELS).data)
    return load_model(path)


def play(archiver: Archiver, model: Model, camera: str, steps: int) -> None:
    watch, began = Watch(model.stream(), paced=True), time.monotonic() - steps / 5
    for number in range(steps):
        frame = Frame(PICTURE, began + number / 5, number)
        prediction, events = watch.take(frame)
        assert prediction is not None
        archiver.take(camera, watch, [prediction], events, frame.timestamp)


def test_what_cameras_show_is_in_the_archive_when_the_service_ends(
    model: Model, tmp_path: Path
) -> None:
    from edgevid.archive import Archive

    archiver = Archiver(ArchiveConfig(tmp_path / "archive"), model, "mini")
    play(archiver, model, "door", 12)
    archiver.end("door", [])
    play(archiver, model, "yard", 3)
    assert archiver.is_alive()
    archiver.stop(30.0)
    assert not archiver.is_alive()
    archive = Archive(tmp_path / "archive")
    assert [part.camera for part in archive.parts()] == ["door", "yard"]
    assert len(archive.contents()) == 2


def test_a_folder_that_cannot_be_used_is_told_once(
    model: Model, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("no folder")
    with caplog.at_level(logging.INFO, "edgevid.service"):
        archiver = Archiver(ArchiveConfig(tmp_path / "file" / "archive"), model, "mini")
        play(archiver, model, "door", 5)
        archiver.stop(30.0)
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert "file/archive" in caplog.text


def test_a_model_that_was_taught_since_goes_on_with_the_archive(
    model: Model, tmp_path: Path
) -> None:
    from edgevid.archive import Archive
    from edgevid.modelfile.head import Head
    from edgevid.modelfile.manifest import EventRules
    from edgevid.teach import taught
    from tests.prepare.mini_movinet import CHANNELS

    config = ArchiveConfig(tmp_path / "archive")
    archiver = Archiver(config, model, "mini")
    play(archiver, model, "door", 3)
    archiver.stop(30.0)
    prepared = prepare(mini_movinet(int8=True, se=False), name="mini", labels=LABELS).data
    head = Head((1,), np.zeros((1, CHANNELS), np.float32), np.zeros(1, np.float32))
    path = tmp_path / "taught-1.tflite"
    path.write_bytes(taught(prepared, head, name="taught-1", labels=("fall",), events=EventRules()))
    again = load_model(path)
    archiver = Archiver(config, again, "mini")
    play(archiver, again, "door", 3)
    archiver.stop(30.0)
    archive = Archive(tmp_path / "archive")
    assert len(archive.contents()) == 2
    assert archive.description.labels == LABELS


class Cameras:
    """Cameras whose pictures a test decides, watched as the service does, into an archive."""

    def __init__(self, model: Model, folder: Path, *configs: CameraConfig) -> None:
        self.model = model
        self.folder = folder
        self.configs = configs
        self.archiver = Archiver(ArchiveConfig(folder), model, model.manifest.name)
        self.losses = dict.fromkeys((config.name for config in configs), 0)
        self.frames: dict[str, list[Frame]] = {config.name: [] for config in configs}
        self.watcher = Watcher(
            {config.name: _Fake(self, config.name) for config in configs},  # type: ignore[misc]
            self.watches(),
            Hub(self.losses),
            lambda name, frame: None,
            {},
            self.archiver,
        )

    def watches(self, **changed: object) -> dict[str, AnyWatch]:
        found = [replace(config, **changed) for config in self.configs]  # type: ignore[arg-type]
        return {config.name: open_watch(config, Rules(), self.model) for config in found}

    def play(self, camera: str, pictures: Iterable[Frame]) -> None:
        self.frames[camera] += pictures
        while self.frames[camera]:
            self.watcher.turn()

    def stop(self) -> None:
        self.watcher.close()
        self.archiver.stop(30.0)


class _Fake:
    def __init__(self, cameras: Cameras, name: str) -> None:
        self._cameras, self._name = cameras, name

    def take(self) -> tuple[int, Frame | None]:
        frames = self._cameras.frames[self._name]
        return self._cameras.losses[self._name], frames.pop(0) if frames else None

    def refuse(self, problem: str) -> None:
        raise AssertionError(problem)


def walk(first: int, count: int) -> list[Frame]:
    """Something red on its way before a still camera."""
    still = np.random.default_rng(0).integers(60, 120, (240, 320, 3), np.uint8)
    frames = []
    for number in range(first, first + count):
        picture = still.copy()
        picture[90:150, 3 * number % 280 :][:, :40] = RED
        frames.append(Frame(picture, BEGAN + number / 5, number))
    return frames


def test_what_is_followed_is_in_the_archive_by_track(model: Model, tmp_path: Path) -> None:
    cameras = Cameras(
        model,
        tmp_path / "archive",
        CameraConfig(name="yard", source="unused", follow="motion"),
        CameraConfig(name="door", source="unused"),
    )
    cameras.play("yard", walk(0, 20))
    cameras.play("door", walk(0, 5))
    cameras.losses["yard"] = 1  # what comes next is another track
    cameras.play("yard", walk(20, 20))
    cameras.watcher.change(cameras.watches(follow="none"), {}, "chosen on the page")
    cameras.play("yard", walk(40, 5))
    cameras.stop()
    found = rows(tmp_path / "archive")
    assert [row["track"] for row in found if row["camera"] == "door"] == [None] * 5
    yard = [row for row in found if row["camera"] == "yard"]
    assert len({row["content"] for row in yard}) == 2
    tracks = [row for row in yard if row["track"] is not None]
    assert {row["track"] for row in tracks} == {1, 2}
    assert all(len(row["box"]) == 4 and len(row["features"]) == 16 for row in tracks)
    assert [row["track"] for row in tracks if row["fresh"]] == [1, 2]
    whole = [row for row in yard if row["track"] is None]
    assert [(row["step"], row["fresh"], row["box"]) for row in whole] == [
        (step, step == 0, None) for step in range(5)
    ]


def test_events_name_the_zone_in_which_they_happened(model: Model, tmp_path: Path) -> None:
    left = "left=0,0;160,0;160,240;0,240"
    yard = CameraConfig(name="yard", source="unused", follow="motion", zones=(left,), dwell=1.0)
    cameras = Cameras(model, tmp_path / "archive", yard)
    cameras.play("yard", walk(0, 80))
    cameras.stop()
    events = [event for row in rows(tmp_path / "archive") for event in row["events"]]
    dwells = [event for event in events if event["label"] == "dwell"]
    assert [(event["state"], event["zone"]) for event in dwells] == [
        ("start", "left"),
        ("end", "left"),
    ]


def test_tracks_of_another_watch_are_not_mixed_with_those_before(
    model: Model, tmp_path: Path
) -> None:
    yard = CameraConfig(name="yard", source="unused", follow="motion")
    cameras = Cameras(model, tmp_path / "archive", yard)
    cameras.play("yard", walk(0, 20))
    cameras.watcher.change(cameras.watches(), {}, "a mask")
    cameras.play("yard", walk(20, 10))
    cameras.stop()
    found = rows(tmp_path / "archive")
    assert {row["track"] for row in found} == {1}  # whom the finder knows goes on
    assert [row["step"] for row in found if row["fresh"]] == [0, 0]
    assert len({row["content"] for row in found}) == 2


def test_a_model_of_another_network_leaves_the_archive_alone(
    model: Model, other: Model, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    archiver = Archiver(ArchiveConfig(tmp_path / "archive"), model, "mini")
    with caplog.at_level(logging.INFO, "edgevid.service"):
        play(archiver, model, "door", 3)
        archiver.use(other)
        play(archiver, other, "door", 4)
        archiver.use(model)
        play(archiver, model, "door", 2)
        archiver.stop(30.0)
    assert [record.levelname for record in caplog.records] == ["ERROR", "INFO"]
    assert "holds what mini saw" in caplog.text
    assert sorted(row["step"] for row in rows(tmp_path / "archive")) == [0, 0, 1, 1, 2]


def test_the_service_tells_it_which_model_watches(
    model: Model, other: Model, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    archiver = Archiver(ArchiveConfig(tmp_path / "archive"), model, "mini")
    video = colours(tmp_path / "red.mp4", (RED, 20.0))
    cameras = (CameraConfig(name="door", source=str(video), always=True),)
    hub = Hub(["door"])
    service = Service(Config(cameras), model, hub, lambda *_: None, speed=4.0, archiver=archiver)
    running = threading.Thread(target=service.run, args=([archiver],))
    running.start()
    try:
        until(lambda: status(hub, "door").steps > 4)
        with caplog.at_level(logging.ERROR, "edgevid.service"):
            service.use(other, "another model")
            until(lambda: caplog.records)
    finally:
        service.stop()
        running.join()
    assert "holds what mini saw" in caplog.text
    found = rows(tmp_path / "archive")
    assert len(found) > 4
    assert {row["content"] for row in found} == {found[0]["content"]}


def test_while_the_disk_hangs_what_waits_is_bounded_in_rows(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archiver_module, "_WAITING", 6)
    monkeypatch.setattr(Archiver, "_run", lambda self: None)
    archiver = Archiver(ArchiveConfig(tmp_path / "archive"), model, "mini")
    play(archiver, model, "door", 9)
    assert archiver._jobs.qsize() == 6
    archiver._taken = 0
    watch = open_watch(CameraConfig(name="yard", source="", follow="motion"), Rules(), model)
    for frame in walk(0, 12):
        said, events = watch.take(frame)
        assert isinstance(said, list)
        archiver.take("yard", watch, said, events, frame.timestamp)
    assert archiver._jobs.qsize() == 12  # where nobody is, too


def test_people_who_were_followed_are_found_and_taught(
    published: Model,
    published_path: Path,
    real_clips: list[LabelledClip],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    pytest.importorskip("duckdb", reason="the extra archive is not installed")
    detector = published_path.parent / "ssd_mobilenet_v1_coco_uint8.tflite"
    if not detector.exists():
        pytest.skip(f"no {detector.name} beside the published model")
    shown = {
        camera: next(clip.path for clip in real_clips if name in clip.path.name)
        for camera, name in (("gym", "v_Fencing"), ("lane", "v_Biking"))
    }
    archive, marked = tmp_path / "archive", tmp_path / "marks.tsv"
    cameras = Cameras(
        published,
        archive,
        *(
            CameraConfig(name=name, source="unused", follow="people", detector=str(detector))
            for name in shown
        ),
    )
    for camera, clip in shown.items():
        with open_source(clip) as frames:
            cameras.play(camera, (frame.at(BEGAN + frame.timestamp) for frame in frames))
    cameras.stop()

    def asked(*flags: object) -> list[dict[str, Any]]:
        capsys.readouterr()
        told = ["search", archive, *flags, "--json"]
        assert archive_command.main([str(flag) for flag in told]) == 0
        return [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    by_words = asked("fencing", "--marks", marked)
    fencers = {one["track"] for one in by_words if one["camera"] == "gym"}
    assert len(fencers) == 2  # who are followed each by themselves
    assert all(len(one["box"]) == 4 for one in by_words)
    nearest = asked("--like", shown["gym"], "--marks", marked)
    assert nearest[0]["camera"] == "gym"
    assert nearest[0]["label"] == "fencing (sport)"
    marks.write(
        marked,
        [
            marks.Marked("right" if one.answer.camera == "gym" else "wrong", one.answer)
            for one in marks.read(marked)
        ],
    )
    taught = tmp_path / "duel.tflite"
    flags = ["--from-search", marked, "--archive", archive, "--label", "duel", "-o", taught]
    assert teach_command.main([str(flag) for flag in flags]) == 0
    found = asked("--model", taught)
    assert {(one["camera"], one["label"]) for one in found} == {("gym", "duel")}
    assert {one["track"] for one in found} == fencers
