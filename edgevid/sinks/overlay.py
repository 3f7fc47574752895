"""Draws a prediction into a picture."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from functools import lru_cache
from unicodedata import category

import numpy as np
from numpy.typing import NDArray

from edgevid.records import Box, Frame, Prediction
from edgevid.support.opencv import cv2

Picture = NDArray[np.uint8]  # BGR [height, width, 3]: what OpenCV shows and writes
Colour = tuple[int, int, int]  # blue, green, red

# A picture whose short side is below this is enlarged: letters need pixels.
_READABLE = 360

_ROWS = 3
_TEXT = (255, 255, 255)
_DIM = (190, 190, 190)
_BAR = (120, 200, 60)
_OUTLINE = (120, 200, 60)

# By Unicode category. Half of a surrogate pair cannot even be handed to OpenCV.
_INSTEAD = {"Cc": " ", "Zl": " ", "Zp": " ", "Cf": "", "Cs": "\ufffd"}


def draw(
    frame: Frame,
    prediction: Prediction | None,
    *,
    crop: Box | None = None,
    time: str | None = None,
    tracks: Sequence[Prediction] = (),
) -> Picture:
    """Returns a copy of a frame with the best labels, their probabilities and the time.

    Args:
        frame: the picture.
        prediction: what to write on it; before the first prediction, None.
        crop: the part that the model looks at, which is then outlined.
        time: how to write the time; the frame's seconds when None.
        tracks: predictions that have a box, which is drawn with the best label of each.

    Returns:
        BGR, uint8. Larger than the frame by a whole factor where that has few pixels.
    """
    factor = -(-_READABLE // min(frame.image.shape[:2]))
    picture: Picture = cv2.cvtColor(frame.image, cv2.COLOR_RGB2BGR)
    if factor > 1:
        picture = cv2.resize(picture, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC)
    unit = max(12, min(picture.shape[:2]) // 20)  # the height of a line of text
    if crop is not None:
        x, y, width, height = (side * factor for side in crop)
        cv2.rectangle(picture, (x, y), (x + width, y + height), _OUTLINE, max(1, unit // 10))
    for one in tracks:
        _draw_track(picture, one, factor, unit)
    _draw_time(picture, time or f"{frame.timestamp:.1f} s", unit)
    if prediction is not None and prediction.scores:
        _draw_scores(picture, prediction, unit)
    return picture


def _draw_track(picture: Picture, prediction: Prediction, factor: int, unit: int) -> None:
    """Draws a box, with what it does over it, or in it where there is no room."""
    if prediction.box is None:
        return
    x, y, width, height = (side * factor for side in prediction.box)
    cv2.rectangle(picture, (x, y), (x + width, y + height), _OUTLINE, max(1, unit // 10))
    text = f"{prediction.track}"
    if prediction.scores:
        text += f" {prediction.top.label} {prediction.top.probability:.0%}"
    pad, line = unit // 4, round(1.6 * unit)
    text = _shorten(text, picture.shape[1] - 2 * pad, unit)
    right = x + _text_width(text, unit) + 2 * pad
    left = max(0, min(x, x - (right - picture.shape[1])))
    top = y - line if y >= line else y
    _darken(picture, left, top, left + right - x, top + line)
    _write(picture, text, left + pad, top + round(0.15 * unit), unit, _TEXT)


def _draw_time(picture: Picture, text: str, unit: int) -> None:
    width = _text_width(text, unit)
    pad = unit // 2
    right = picture.shape[1] - pad
    _darken(picture, right - width - 2 * pad, pad, right, pad + 2 * unit)
    _write(picture, text, right - width - pad, pad + unit // 2, unit, _TEXT)


def _draw_scores(picture: Picture, prediction: Prediction, unit: int) -> None:
    height, width = picture.shape[:2]
    pad = unit // 2
    scores = prediction.scores[:_ROWS]
    # The best label stands in larger letters: it is what one looks for.
    sizes = [round(unit * 1.4)] + [unit] * (len(scores) - 1)
    row_heights = [round(size * 2.1) for size in sizes]
    right = min(width - pad, pad + max(24 * unit, width // 2))
    top = height - pad - sum(row_heights) - pad
    _darken(picture, pad, top, right, height - pad)
    y = top + pad // 2
    for score, size, row in zip(scores, sizes, row_heights, strict=True):
        percent = f"{score.probability:.0%}"
        percent_left = right - pad - _text_width(percent, size)
        left = 2 * pad
        colour = _TEXT if size != unit else _DIM
        label = _shorten(score.label, percent_left - left - pad, size)
        _write(picture, label, left, y + round(0.3 * size), size, colour)
        _write(picture, percent, percent_left, y + round(0.3 * size), size, colour)
        bar_top = y + round(1.55 * size)
        length = round((right - pad - left) * score.probability)
        cv2.rectangle(
            picture, (left, bar_top), (left + length, bar_top + max(2, size // 6)), _BAR, -1
        )
        y += row


def _darken(picture: Picture, left: int, top: int, right: int, bottom: int) -> None:
    """Makes a rectangle dark enough for white letters on any background."""
    part = picture[max(0, top) : bottom, max(0, left) : right]
    np.right_shift(part, 2, out=part)


def _shorten(text: str, width: int, size: int) -> str:
    """Cuts a text to a width in pixels, whatever it holds and however long it is."""
    return _fitted(text[: max(0, width) + 1], width, size)  # no letter is narrower than a pixel


@lru_cache(maxsize=256)
def _fitted(text: str, width: int, size: int) -> str:
    shown = _printable(text)
    if len(text) <= width and _measured(shown, size) <= width:
        return shown
    lengths = range(len(shown) + 1)
    longer = bisect_right(lengths, width, key=lambda n: _measured(_cut(shown, n), size))
    return _cut(shown, longer - 1) if longer else ""


def _cut(text: str, length: int) -> str:
    return text[:length].rstrip() + "…"


def _printable(text: str) -> str:
    """Returns a text without what is no letter: control characters and marks of direction."""
    return "".join(_INSTEAD.get(category(letter), letter) for letter in text).strip()


def _write(picture: Picture, text: str, x: int, y: int, size: int, colour: Colour) -> None:
    layer = _letters(text, size, colour)
    part = picture[y : y + layer.shape[0], x : x + layer.shape[1]]
    np.maximum(part, layer[: part.shape[0], : part.shape[1]], out=part)


@lru_cache(maxsize=256)
def _letters(text: str, size: int, colour: Colour) -> Picture:
    """Returns a text on black. Kept, since setting letters takes longer than a model step."""
    layer = np.zeros((round(1.4 * size), _text_width(text, size) + 2, 3), np.uint8)
    _set_text(layer, text, size, colour)
    return layer


# OpenCV 5 has outline fonts that know more than ASCII; before that there are only the plotter
# fonts, whose letters are lines: their capitals are 21 units high, of 27 with margins.
_SANS = cv2.FontFace("sans") if hasattr(cv2, "FontFace") else None
_SANS_WEIGHT = 500
_PLOTTER = cv2.FONT_HERSHEY_SIMPLEX


@lru_cache(maxsize=256)
def _text_width(text: str, size: int) -> int:
    return _measured(text, size)


def _measured(text: str, size: int) -> int:
    if _SANS is not None:
        return int(cv2.getTextSize((0, 0), text, (0, 0), _SANS, size, _SANS_WEIGHT)[2])
    return int(cv2.getTextSize(_ascii(text), _PLOTTER, size / 27, max(1, size // 14))[0][0])


def _set_text(layer: Picture, text: str, size: int, colour: Colour) -> None:
    if _SANS is not None:
        cv2.putText(layer, text, (0, size), colour, _SANS, size, _SANS_WEIGHT)
    else:
        place, weight = (0, round(0.9 * size)), max(1, size // 14)
        cv2.putText(layer, _ascii(text), place, _PLOTTER, size / 27, colour, weight, cv2.LINE_AA)


def _ascii(text: str) -> str:
    return text.replace("…", "...").encode("ascii", "replace").decode()
