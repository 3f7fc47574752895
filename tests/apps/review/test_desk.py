"""From what is said to the model that watches, and back."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from apps.raspberry_pi.cameras.drawing import Drawing
from apps.raspberry_pi.config import CameraConfig
from apps.raspberry_pi.hub import Hub
from apps.raspberry_pi.messages import event_message
from apps.raspberry_pi.review import lists
from apps.raspberry_pi.review.desk import Review
from apps.raspberry_pi.review.store import Store
from apps.raspberry_pi.service import Service
from edgevid import EdgevidError, Model, ModelError, UsageError, keep_features, load_model
from tests.apps.parts import status, until
from tests.apps.review.parts import config_in, lessons_in, write_clip, write_mini
from tests.conftest import moving_pictures, write_video


@pytest.fixture(scope="module")
def mini(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_mini(tmp_path_factory.mktemp("mini"))


def opened(folder: Path, mini: Path, **camera: Any) -> Review:
    return Review(Store(folder / "review"), config_in(folder, mini, **camera), lambda model: None)


@pytest.fixture
def review(tmp_path: Path, mini: Path) -> Iterator[Review]:
    made = opened(tmp_path, mini)
    yield made
    made.stop(1.0)


def taught(review: Review) -> dict[str, Any]:
    review.teach()
    until(lambda: review.progress()["state"] != "running", 300)  # it gives way to all else
    told = review.teaching()
    assert told["progress"]["state"] == "done", told
    return told


def say(review: Review, folder: Path) -> None:
    red, ordinary = lessons_in(folder / "clips")
    for number, name in enumerate(red):
        review.mark(
            {"clip": name, "start": 3 + number / 5, "end": 5.4 + number / 5, "label": "red"}
        )
    for name in ordinary:
        review.nothing({"clip": name})


def test_it_is_taught_used_corrected_and_taken_back(
    review: Review, tmp_path: Path, mini: Path
) -> None:
    say(review, tmp_path)
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    lately = write_clip(
        tmp_path / "clips", 50, red=(3, 6), events=[("red", 4.0), ("yoga", 1.0)], began=now
    )
    first = taught(review)
    (model,) = first["models"]
    (figures,) = model["labels"]
    assert (figures["label"], figures["before"]) == ("red", None)
    assert (figures["after"]["shown"], figures["after"]["found"]) == (4, 4)
    # Of last week's two events the one that it knows would have come.
    assert (model["week"], model["gone"]) == (2, [{"clip": lately, "place": 1}])
    assert first["runs"] is None
    review.use({"number": 1})
    assert review.teaching()["runs"] == 1
    running = review.first_model()
    assert running is not None
    assert running.manifest.labels == ("red",)
    # What is said of one more clip is learned without looking at the others again.
    extracted = {p: p.stat().st_mtime_ns for p in (tmp_path / "review/features").iterdir()}
    review.judge({"clip": lately, "place": 0, "verdict": "right"})
    second = taught(review)["models"][0]
    assert second["recordings"] == 9
    assert (second["seen_before"], second["labels"][0]["before"]["shown"]) == (8, 5)
    assert (
        extracted.items()
        <= {p: p.stat().st_mtime_ns for p in (tmp_path / "review/features").iterdir()}.items()
    )
    review.use({"number": 2})
    review.undo()
    assert review.teaching()["runs"] == 1
    review.undo()
    assert review.first_model() is None
    with pytest.raises(UsageError, match="no model to go back to"):
        review.undo()
    # A model that is chosen elsewhere runs after a restart, and can be gone back from as well.
    review.use({"number": 1})
    for _ in range(2):
        review.give_way()
        assert review.first_model() is None
    review.undo()
    assert review.teaching()["runs"] == 1


def test_what_cannot_be_done_is_one_line(review: Review, tmp_path: Path) -> None:
    name = write_clip(tmp_path / "clips", 0, events=[("fall", 4.0)])
    for call, asked in (
        (review.judge, {"clip": "../x.mp4", "place": 0, "verdict": "right"}),
        (review.judge, {"clip": name, "place": 1, "verdict": "right"}),
        (review.judge, {"clip": name, "place": True, "verdict": "right"}),
        (review.judge, {"clip": name, "place": 0, "verdict": "perhaps"}),
        (review.judge, {"clip": name, "place": 0, "verdict": "other", "label": ""}),
        (review.mark, {"clip": name, "start": 3, "end": 2, "label": "x"}),
        (review.mark, {"clip": name, "start": "a", "end": 2, "label": "x"}),
        (review.mark, {"clip": name, "start": float("nan"), "end": 2, "label": "x"}),
        (review.mark, {"clip": name, "start": 1, "end": 2, "label": "background"}),
        (review.mark, {"clip": name, "start": 1, "end": 2000, "label": "x"}),
        (review.unmark, {"number": "1"}),
        (review.offer, {"camera": "front", "start": 0, "end": 1}),
        (review.use, {"number": 7}),
        (review.draw, {"camera": "back", "zones": [], "masks": []}),
        (review.draw, {"camera": "front", "zones": 5, "masks": []}),
        (review.draw, {"camera": "front", "zones": [], "masks": [[[0, 0], [1, 1]]]}),
        (review.draw, {"camera": "front", "zones": [], "masks": [], "follow": ["motion"]}),
    ):
        with pytest.raises(UsageError):
            call(asked)
    with pytest.raises(UsageError, match="Nothing is shown yet"):
        review.teach()
    assert review.listing()["clips"][0]["events"][0]["verdict"] == ""


def test_a_teaching_that_fails_or_is_stopped_leaves_all_as_it_was(
    tmp_path: Path, mini: Path
) -> None:
    review = opened(tmp_path, tmp_path / "none.tflite")
    say(review, tmp_path)
    review.teach()
    with pytest.raises(UsageError, match="already"):
        review.teach()
    until(lambda: review.progress()["state"] == "failed", 300)
    assert "none.tflite" in review.teaching()["progress"]["problem"]
    review.stop(1.0)
    review = opened(tmp_path, mini)
    review.teach()
    until(lambda: review.teacher)
    pid = review.teacher
    assert pid is not None
    own = os.getpriority(os.PRIO_PROCESS, 0)
    assert os.getpriority(os.PRIO_PROCESS, pid) in (own, 19)  # it lowers its own as it begins
    review.stop_teaching()
    until(lambda: review.progress()["state"] != "running", 300)
    assert review.teaching()["progress"]["state"] in ("idle", "done")
    review.stop(1.0)


def test_a_taught_model_that_is_damaged_gives_way_to_the_configs(
    review: Review, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = review._store
    store.model(1).write_bytes(b"no model")
    store.add_model(1, {})
    store.use(1)
    assert review.first_model() is None
    assert "that of [model] does" in caplog.text
    with pytest.raises((ModelError, UsageError)):
        review._loaded(1)


def test_quiet_hours_are_kept_as_background(
    tmp_path: Path, mini: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, hour = tmp_path / "front.features", 3600.0
    model = load_model(mini)
    clock = [0.0]
    monkeypatch.setattr("edgevid.runtime.kept_features.time.time", lambda: clock[0])
    with keep_features(path, model, budget=2_000_000) as kept:
        for minute in range(120):
            clock[0] = minute * 60.0
            for frame in range(300):
                assert model.signature.features is not None
                size = model.signature.features.shape[-1]
                kept.add(np.full(size, 0.5, np.float32), minute * 60 + frame / 5)
    review = opened(tmp_path, mini, features=path)
    write_clip(tmp_path / "clips", 0, events=[("x", 4.0)], began="1970-01-01T00:10:00+00:00")
    (camera,) = review.quiet()["cameras"]
    assert camera["hours"] == [{"start": hour, "end": 2 * hour}]  # the first has an event
    review.offer({"camera": "front", "start": hour, "end": 2 * hour})
    path.unlink()  # as the ring goes on
    assert review.teaching()["lessons"]["quiet_hours"] == 1
    say(review, tmp_path)
    model_made = taught(review)["models"][0]
    assert model_made["minutes"] > 60
    (offered,) = review.quiet()["cameras"][0]["offered"]
    review.withdraw({"number": offered["number"]})
    assert review.teaching()["lessons"]["quiet_hours"] == 0
    assert not list((tmp_path / "review" / "background").iterdir())
    review.stop(1.0)


def red_for_a_while(folder: Path) -> Path:
    pictures = moving_pictures(200, size=(160, 120))
    for picture in pictures[50:150]:
        picture[...] = (230, 20, 20)
    return write_video(folder / "camera.mp4", pictures, fps=10.0)


def test_the_service_changes_models_without_losing_a_tick(
    tmp_path: Path, mini: Path, review: Review
) -> None:
    say(review, tmp_path)
    taught(review)
    config = config_in(tmp_path, mini, source=str(red_for_a_while(tmp_path)), always=True)
    hub = Hub(["front"], "mini")
    model = load_model(mini)
    service = Service(config, model, hub, lambda name, frame: None)
    review.begin(service)
    running = threading.Thread(target=service.run)
    running.start()
    try:
        until(lambda: status(hub, "front").steps > 3)
        review.use({"number": 1})
        assert hub.status.model == "taught-1"
        until(lambda: "red" in status(hub, "front").active)
        began = status(hub, "front")
        changes = 0
        while "red" in status(hub, "front").active and changes < 1:
            review.undo()
            changes += 1
        until(lambda: status(hub, "front").steps > began.steps + 5)
        ended = next(e for e in hub.bus.recent() if e.event.state == "end" and e.reason)
        assert (ended.event.label, ended.reason) == ("red", "another model")
        assert event_message(ended)["reason"] == "another model"
        assert status(hub, "front").losses == 0
        assert status(hub, "front").active == tuple(
            label for label in status(hub, "front").active if label != "red"
        )
    finally:
        service.stop()
        running.join()


def test_to_go_back_is_to_what_runs_where_none_was_taught(
    review: Review, tmp_path: Path, mini: Path
) -> None:
    say(review, tmp_path)
    taught(review)
    config = config_in(tmp_path, mini)
    chosen = load_model(mini)
    service = Service(config, chosen, Hub(["front"], "mini"), lambda name, frame: None)
    running = threading.Thread(target=service.run)
    running.start()
    try:
        review.begin(service, lambda: chosen)
        review.use({"number": 1})
        assert service.model is not chosen
        review.undo()
        assert service.model is chosen
    finally:
        service.stop()
        running.join()


class Recorded:
    """Takes note of what the service is told."""

    def __init__(self) -> None:
        self.drawn: list[Any] = []

    def use(self, model: Model, reason: str) -> None:
        raise UsageError("camera front: allow: the model has no label 'yoga'")

    def draw(self, drawings: Any, reason: str) -> None:
        self.drawn.append((drawings, reason))

    def following(self) -> dict[str, str]:
        return {"front": "motion"}


def test_a_model_that_the_service_refuses_is_not_used(review: Review, tmp_path: Path) -> None:
    say(review, tmp_path)
    taught(review)
    review.begin(Recorded())
    with pytest.raises(UsageError, match="allow"):
        review.use({"number": 1})
    assert review.teaching()["runs"] is None


def test_zones_are_drawn_for_what_is_followed(tmp_path: Path, mini: Path) -> None:
    review = opened(tmp_path, mini, follow="motion")
    told = Recorded()
    review.begin(told)
    door = {"name": " door ", "points": [[0, 0], [90, 0], [90, 90]], "allow": ["a"], "dwell": 5}
    review.draw({"camera": "front", "zones": [door], "masks": [[[0, 0], [9, 0], [9, 9]]]})
    (camera,) = review.zones()["cameras"]
    assert json.loads(json.dumps(camera["zones"])) == [{**door, "name": "door"}]
    ((drawings, _),) = told.drawn
    assert drawings["front"].zones[0].dwell_s == 5
    review.stop(1.0)
    again = opened(tmp_path, mini, follow="motion")
    assert again.drawings()["front"].masks == (((0.0, 0.0), (9.0, 0.0), (9.0, 9.0)),)
    again.stop(1.0)


def test_zones_of_the_config_are_shown_until_something_is_drawn(tmp_path: Path, mini: Path) -> None:
    zones = {"zones": ("door=0,0;9,0;9,9",), "zone_allow": ("door=a",), "follow": "motion"}
    review = opened(tmp_path, mini, **zones)
    review.begin(Recorded())
    (camera,) = review.zones()["cameras"]
    assert (camera["in_file"], camera["follows"], camera["follow"]) == (1, "motion", "")
    (zone,) = camera["zones"]
    assert (zone["name"], zone["allow"]) == ("door", ["a"])
    review.draw({**camera, "camera": "front"})
    (again,) = review.zones()["cameras"]
    assert again == {**camera, "in_file": 0}
    review.stop(1.0)


def test_what_cameras_follow_is_what_is_taught(tmp_path: Path, mini: Path) -> None:
    review = opened(tmp_path, mini, follow="motion")
    review.begin(Recorded())
    say(review, tmp_path)
    review.teach()
    until(lambda: review.progress()["state"] != "running", 300)
    # They are red all over, and nothing moves in that.
    assert "where there was nothing to follow" in review.progress()["problem"]
    for clip in review.listing()["clips"][-4:]:
        review.mark({"clip": clip["video"], "start": 1.4, "end": 2.8, "label": "walking"})
    (model,) = taught(review)["models"]
    assert model["follows"] == "motion"
    assert load_model(tmp_path / "review/models/taught-1.tflite").manifest.follows == "motion"
    review.stop(1.0)


def test_cameras_that_follow_different_things_teach_whole_pictures(
    review: Review, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    say(review, tmp_path)
    jobs: list[dict[str, Any]] = []
    monkeypatch.setattr(review._teacher, "start", lambda job, done: jobs.append(job))
    review.begin(Recorded())
    review.teach()
    monkeypatch.setattr(lists, "lessons", partial(with_background, lists.lessons(review._store)))
    review.teach()
    assert [(job["follow"], len(job["warnings"])) for job in jobs] == [("motion", 0), ("", 1)]


def with_background(lessons: lists.Lessons, _: Store) -> lists.Lessons:
    return replace(lessons, background=(Path("a.features"),))


def test_what_is_followed_is_chosen_on_the_page_and_kept(tmp_path: Path, mini: Path) -> None:
    video = write_video(tmp_path / "camera.mp4", moving_pictures(300, size=(320, 240)), fps=10.0)
    hub = Hub(["front"], "mini")
    config = config_in(tmp_path, mini, source=str(video))
    review = opened(tmp_path, mini)
    service = Service(config, load_model(mini), hub, lambda name, frame: None)
    review.begin(service)
    running = threading.Thread(target=service.run)
    running.start()
    zone = {"name": "all", "points": [[0, 0], [320, 0], [320, 240], [0, 240]], "dwell": 0.5}
    try:
        until(lambda: status(hub, "front").steps > 3)
        assert review.zones()["cameras"][0]["follows"] == ""
        review.draw({"camera": "front", "zones": [zone], "masks": [], "follow": "motion"})
        assert review.zones()["cameras"][0]["follows"] == "motion"
        until(lambda: any(e.event.zone == "all" for e in hub.bus.recent()))
        with pytest.raises(UsageError, match="followed is one of"):
            review.draw({"camera": "front", "zones": [], "masks": [], "follow": "cats"})
    finally:
        service.stop()
        running.join()
        review.stop(1.0)
    again = opened(tmp_path, mini)
    later = Service(
        config, load_model(mini), hub, lambda name, frame: None, drawings=again.drawings()
    )
    assert later.following() == {"front": "motion"}
    again.stop(1.0)


def test_what_cannot_be_followed_any_more_keeps_no_service_from_starting(
    tmp_path: Path, mini: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = config_in(tmp_path, mini, detector=str(tmp_path / "gone.tflite"))
    drawings = {"front": Drawing(masks=(((0, 0), (9, 0), (9, 9)),), follow="people")}
    service = Service(
        config, load_model(mini), Hub(["front"]), lambda name, frame: None, drawings=drawings
    )
    assert service.following() == {"front": ""}
    assert "gone.tflite" in caplog.text
    with pytest.raises(EdgevidError, match=r"gone\.tflite"):
        service.draw(drawings, "drawn")


def test_what_was_drawn_counts_in_the_service(tmp_path: Path, mini: Path) -> None:
    """A zone names events, its dwell is one, and a mask hides."""
    video = write_video(tmp_path / "camera.mp4", moving_pictures(300, size=(320, 240)), fps=10.0)
    config = config_in(tmp_path, mini, source=str(video), follow="motion")
    hub = Hub(["front"], "mini")
    review = opened(tmp_path, mini, follow="motion")
    service = Service(config, load_model(mini), hub, lambda name, frame: None)
    review.begin(service)
    running = threading.Thread(target=service.run)
    running.start()
    everywhere = [[0, 0], [320, 0], [320, 240], [0, 240]]
    zone = {"name": "all", "points": everywhere, "allow": [], "dwell": 0.5}
    try:
        until(lambda: status(hub, "front").steps > 3)
        review.draw({"camera": "front", "zones": [zone], "masks": []})
        until(lambda: any(e.event.label == "dwell" for e in hub.bus.recent()))
        dwell = next(e.event for e in hub.bus.recent() if e.event.label == "dwell")
        assert dwell.zone == "all"
        review.draw({"camera": "front", "zones": [zone], "masks": [everywhere]})
        time.sleep(0.5)
        until(lambda: status(hub, "front").tracks == 0)
    finally:
        service.stop()
        running.join()
        review.stop(1.0)


def test_masks_hide_and_copies_are_made() -> None:
    from apps.raspberry_pi.cameras.mask import GREY, Mask

    picture = np.zeros((40, 60, 3), np.uint8)
    hidden = Mask([((0, 0), (29, 0), (29, 39), (0, 39)), ((1e9, 0), (1e9, 5), (1e9, 9))])
    covered = hidden.hide(picture)
    assert (covered[:, :30] == GREY).all()
    assert not covered[:, 31:].any()
    assert not picture.any()
    assert hidden.hide(np.zeros((10, 10, 3), np.uint8)).shape == (10, 10, 3)


def test_a_camera_without_features_says_so(review: Review) -> None:
    assert CameraConfig(name="a", source="b").features is None
    assert "features" in review.quiet()["cameras"][0]["problem"]
