from __future__ import annotations

import numpy as np
import pytest

from edgevid.records import Frame, Prediction, Score
from edgevid.sinks import overlay
from edgevid.sinks.overlay import draw

SCORES = (Score("carving ice", 0.97), Score("Äpfel schälen", 0.02), Score("x" * 200, 0.01))
SIZES = [(172, 172), (320, 240), (1920, 1080), (576, 1024), (204, 360), (64, 48), (33, 31)]


def frame(width: int, height: int) -> Frame:
    return Frame(np.full((height, width, 3), 180, np.uint8), 12.34, 5)


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_any_size_gets_a_readable_panel(width: int, height: int) -> None:
    picture = draw(frame(width, height), Prediction(12.34, 5, SCORES, 1.0))
    assert min(picture.shape[:2]) >= 360
    assert picture.shape[1] / picture.shape[0] == pytest.approx(width / height)
    lower = picture[picture.shape[0] // 2 :]
    assert (lower > 250).any(axis=2).any()  # white letters
    assert (lower < 60).all(axis=2).mean() > 0.1  # on something dark


def test_the_bar_is_as_long_as_the_probability() -> None:
    def green(probability: float) -> int:
        picture = draw(frame(640, 480), Prediction(0, 0, (Score("a", probability),), 1.0))
        return int((picture[..., 1].astype(int) - picture[..., 2] > 100).sum())

    assert green(0.5) == pytest.approx(green(1.0) / 2, rel=0.02)
    assert green(0.0) < green(1.0) / 50


def test_the_frame_itself_is_left_alone_and_colours_are_right() -> None:
    red = np.zeros((400, 400, 3), np.uint8)
    red[..., 0] = 200
    source = Frame(red.copy(), 0, 0)
    picture = draw(source, None)
    assert np.array_equal(source.image, red)
    assert tuple(picture[399, 0]) == (0, 0, 200)  # OpenCV's order is blue, green, red


def test_the_time_can_be_a_clocks() -> None:
    seconds = draw(frame(640, 480), None)
    clock = draw(frame(640, 480), None, time="16:13:44")
    changed = np.argwhere((seconds != clock).any(axis=2))
    assert len(changed) > 0
    assert changed[:, 0].max() < 480 / 4
    assert np.array_equal(draw(frame(640, 480), None, time="12.3 s"), seconds)


def test_the_crop_is_outlined() -> None:
    plain = draw(frame(640, 480), None)
    outlined = draw(frame(640, 480), None, crop=(100, 100, 200, 200))
    changed = np.argwhere((plain != outlined).any(axis=2))
    assert changed.min(axis=0) == pytest.approx((100, 100), abs=3)
    assert changed.max(axis=0) == pytest.approx((300, 300), abs=3)


ODD = (
    "",
    "   ",
    "W" * 1_000_000,
    "\U0001f600\U0001f468\u200d\U0001f469\u200d\U0001f467 at play",
    "שלום עולם " * 30,
    "مرحبا " * 30,
    "e" + "\u0301" * 5000,
    "a\x00b\x1b[31m\r\n\tc\u2028d",
    "half a pair \ud800",
    "\u202eevil\u2066",
    "動作のとても長い名前" * 20,
)


@pytest.mark.parametrize("font", ["sans", "plotter"])
@pytest.mark.parametrize(("width", "height"), [(640, 360), (33, 31)])
@pytest.mark.parametrize("label", ODD, ids=range(len(ODD)))
def test_any_label_is_drawn_and_stays_within_its_panel(
    label: str, width: int, height: int, font: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if font == "plotter":
        monkeypatch.setattr(overlay, "_SANS", None)
    for kept in (overlay._fitted, overlay._letters, overlay._text_width):
        kept.cache_clear()
    shown = draw(frame(width, height), Prediction(0, 0, (Score(label, 0.5),), 1.0))
    other = draw(frame(width, height), Prediction(0, 0, (Score("a", 0.5),), 1.0))
    changed = np.argwhere((shown != other).any(axis=2))
    right_half = shown.shape[1] - max(12, min(shown.shape[:2]) // 20)
    assert not len(changed) or changed[:, 1].max() < right_half
    assert (shown > 200).any()  # the percent are there, whatever the label


def test_a_label_is_cut_in_linear_time(monkeypatch: pytest.MonkeyPatch) -> None:
    measured: list[int] = []
    measure = overlay._measured

    def counting(text: str, size: int) -> int:
        measured.append(len(text))
        return measure(text, size)

    monkeypatch.setattr(overlay, "_measured", counting)
    overlay._fitted.cache_clear()
    cut = overlay._shorten("carving ice " * 100_000, 300, 20)
    assert cut.startswith("carving ice carving")
    assert cut.endswith("…")
    assert measure(cut, 20) <= 300
    assert len(measured) < 20  # halves the rest each time
    assert max(measured) <= 302
    assert overlay._shorten("carving ice", 300, 20) == "carving ice"
    assert overlay._shorten("carving ice", 3, 20) == overlay._shorten("carving ice", -5, 20) == ""
