"""Labelled pictures: drawn when somebody looks, once for all."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from apps.raspberry_pi.pictures import from_jpeg
from apps.raspberry_pi.snapshots import Snapshot, Snapshots
from edgevid import Frame, Prediction, Score


def seen(snapshots: Snapshots, index: int) -> None:
    frame = Frame(np.full((48, 64, 3), 200, np.uint8), time.monotonic(), index)
    prediction = Prediction(frame.timestamp, index, (Score("waving", 0.9),), 2.0)
    snapshots.record_step("front", frame, [prediction])


def of(snapshots: Snapshots) -> Snapshot:
    found = snapshots.snapshot("front")
    assert found is not None
    return found


def test_a_picture_is_drawn_when_somebody_looks_and_once_for_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    drawn: list[np.ndarray] = []

    def jpeg(picture: np.ndarray) -> bytes:
        drawn.append(picture)
        time.sleep(0.05)
        return b"jpeg"

    monkeypatch.setattr("apps.raspberry_pi.snapshots.jpeg", jpeg)
    snapshots = Snapshots(["front"])
    assert snapshots.snapshot("front") is None
    assert snapshots.snapshot("side") is None
    for index in range(5):
        seen(snapshots, index)
    assert not drawn
    first: list[Snapshot] = []

    def look() -> None:
        first.append(of(snapshots))

    lookers = [threading.Thread(target=look) for _ in range(4)]
    for looker in lookers:
        looker.start()
    for looker in lookers:
        looker.join()
    assert len(drawn) == 1
    assert len({one.number for one in first}) == 1
    seen(snapshots, 5)
    assert of(snapshots).number != first[0].number
    assert len(drawn) == 2


def test_the_picture_is_the_frame_with_its_labels() -> None:
    snapshots = Snapshots(["front"])
    seen(snapshots, 0)
    picture = from_jpeg(of(snapshots).jpeg)
    assert picture.shape[0] >= 360  # enlarged, for letters need pixels
    assert abs(float(picture[picture.shape[0] // 8, picture.shape[1] // 8].mean()) - 200) < 10
