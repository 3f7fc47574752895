from __future__ import annotations

import pytest

from edgevid.regions.tracker import Tracker


def numbers(tracker: Tracker) -> list[int]:
    return [track.number for track in tracker.tracks]


def step(tracker: Tracker, *found: tuple[float, float, float, float]) -> list[int]:
    tracker.predict(0.2)
    tracker.update(found)
    return numbers(tracker)


def test_two_keep_their_numbers_though_they_are_found_in_another_order() -> None:
    tracker = Tracker(most=4, confirmed_by=1, keep_s=2)
    for n in range(20):
        one, other = (10.0 + 4 * n, 50.0, 40.0, 100.0), (500.0 - 4 * n, 50.0, 40.0, 100.0)
        step(tracker, *((one, other) if n % 2 else (other, one)))
    assert sorted(numbers(tracker)) == [1, 2]
    boxes = {track.number: track.box[0] for track in tracker.tracks}
    assert sorted(boxes.values()) == pytest.approx([86, 424], abs=8)
    assert (boxes[1] > boxes[2]) == (500 > 10)  # the first that was found was the right one


def test_one_that_moves_fast_is_the_same() -> None:
    tracker = Tracker(most=4, confirmed_by=1, keep_s=2)
    for n in range(10):
        step(tracker, (30.0 * n, 50.0, 40.0, 100.0))  # no box overlaps the one before by half
    assert numbers(tracker) == [1]


def test_one_that_is_not_found_is_kept_for_a_while() -> None:
    tracker = Tracker(most=4, confirmed_by=1, keep_s=1.0)
    step(tracker, (10, 10, 40, 80))
    for _ in range(5):
        assert step(tracker) == [1]
    assert tracker.tracks[0].box == pytest.approx((10, 10, 40, 80), abs=2)
    step(tracker)
    assert step(tracker) == []
    assert step(tracker, (10, 10, 40, 80)) == [2]  # a number is never used again


def test_what_is_found_once_is_none_where_two_are_asked_for() -> None:
    tracker = Tracker(most=4, confirmed_by=2, keep_s=1)
    assert step(tracker, (10, 10, 40, 80)) == []
    assert step(tracker) == []
    assert step(tracker, (10, 10, 40, 80)) == []
    assert step(tracker, (10, 10, 40, 80)) == [1]


def test_there_are_at_most_so_many_and_the_rest_are_counted() -> None:
    tracker = Tracker(most=2, confirmed_by=1, keep_s=1)
    boxes = [(100.0 * n, 0.0, 20.0 + 10 * n, 80.0) for n in range(4)]
    assert step(tracker, *boxes) == [1, 2]
    assert sorted(track.box[0] for track in tracker.tracks) == [200, 300]  # the largest
    assert tracker.passed_over == 2
    assert step(tracker, *boxes) == [1, 2]
    assert step(tracker, *boxes[:2]) == [3, 4]  # those in sight go before those that are not


def test_one_of_quite_another_size_is_another() -> None:
    tracker = Tracker(most=4, confirmed_by=1, keep_s=0.1)
    step(tracker, (100, 100, 200, 200))
    assert step(tracker, (290, 290, 10, 10)) == [1, 2]  # the first may come back
    assert step(tracker, (290, 290, 10, 10)) == [2]


def test_a_placed_track_is_where_it_was_put() -> None:
    tracker = Tracker(most=4, confirmed_by=1, keep_s=9)
    step(tracker, (100, 100, 40, 80))
    tracker.predict(0.2)
    tracker.tracks[0].place((150, 90, 40, 80))
    assert tracker.tracks[0].box == pytest.approx((150, 90, 40, 80))


def test_a_reset_forgets_all_but_the_numbers() -> None:
    tracker = Tracker(most=4, confirmed_by=1, keep_s=9)
    step(tracker, (100, 100, 40, 80))
    tracker.reset()
    assert numbers(tracker) == []
    assert step(tracker, (100, 100, 40, 80)) == [2]
