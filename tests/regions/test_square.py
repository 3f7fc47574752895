from __future__ import annotations

import pytest

from edgevid.regions.boxes import overlap
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


def test_close_up_what_is_followed_fills_it() -> None:
    wide, close = Square(), Square(CLOSE)
    followed = (300.0, 100.0, 60.0, 120.0)
    assert wide.around(followed, SIZE)[2] == 240
    assert close.around(followed, SIZE)[2] == 126
