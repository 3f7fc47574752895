from __future__ import annotations

import pytest

from edgevid.regions.boxes import Sides, overlap
from edgevid.regions.square import CLOSE, Square

SIZE = (640, 360)


@pytest.mark.parametrize(
    "box",
    [
        (0, 0, 10, 10),
        (600, 300, 40, 60),
        (-20, -20, 60, 60),
        (100, 50, 400, 300),
        (0, 0, 640, 360),
        (630, 350, 30, 30),
    ],
)
def test_it_lies_in_the_picture_and_is_a_square(box: tuple[int, int, int, int]) -> None:
    x, y, side, height = Square().around(box, SIZE)
    assert side == height
    assert 0 <= x <= 640 - side
    assert 0 <= y <= 360 - side
    assert side >= 90  # a quarter of the picture's height


def test_it_stands_still_while_what_it_shows_stays_inside() -> None:
    square = Square()
    first = square.around((300, 150, 40, 80), SIZE)
    assert {square.around((300 + n, 150, 40, 80 + n), SIZE) for n in range(-20, 21, 5)} == {first}


def test_it_goes_along_with_what_leaves_it() -> None:
    square = Square()
    first = square.around((300, 150, 40, 80), SIZE)
    moved = square.around((450, 150, 40, 80), SIZE)
    assert moved[0] > first[0]
    assert moved[2] == first[2]
    assert overlap(moved, (450, 150, 40, 80)) == 40 * 80


def test_it_grows_and_shrinks_with_what_comes_near_and_goes() -> None:
    square = Square()
    small = square.around((300, 150, 30, 60), SIZE)[2]
    assert square.around((280, 100, 80, 160), SIZE)[2] > small
    assert square.around((300, 150, 30, 60), SIZE)[2] == small


def test_it_leaves_out_others_as_far_as_it_can() -> None:
    one, other = (250, 100, 60, 150), (340, 100, 60, 150)
    assert overlap(Square().around(one, SIZE, [other]), other) < overlap(
        Square().around(one, SIZE), other
    )
    assert overlap(Square().around(one, SIZE, [other]), one) == 60 * 150


def test_another_picture_has_another_square() -> None:
    square = Square()
    square.around((500, 100, 60, 150), SIZE)
    x, y, side, _ = square.around((200, 100, 60, 100), (320, 240))
    assert x + side <= 320
    assert y + side <= 240


def test_close_up_the_upper_body_fills_it() -> None:
    wide, close = Square(), Square(CLOSE)
    standing = (300.0, 100.0, 60.0, 200.0)
    assert wide.around(standing, SIZE)[2] == 360
    x, y, side, _ = close.around(standing, SIZE)
    assert side == 116  # 1.05 times half of the height, and a little above the head
    assert x < 300
    assert x + side > 360
    assert y < 90
    assert y + side < 210


@pytest.mark.parametrize("box", [(300.0, 100.0, 100.0, 150.0), (300.0, 100.0, 200.0, 150.0)])
def test_close_up_who_is_not_seen_standing_is_seen_whole(box: Sides) -> None:
    x, y, side, _ = Square(CLOSE).around(box, SIZE)
    assert overlap((x, y, side, side), box) == box[2] * box[3]
    assert side < 1.06 * max(box[2:])


def test_close_up_an_arm_that_is_held_out_keeps_the_square() -> None:
    square = Square(CLOSE)
    before = square.around((300.0, 100.0, 60.0, 200.0), SIZE)
    assert square.around((290.0, 98.0, 75.0, 203.0), SIZE) == before
