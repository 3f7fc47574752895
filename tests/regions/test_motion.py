from __future__ import annotations

import numpy as np
import pytest

from edgevid.regions.boxes import iou
from edgevid.regions.motion import MotionFinder, divided
from edgevid.support.opencv import cv2

CHANCE = np.random.default_rng(0)
ROOM = np.repeat(np.repeat(CHANCE.integers(60, 180, (9, 16, 3), np.uint8), 40, 0), 40, 1)


def room(*things: tuple[int, int, int, int]) -> np.ndarray:
    """A room of 640x360 with noise, and bright things in it."""
    picture = ROOM.copy()
    for x, y, width, height in things:
        picture[y : y + height, x : x + width] = 250
    noise = CHANCE.integers(-4, 5, picture.shape)
    return np.asarray(np.clip(picture + noise, 0, 255), np.uint8)


def trained() -> MotionFinder:
    finder = MotionFinder()
    for _ in range(20):
        finder.find(room())
    return finder


def test_a_still_room_has_nothing_in_it() -> None:
    finder = trained()
    assert [finder.find(room()) for _ in range(10)] == [[]] * 10


def test_what_moves_is_found_where_it_is() -> None:
    (found,) = trained().find(room((300, 120, 60, 150)))
    assert iou(found, (300, 120, 60, 150)) > 0.8


def test_two_that_are_apart_are_two_and_two_that_are_near_are_one() -> None:
    assert len(trained().find(room((100, 100, 50, 150), (400, 100, 50, 150)))) == 2
    assert len(trained().find(room((100, 100, 50, 150), (170, 100, 50, 150)))) == 1


def test_what_moves_within_something_else_is_found_by_itself() -> None:
    frame = [(20, 0, 600, 20), (20, 340, 600, 20), (20, 0, 20, 360), (600, 0, 20, 360)]
    found = trained().find(room(*frame, (300, 150, 40, 60)))
    assert max(iou(box, (300, 150, 40, 60)) for box in found) > 0.8


# How much noise there is takes a while to learn where few pixels are averaged.
@pytest.mark.parametrize(("size", "warm_up"), [((640, 360), 0), ((240, 136), 30)])
def test_much_noise_and_a_small_change_of_all_light_are_no_motion(
    size: tuple[int, int], warm_up: int
) -> None:
    still = cv2.resize(ROOM, size).astype(np.float32)
    finder = MotionFinder()

    def seen(light: float = 1.0) -> bool:
        shot = light * still + CHANCE.normal(0, 10, still.shape)
        return finder.find(np.clip(shot, 0, 255).astype(np.uint8)) != []

    assert not any([seen() for _ in range(40)][warm_up:])
    assert not any(seen(1.03) for _ in range(5))


def test_somebody_far_away_and_what_hardly_stands_out_are_found() -> None:
    finder = trained()
    found = [finder.find(room((100 + 12 * n, 120, 16, 40))) for n in range(10)]
    assert sum(len(boxes) == 1 for boxes in found) >= 8
    for light, is_seen in ((5, False), (14, True)):
        finder = trained()
        picture = room().astype(np.int16)
        picture[100:250, 300:360] += light
        assert (finder.find(np.clip(picture, 0, 255).astype(np.uint8)) != []) == is_seen


@pytest.mark.parametrize(("noisy", "is_seen"), [(False, True), (True, False)])
def test_single_pixels_count_where_noise_was_averaged_out(noisy: bool, is_seen: bool) -> None:
    still = np.full((90, 120), 90, np.uint8)
    finder = MotionFinder(noisy=noisy)
    for _ in range(10):
        finder.take(still)
    picture = still.copy()
    picture[20:60:3, 20:60:3] = 250
    finder.take(picture)
    assert (finder.parts(640, 480) != []) == is_seen


def test_what_is_small_is_ignored() -> None:
    assert trained().find(room((300, 120, 15, 15))) == []


def test_what_stopped_a_moment_ago_is_still_there() -> None:
    finder = trained()
    for x in (300, 310, 320):
        finder.find(room((x, 120, 60, 150)))
    finder.find(room())
    assert len(finder.find(room())) == 1
    for _ in range(10):
        last = finder.find(room())
    assert last == []


@pytest.mark.parametrize("tick", [0.1, 0.2])
def test_what_stopped_is_there_for_a_second_at_any_rate(tick: float) -> None:
    finder = trained()
    for x in (300, 310, 320):
        assert finder.find(room((x, 120, 60, 150)), tick)
    found = [bool(finder.find(room(), tick)) for _ in range(round(2 / tick))]
    assert found == [True] * (round(1 / tick) - 1) + [False] * (round(1 / tick) + 1)


def stood(tick: float) -> float:
    """For how many seconds something that came to stand is told from an old background."""
    finder = MotionFinder()
    empty = np.full((90, 160, 3), 100, np.uint8)
    for _ in range(round(60 / tick)):
        finder.find(empty, tick)
    holds = empty.copy()
    holds[30:70, 60:80] = 250
    return tick * next(n for n in range(600) if not finder.find(holds, tick))


def test_what_stands_becomes_background_after_as_long_at_any_rate() -> None:
    slow, fast = stood(0.2), stood(0.1)
    assert 2 < slow < 60
    assert fast == pytest.approx(slow, rel=0.05)


def test_after_a_reset_the_background_is_another() -> None:
    finder = trained()
    finder.reset()
    assert finder.find(room((300, 120, 60, 150))) == []


@pytest.mark.parametrize("shape", [(1, 1, 3), (20, 30, 3), (1080, 1920, 3)])
def test_pictures_of_any_size_and_of_another_than_before(shape: tuple[int, int, int]) -> None:
    finder = trained()
    finder.find(np.zeros(shape, np.uint8))
    finder.reset()
    assert finder.find(np.zeros(shape, np.uint8)) == []


def test_what_no_square_can_show_is_divided() -> None:
    assert divided((0, 0, 640, 360), 360) == [(0, 0, 320, 360), (320, 0, 320, 360)]
    assert divided((100, 0, 400, 300), 360) == [(100, 0, 400, 300)]
    assert len(divided((0, 0, 360, 640), 360)) == 2
