"""The pictures of a report: a curve, and a sheet of what went wrong. Drawn by OpenCV."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edgevid.plain_text import readable
from edgevid.support.jpeg import from_jpeg, to_jpeg
from edgevid.teach.choosing import Trial
from edgevid.teach.examples import Example
from edgevid.teach.judging import Judgement
from edgevid.teach.limits import poisson_limits, wilson_limits

_SIZE = (640, 400)  # width and height of a curve
_EDGES = (70, 30, 20, 60)  # left, top, right, bottom
_INK, _GREY, _BAND, _MARK = (40, 40, 40), (170, 170, 170), (235, 215, 195), (40, 40, 200)
_LINE = (160, 90, 30)  # BGR, as all of these
_MOST_FALSE = 20  # events on the axis
_TILE = (96, 72)
_TITLE = 16  # pixels above a row of the sheet
_AROUND_S = (-1.0, 0.0, 1.0, 2.0)
_MOST_ROWS = 40

Picture = NDArray[np.uint8]


def curve(trials: Sequence[Trial], chosen: Judgement) -> bytes:
    """Returns recall against false events an hour, with bands of confidence, as a PNG file.

    Args:
        trials: one label's, by rising threshold.
        chosen: where the rules stand.
    """
    from edgevid.support.opencv import cv2

    picture = np.full((_SIZE[1], _SIZE[0], 3), 255, np.uint8)
    hours = max(chosen.hours, 1e-9)
    counts = [len(trial.judgement.false) for trial in trials]
    most = max(1, len(chosen.false), min(_MOST_FALSE, max(counts, default=1)))
    right = 1.05 * most / hours

    def at(rate: float, recall: float) -> tuple[int, int]:
        x = _EDGES[0] + min(rate / right, 1.0) * (_SIZE[0] - _EDGES[0] - _EDGES[2])
        y = _SIZE[1] - _EDGES[3] - recall * (_SIZE[1] - _EDGES[1] - _EDGES[3])
        return round(x), round(y)

    points: dict[int, int] = {}
    for trial in trials:
        false = len(trial.judgement.false)
        if false <= most:
            points[false] = max(points.get(false, 0), trial.judgement.found)
    steps = [(false / hours, points[false]) for false in sorted(points)]
    for share in (0, 0.25, 0.5, 0.75, 1):
        cv2.line(picture, at(0, share), at(right, share), _GREY, 1)
        _write(picture, f"{share:.0%}", (at(0, share)[0] - 52, at(0, share)[1] + 5))
    if steps and chosen.shown:
        limits = [wilson_limits(found, chosen.shown) for _, found in steps]
        rates = [rate for rate, _ in steps]
        band = [at(rate, high) for rate, (_, high) in zip(rates, limits, strict=True)]
        band += [at(rate, low) for rate, (low, _) in zip(rates[::-1], limits[::-1], strict=True)]
        shade = picture.copy()
        cv2.fillPoly(shade, [np.array(band, np.int32)], _BAND)
        cv2.addWeighted(shade, 0.6, picture, 0.4, 0, dst=picture)
        line = np.array([at(rate, found / chosen.shown) for rate, found in steps], np.int32)
        cv2.polylines(picture, [line], False, _LINE, 2, cv2.LINE_AA)
        here = len(chosen.false) / hours, chosen.found / chosen.shown
        low, high = poisson_limits(len(chosen.false), chosen.hours)
        cv2.line(picture, at(low, here[1]), at(min(high, right), here[1]), _MARK, 1)
        low, high = wilson_limits(chosen.found, chosen.shown)
        cv2.line(picture, at(here[0], low), at(here[0], high), _MARK, 1)
        cv2.circle(picture, at(*here), 5, _MARK, -1, cv2.LINE_AA)
    for number in range(5):
        rate = right * number / 4
        x, y = at(rate, 0)
        _write(picture, f"{rate:.3g}", (x - 12, y + 20))
    _write(picture, "false events an hour", (_SIZE[0] // 2 - 70, _SIZE[1] - 12))
    _write(picture, "announced, with 95 % limits; the dot is where the rules stand", (70, 18))
    return _png(picture)


def sheet(examples: Sequence[Example], wrong: Sequence[tuple[str, int, float]]) -> bytes:
    """Returns thumbnails of what went wrong, a row each, as a JPEG file.

    Args:
        examples: all.
        wrong: what to write above each row, of which example, and at which second.
    """
    rows = [_row(examples[number], text, time) for text, number, time in wrong[:_MOST_ROWS]]
    return to_jpeg(np.concatenate(rows))


def _row(example: Example, text: str, time: float) -> Picture:
    width, height = _TILE
    row = np.full((height + _TITLE, width * len(_AROUND_S), 3), 255, np.uint8)
    _write(row, text, (2, _TITLE - 4), size=0.34)
    times = np.array([seen for seen, _ in example.pictures])
    if not len(times):  # features that a camera kept have no pictures
        return row
    for place, around in enumerate(_AROUND_S):
        nearest = int(np.abs(times - (time + around)).argmin())
        try:
            tile = from_jpeg(example.pictures[nearest][1])[:height, :width]
        except ValueError:
            continue
        row[_TITLE : _TITLE + tile.shape[0], place * width : place * width + tile.shape[1]] = tile
    return row


def _write(picture: Picture, text: str, at: tuple[int, int], *, size: float = 0.42) -> None:
    from edgevid.support.opencv import cv2

    plain = readable(text).encode("ascii", "replace").decode()
    cv2.putText(picture, plain, at, cv2.FONT_HERSHEY_SIMPLEX, size, _INK, 1, cv2.LINE_AA)


def _png(picture: Picture) -> bytes:
    from edgevid.support.opencv import cv2

    _, data = cv2.imencode(".png", picture)
    return bytes(data)
