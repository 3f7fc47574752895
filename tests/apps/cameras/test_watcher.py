"""Frames become predictions and events, each camera on its own."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from apps.raspberry_pi.cameras.drawing import Drawing
from apps.raspberry_pi.cameras.features import open_keepers
from apps.raspberry_pi.cameras.mask import Mask
from apps.raspberry_pi.cameras.watcher import Watcher, followed, open_watch
from apps.raspberry_pi.config import CameraConfig, Rules
from apps.raspberry_pi.hub import Hub
from apps.raspberry_pi.messages import event_message
from apps.raspberry_pi.pictures import from_jpeg
from edgevid import (
    FollowingWatch,
    Frame,
    KeptFeatures,
    LabelsError,
    Model,
    UsageError,
    Watch,
    load_model,
)
from edgevid.prepare import prepare
from tests.apps.parts import BLACK, RED, status, tiny
from tests.prepare.mini_movinet import LABELS, mini_movinet


class Fake:
    """A camera whose frames and losses a test decides."""

    def __init__(self) -> None:
        self.losses = 0
        self.frames: list[Frame] = []
        self.refused = ""

    def take(self) -> tuple[int, Frame | None]:
        return self.losses, self.frames.pop(0) if self.frames else None

    def refuse(self, problem: str) -> None:
        self.refused = problem


def frames(colour: tuple[int, int, int], *, first: int = 0, count: int = 15) -> list[Frame]:
    image = np.full((48, 64, 3), colour, np.uint8)
    return [Frame(image, n / 5, n) for n in range(first, first + count)]


@pytest.fixture
def model(tmp_path: Path) -> Model:
    return tiny(tmp_path)


class Run:
    def __init__(self, model: Model, *configs: CameraConfig, rules: Rules | None = None) -> None:
        self.cameras = {config.name: Fake() for config in configs}
        watches = {config.name: open_watch(config, rules or Rules(), model) for config in configs}
        self.hub = Hub(self.cameras)
        self.taken: list[tuple[str, int]] = []
        self.watcher = Watcher(
            self.cameras,  # type: ignore[arg-type]
            watches,
            self.hub,
            lambda name, frame: self.taken.append((name, frame.index)),
            open_keepers(configs, model),
        )

    def play(self) -> None:
        while any(camera.frames for camera in self.cameras.values()):
            self.watcher.turn()

    def events(self) -> list[tuple[str, str, str]]:
        return [(e.camera, e.event.state, e.event.label) for e in self.hub.bus.recent()]


def camera(name: str, **options: object) -> CameraConfig:
    return CameraConfig(name=name, source="unused", **options)  # type: ignore[arg-type]


def test_streams_do_not_mix(model: Model) -> None:
    run = Run(model, camera("one"), camera("two"))
    run.cameras["one"].frames = frames(RED)
    run.cameras["two"].frames = frames(BLACK)
    run.play()
    assert run.events() == [("one", "start", "red")]
    assert status(run.hub, "two").scores[0].probability == pytest.approx(0.25)
    assert run.taken[:4] == [("one", 0), ("two", 0), ("one", 1), ("two", 1)]


def test_after_a_loss_what_was_seen_is_forgotten_and_what_went_on_has_ended(model: Model) -> None:
    run = Run(model, camera("one"))
    run.cameras["one"].frames = frames(RED)
    run.play()
    run.cameras["one"].losses = 1
    run.watcher.turn()
    assert run.events() == [("one", "start", "red"), ("one", "end", "red")]
    run.cameras["one"].frames = frames(BLACK, first=100)
    run.play()
    assert status(run.hub, "one").scores[0].probability == pytest.approx(0.25)
    assert status(run.hub, "one").skipped == 0  # the time without a camera is no time too slow


def test_skipped_ticks_are_counted(model: Model) -> None:
    run = Run(model, camera("one"))
    run.cameras["one"].frames = frames(RED, count=1) + frames(RED, first=5, count=2)
    run.play()
    assert (status(run.hub, "one").steps, status(run.hub, "one").skipped) == (3, 4)


def test_in_the_end_everything_ends(model: Model) -> None:
    run = Run(model, camera("one"))
    run.cameras["one"].frames = frames(RED)
    run.play()
    run.watcher.close()
    assert run.events()[-1] == ("one", "end", "red")


def test_a_camera_whose_pictures_cannot_be_used_stops_no_other(model: Model) -> None:
    run = Run(model, camera("one", crop=(0, 0, 500, 500)), camera("two"))
    run.cameras["one"].frames = frames(RED, count=3)
    run.cameras["two"].frames = frames(RED)
    run.play()
    assert run.cameras["one"].refused.startswith("the crop 0,0,500,500 reaches past")
    assert status(run.hub, "two").steps == 15


def test_a_cameras_own_rules_go_before_those_for_all(model: Model) -> None:
    rules = Rules(min_duration=100.0, allow=("red", "green"))
    run = Run(model, camera("one"), camera("two", min_duration=0.0), rules=rules)
    for fake in run.cameras.values():
        fake.frames = frames(RED)
    run.play()
    assert run.events() == [("two", "start", "red")]
    assert {score.label for score in status(run.hub, "one").scores} == {"red", "green"}


def test_rules_that_make_no_sense(model: Model) -> None:
    with pytest.raises(LabelsError):
        open_watch(camera("one", deny=("mauve",)), Rules(), model)
    with pytest.raises(UsageError):
        open_watch(camera("one", off_threshold=0.9), Rules(), model)


def test_rules_by_name_and_from_a_file(model: Model, tmp_path: Path) -> None:
    quieted = tmp_path / "one.toml"
    quieted.write_text("format = 1\nmin_duration = 0\n[label.red]\nmin_duration = 60\n")
    run = Run(
        model,
        camera("one", rules=str(quieted), on_threshold=0.3),
        camera("two"),
        rules=Rules(rules="sure"),
    )
    for fake in run.cameras.values():
        fake.frames = frames(RED, count=11)
    run.play()
    assert [event for event in run.events() if event[1] == "start"] == [("two", "start", "red")]
    assert run.hub.bus.recent()[0].event.timestamp == 2.0


@pytest.fixture(scope="module")
def mini(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """A network that gives features."""
    path = tmp_path_factory.mktemp("mini") / "mini.tflite"
    path.write_bytes(prepare(mini_movinet(int8=True, se=False), name="mini", labels=LABELS).data)
    return load_model(path)


def test_features_are_kept_for_each_camera(mini: Model, tmp_path: Path) -> None:
    path = tmp_path / "one.features"
    run = Run(mini, camera("one", features=path), camera("two"))
    for fake in run.cameras.values():
        fake.frames = frames(RED, count=12)
    run.play()
    run.cameras["one"].losses = 1
    run.cameras["one"].frames = frames(BLACK, first=12, count=3)
    run.play()
    run.watcher.close()
    found = list(KeptFeatures(path))
    assert [(len(segment.features), segment.follows) for segment in found] == [(12, 0), (3, 0)]
    stream = mini.stream()
    for frame in frames(RED, count=12):
        stream.step(frame)
    spread = float(np.ptp(found[0].features))
    np.testing.assert_allclose(found[0].features[-1], stream.features, atol=0.01 * spread)


def test_features_that_cannot_be_kept_stop_nothing_and_are_tried_again(
    mini: Model,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr("apps.raspberry_pi.cameras.features._AGAIN_S", 0.0)
    caplog.set_level("INFO", "edgevid.service")
    folder = tmp_path / "not yet"
    run = Run(mini, camera("one", features=folder / "one.features"))
    run.cameras["one"].frames = frames(RED, count=5)
    run.play()
    assert status(run.hub, "one").steps == 5
    assert [record.message for record in caplog.records] == [
        f"one: {folder}/one.features: cannot be written: No such file or directory"
    ]
    folder.mkdir()
    run.cameras["one"].frames = frames(RED, first=5, count=5)
    run.play()
    run.watcher.close()
    assert caplog.records[-1].message == "one: features are kept again"
    assert [len(segment.features) for segment in KeptFeatures(folder / "one.features")] == [5]


@pytest.mark.parametrize("error", [MemoryError(), ValueError("what?")])
def test_whatever_fails_in_a_step_only_that_camera_is_refused(
    model: Model, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    run = Run(model, camera("one"), camera("two"))
    take = Watch.take

    def fails(self: Watch, frame: Frame) -> object:
        if self is run.watcher._watches["one"]:
            raise error
        return take(self, frame)

    monkeypatch.setattr(Watch, "take", fails)
    for fake in run.cameras.values():
        fake.frames = frames(RED, count=3)
    run.play()
    assert run.cameras["one"].refused.startswith(f"cannot be classified: {type(error).__name__}")
    assert status(run.hub, "two").steps == 3


def test_what_moves_is_followed_by_itself_and_named_with_its_zone(model: Model) -> None:
    everywhere = "room=-1,-1;700,-1;700,999;-1,999"
    run = Run(model, camera("one", follow="motion", zones=(everywhere,), dwell=0.4))
    still = np.full((360, 640, 3), 90, np.uint8)
    moving = still.copy()
    moving[100:300, 200:400] = RED
    pictures = [still] * 10 + [moving] * 10
    run.cameras["one"].frames = [Frame(p, n / 5, n) for n, p in enumerate(pictures)]
    run.play()
    found = {(e.event.label, e.event.track, e.event.zone) for e in run.hub.bus.recent()}
    assert ("dwell", 1, "room") in found
    assert ("red", 1, "room") in found
    assert status(run.hub, "one").tracks == 1
    assert status(run.hub, "one").active == ("dwell", "red")
    message = event_message(run.hub.bus.recent()[0])
    assert (message["track"], message["zone"]) == (1, "room")
    assert len(message["box"]) == 4
    shot = run.hub.snapshots.snapshot("one")
    assert shot is not None
    assert shot.number == 19


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"follow": "cats"}, "motion or people"),
        ({"follow": "none", "dwell": 3.0}, "go with follow"),
        ({"follow": "motion", "crop": (0, 0, 9, 9)}, "crop and follow"),
        ({"follow": "motion", "zones": ("door",)}, "a zone is NAME"),
        ({"follow": "motion", "zone_allow": ("door=red",)}, "no zone"),
        ({"zones": ("door=0,0;1,0;1,1",)}, "go with follow"),
        ({"dwell": 3.0}, "go with follow"),
    ],
)
def test_what_cannot_be_followed_is_refused(
    model: Model, options: dict[str, object], reason: str
) -> None:
    with pytest.raises(UsageError, match=reason):
        open_watch(camera("one", **options), Rules(), model)


@pytest.mark.parametrize(
    ("options", "drawn", "taught", "found"),
    [
        ({}, "", "", ""),
        ({}, "", "motion", "motion"),
        ({"follow": "none"}, "", "motion", ""),
        ({"follow": "motion"}, "", "people", "motion"),
        ({"crop": (0, 0, 9, 9)}, "", "motion", ""),
        ({"features": Path("kept")}, "", "motion", ""),
        ({"follow": "motion"}, "none", "people", ""),
        ({}, "people", "motion", "people"),
    ],
)
def test_the_page_then_the_config_then_the_model_says_what_is_followed(
    model: Model, options: dict[str, object], drawn: str, taught: str, found: str
) -> None:
    model.manifest = replace(model.manifest, provenance={"taught": {"follow": taught}})
    drawing = Drawing(follow=drawn) if drawn else None
    assert followed(camera("one", **options), model, drawing) == found
    if found != "people":
        watch = open_watch(camera("one", **options), Rules(), model, drawing)
        assert isinstance(watch, FollowingWatch) == (found == "motion")


def test_to_follow_nothing_any_more_needs_no_zones(model: Model) -> None:
    config = camera("one", follow="motion", zones=("door=0,0;1,0;1,1",), dwell=3.0)
    assert isinstance(open_watch(config, Rules(), model, Drawing(follow="none")), Watch)


def test_what_is_followed_changes_between_two_frames(model: Model) -> None:
    run = Run(model, camera("one"))
    still = np.full((360, 640, 3), 90, np.uint8)
    moving = still.copy()
    moving[100:300, 200:400] = RED
    pictures = [Frame(p, n / 5, n) for n, p in enumerate([still] * 20 + [moving] * 10)]
    run.cameras["one"].frames = frames(RED)
    run.play()
    change = partial(open_watch, camera("one"), Rules(), model)
    run.watcher.change({"one": change(Drawing(follow="motion"))}, {}, "drawn")
    assert [found.reason for found in run.hub.bus.recent()] == ["", "drawn"]
    run.cameras["one"].frames = pictures[15:]
    run.play()
    assert status(run.hub, "one").tracks == 1
    assert status(run.hub, "one").skipped == 0
    run.watcher.change({"one": change(Drawing(follow="none"))}, {}, "drawn")
    run.cameras["one"].frames = frames(RED, first=30)
    run.play()
    assert status(run.hub, "one").tracks == 0
    assert run.events()[-1] == ("one", "start", "red")


def test_another_model_goes_on_without_a_tick_lost_or_uncounted(model: Model) -> None:
    run = Run(model, camera("one"))
    all_frames = frames(RED, count=30)
    run.cameras["one"].frames = all_frames[:15]
    run.play()
    run.watcher.change({"one": open_watch(camera("one"), Rules(), model)}, {}, "another model")
    assert run.events() == [("one", "start", "red"), ("one", "end", "red")]
    assert [found.reason for found in run.hub.bus.recent()] == ["", "another model"]
    run.cameras["one"].frames = all_frames[15:20] + all_frames[23:]
    run.play()
    assert (status(run.hub, "one").steps, status(run.hub, "one").skipped) == (27, 3)
    assert run.events()[2:] == [("one", "start", "red")]


def test_a_tick_that_the_change_took_counts_as_skipped(model: Model) -> None:
    run = Run(model, camera("one"))
    run.cameras["one"].frames = frames(RED, count=5)
    run.play()
    run.watcher.change({"one": open_watch(camera("one"), Rules(), model)}, {}, "another model")
    run.cameras["one"].frames = frames(RED, first=7, count=5)
    run.play()
    assert status(run.hub, "one").skipped == 2


def test_what_a_mask_covers_is_recorded_and_not_seen(model: Model) -> None:
    run = Run(model, camera("one"))
    everywhere = ((0, 0), (64, 0), (64, 48), (0, 48))
    run.watcher.change(
        {"one": open_watch(camera("one"), Rules(), model)}, {"one": Mask([everywhere])}, "a mask"
    )
    run.cameras["one"].frames = frames(RED)
    run.play()
    assert run.events() == []
    assert len(run.taken) == 15
    shown = run.hub.snapshots.plain("one")
    assert shown is not None
    assert from_jpeg(shown)[24, 32, 2] > 200  # BGR: the page shows what there is
