from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest

import edgevid
from benchmarks.parts.tiny_model import LABELS, tiny_model
from edgevid.errors import UsageError
from edgevid.records import Box, Event, Frame, Prediction
from edgevid.regions.boxes import grown, inside, iou
from edgevid.regions.finder import ByDetector
from edgevid.regions.following import FollowingWatch
from edgevid.regions.square import CLOSE, WITH_ROOM
from edgevid.regions.zones import DWELL, Zone
from edgevid.runtime.model import Model
from edgevid.support.opencv import cv2

COLOURS = {"red": (255, 0, 0), "green": (0, 255, 0)}
AREA = (530, 360)  # not so wide that a detector sees its ends by themselves


@pytest.fixture
def tiny(tmp_path: Path) -> Model:
    path = tmp_path / "tiny.tflite"
    path.write_bytes(tiny_model())
    return edgevid.load_model(path, labels=LABELS)


def shown(box: Box) -> Box:
    """What is said of where somebody is: a little more than what the detector found."""
    return inside(grown(box, ByDetector.margin), *AREA)


class Told:
    """A detector that is told where things are; it counts its looks."""

    def __init__(self, *boxes: Box) -> None:
        self.boxes = list(boxes)
        self.looks = 0

    def find(self, image: np.ndarray) -> list[Box]:
        self.looks += 1
        return list(self.boxes)


def picture(*things: tuple[str, Box]) -> np.ndarray:
    """A grey picture with coloured things, and their surroundings, in it."""
    image = np.full((AREA[1], AREA[0], 3), 90, np.uint8)
    for colour, (x, y, width, height) in things:
        image[max(0, y - 90) : y + height + 90, max(0, x - 120) : x + width + 120] = COLOURS[colour]
    return image


def patterned(seed: int = 0) -> np.ndarray:
    """A picture whose every part can be recognised in the next."""
    small = np.random.default_rng(seed).integers(0, 256, (AREA[1] // 8, AREA[0] // 8, 3), np.uint8)
    return np.asarray(cv2.resize(small, AREA, interpolation=cv2.INTER_CUBIC))


LEFT, RIGHT = (100, 120, 60, 120), (460, 120, 60, 120)


def play(
    watch: FollowingWatch, image: np.ndarray, ticks: int, start: int = 0
) -> tuple[list[list[Prediction]], list[Event]]:
    said, events = [], []
    for number in range(start, start + ticks):
        seen = watch.take(Frame(image, number / 5, number))
        said.append(seen.predictions or [])
        events += seen.events
    return said, events


def test_each_has_a_stream_of_its_own_and_says_where_it_is(tiny: Model) -> None:
    watch = FollowingWatch(tiny.stream, ByDetector(Told(LEFT, RIGHT), most=4))
    said, events = play(watch, picture(("red", LEFT), ("green", RIGHT)), 10)
    assert [len(predictions) for predictions in said] == [2] * 10
    by_box = {prediction.box: prediction for prediction in said[-1]}
    assert by_box[shown(LEFT)].top.label == "red"
    assert by_box[shown(RIGHT)].top.label == "green"
    assert {prediction.track for prediction in said[-1]} == {1, 2}
    started = {(e.label, e.track, e.box) for e in events if e.state == "start"}
    assert {(p.top.label, p.track, p.box) for p in said[-1]} <= started


def test_a_square_holds_what_moves_with_somebody(tiny: Model) -> None:
    watch = FollowingWatch(tiny.stream, ByDetector(Told(LEFT), most=4))
    room = picture(("green", RIGHT))
    play(watch, room, 10)
    for number in range(10, 30):
        image = room.copy()
        image[100:260, 80:200] += np.uint8(40 + 20 * (number % 3))  # more than the box
        watch.take(Frame(image, number / 5, number))
    (track,) = watch._finder.tracker.tracks
    assert track.scene is not None
    assert iou(track.scene, (80, 100, 120, 160)) > 0.7
    assert iou(track.box, LEFT) > 0.9
    assert watch._followed[track.number].box == inside(grown(track.box, 0.15), *AREA)


def test_a_track_has_the_features_of_its_stream(tiny: Model) -> None:
    watch = FollowingWatch(tiny.stream, ByDetector(Told(LEFT), most=4))
    play(watch, picture(("red", LEFT)), 2)
    with pytest.raises(UsageError, match="no features"):
        watch.features(1)  # the tiny model has none
    with pytest.raises(UsageError, match="no track 7"):
        watch.features(7)


def test_nobody_there_means_no_step(tiny: Model) -> None:
    watch = FollowingWatch(tiny.stream, ByDetector(Told(), most=4))
    said, events = play(watch, picture(), 10)
    assert said == [[]] * 10
    assert events == []


def test_between_two_ticks_there_is_nothing(tiny: Model) -> None:
    watch = FollowingWatch(tiny.stream, ByDetector(Told(LEFT), most=4))
    assert watch.take(Frame(picture(), 0.0, 0)).predictions is not None
    assert watch.take(Frame(picture(), 0.04, 1)).predictions is None


def test_what_goes_ends(tiny: Model) -> None:
    detector = Told(LEFT)
    watch = FollowingWatch(tiny.stream, ByDetector(detector, most=4))
    image = picture(("red", LEFT))
    _, events = play(watch, image, 10)
    assert ("start", "red") in {(e.state, e.label) for e in events}
    detector.boxes.clear()
    said, events = play(watch, image, 40, start=10)
    assert said[-1] == []
    assert ("end", "red", 1) in {(e.state, e.label, e.track) for e in events}


def test_the_detector_looks_less_often_while_nobody_comes_or_goes(tiny: Model) -> None:
    detector = Told(LEFT)
    watch = FollowingWatch(tiny.stream, ByDetector(detector, most=4))
    play(watch, patterned(), 51)
    assert detector.looks == 6  # at 0 s, as nobody was known, 1, 2, 3, 5 and 9 s
    detector.boxes.append(RIGHT)
    play(watch, patterned(), 20, start=51)
    assert detector.looks == 8  # at 13 s; somebody is new: at 14 s


def test_it_looks_again_when_something_begins_to_move_where_nobody_is(tiny: Model) -> None:
    detector = Told(LEFT)
    watch = FollowingWatch(tiny.stream, ByDetector(detector, most=4))
    room = patterned()
    play(watch, room, 56)  # to 11.0 s
    assert detector.looks == 6
    changed = room.copy()
    changed[100:300, 350:450] = patterned(1)[100:300, 350:450]
    detector.boxes.append((350, 100, 100, 200))
    said, _ = play(watch, changed, 2, start=56)
    assert detector.looks == 7  # 2 s after the last time
    assert [len(predictions) for predictions in said] == [2, 2]
    play(watch, changed, 3, start=58)
    assert detector.looks == 7


def test_it_looks_again_when_somebodys_way_cannot_be_told(tiny: Model) -> None:
    detector = Told(LEFT)
    watch = FollowingWatch(tiny.stream, ByDetector(detector, most=4))
    play(watch, np.full((AREA[1], AREA[0], 3), 90, np.uint8), 51)
    assert detector.looks == 8  # at 0, 1, 2, 3, 4 (half of 2 s), 6, 8 and 10 s


def test_who_is_missed_is_looked_for_again_three_times(tiny: Model) -> None:
    detector = Told(LEFT)
    watch = FollowingWatch(tiny.stream, ByDetector(detector, most=4))
    play(watch, patterned(), 50)  # to 9.8 s
    detector.boxes.clear()
    said, _ = play(watch, patterned(), 40, start=50)  # missed at 13, 14, 15 and 16 s
    assert [len(predictions) for predictions in said] == [1] * 30 + [0] * 10


class Near:
    """A detector that finds something in a part of the picture only, as what is far away."""

    def __init__(self) -> None:
        self.shapes: list[tuple[int, ...]] = []

    def find(self, image: np.ndarray) -> list[Box]:
        self.shapes.append(image.shape)
        return [] if image.shape[1] == AREA[0] else [(20, 30, 40, 80)]


def test_where_something_moves_and_nobody_was_found_it_looks_closer(tiny: Model) -> None:
    detector = Near()
    watch = FollowingWatch(tiny.stream, ByDetector(detector, most=4))
    play(watch, picture(), 10)
    assert {shape[1] for shape in detector.shapes} == {AREA[0]}
    image = picture()
    image[150:210, 400:430] = 255
    said, _ = play(watch, image, 10, start=10)
    side = min(shape[1] for shape in detector.shapes)
    assert 90 <= side < AREA[1]
    assert said[-1][0].box is not None
    assert said[-1][0].box[2:] == (46, 92)
    assert abs(said[-1][0].box[0] + 20 - 415) < side


def test_gated_nobody_looks_until_something_begins() -> None:
    detector = Told(LEFT)
    model = edgevid.load_model("camera-motion")  # the tiny one never forgets, so never settles
    watch = FollowingWatch(model.stream, ByDetector(detector, most=4), gated=True)
    image = picture(("red", LEFT))
    said, _ = play(watch, image, 200)
    looks, saved = detector.looks, watch.saved
    assert saved > 20
    assert [prediction.inference_ms for prediction in said[-1]] == [0]
    play(watch, image, 50, start=200)
    assert (detector.looks, watch.saved) == (looks, saved + 50)
    play(watch, picture(("red", LEFT), ("green", RIGHT)), 1, start=250)
    assert detector.looks == looks + 2  # and closer at what it does not find


def test_a_jump_in_time_starts_afresh(tiny: Model, caplog: pytest.LogCaptureFixture) -> None:
    watch = FollowingWatch(tiny.stream, ByDetector(Told(LEFT), most=4))
    image = picture(("red", LEFT))
    play(watch, image, 10)
    with caplog.at_level(logging.WARNING, "edgevid"):
        said, events = play(watch, image, 1, start=5000)
    assert "starting afresh" in caplog.text
    assert {e.state for e in events if e.timestamp < 900} == {"end"}
    assert said[0][0].track == 2


def test_another_watch_goes_on_with_whom_the_finder_knows_where_it_shows_as_much(
    tiny: Model,
) -> None:
    for view, goes_on in ((WITH_ROOM, True), (CLOSE, False)):
        watch = FollowingWatch(tiny.stream, ByDetector(Told(LEFT), most=4))
        play(watch, picture(("red", LEFT)), 10)
        other = FollowingWatch(tiny.stream, ByDetector(Told(), most=4, view=view))
        watch.hand_over(other)
        assert other._finder.view == view
        said, _ = play(other, picture(("red", LEFT)), 1, start=10)
        assert bool(said[0]) == goes_on


def test_those_for_whom_there_is_no_track_are_spoken_of_once(
    tiny: Model, caplog: pytest.LogCaptureFixture
) -> None:
    watch = FollowingWatch(tiny.stream, ByDetector(Told(LEFT, RIGHT), most=1))
    with caplog.at_level(logging.WARNING, "edgevid"):
        said, _ = play(watch, picture(("red", LEFT)), 20)
    assert [len(predictions) for predictions in said] == [1] * 20
    assert watch.passed_over == 1
    assert caplog.text.count("more than 1") == 1


def test_zones_name_events_and_dwelling_is_one(tiny: Model) -> None:
    zone = Zone("door", ((0, 0), (320, 0), (320, 360), (0, 360)), allow=("blue",))
    watch = FollowingWatch(
        tiny.stream, ByDetector(Told(LEFT, RIGHT), most=4), zones=[zone], dwell_s=2.0
    )
    _, events = play(watch, picture(("red", LEFT), ("green", RIGHT)), 20)
    events += watch.end()
    by_zone = {e.zone: {x.label for x in events if x.zone == e.zone} for e in events}
    assert by_zone["door"] == {DWELL}
    assert "green" in by_zone[None]
    dwells = [(e.state, e.timestamp, e.box) for e in events if e.label == DWELL]
    assert dwells == [("start", 2.0, shown(LEFT)), ("end", 3.8, shown(LEFT))]


def test_follow_refuses_what_makes_no_sense(tiny: Model) -> None:
    with pytest.raises(UsageError, match="motion or people"):
        edgevid.follow("cats", tiny.stream)
    with pytest.raises(UsageError, match="1 track or more"):
        edgevid.follow("motion", tiny.stream, tracks=0)


def test_motion_is_followed_from_the_first_move(tiny: Model) -> None:
    watch = edgevid.follow("motion", tiny.stream)
    play(watch, picture(), 20)
    said = []
    for number in range(20, 30):
        image, x = picture(), 100 + 10 * (number - 20)
        image[120:240, x : x + 60] = COLOURS["red"]
        said.append(watch.take(Frame(image, number / 5, number)).predictions or [])
    assert said[0] == []
    assert [[p.track for p in predictions] for predictions in said[1:]] == [[1]] * 9
    assert said[-1][0].box is not None
    assert iou(said[-1][0].box, (150, 120, 100, 120)) > 0.6  # where it was in the last second
