from __future__ import annotations

import math

import numpy as np
import pytest

from edgevid.records import Frame
from edgevid.runtime.gate import Gate
from edgevid.runtime.model import Model
from edgevid.runtime.watch import Watch
from edgevid.support.opencv import cv2
from tests.conftest import LabelledClip

CHANCE = np.random.default_rng(0)
ROOM = cv2.resize(
    CHANCE.integers(40, 216, (12, 16, 3), np.uint8), (640, 480), interpolation=cv2.INTER_CUBIC
)
NOISE = [np.rint(CHANCE.normal(0, 5, ROOM.shape)).astype(np.int16) for _ in range(8)]
SAME = {"still": 1.0}
MEMORY = 5  # frames


def shot(picture: np.ndarray, number: int) -> np.ndarray:
    """A picture as a sensor sees it."""
    noise = np.roll(NOISE[number % len(NOISE)], 31 * number, axis=1)
    return np.asarray(np.clip(picture + noise, 0, 255), np.uint8)


def settled(picture: np.ndarray = ROOM) -> Gate:
    """A gate that has closed before a picture."""
    gate = Gate(MEMORY)
    for number in range(80):
        if not gate.passes(shot(picture, number)):
            return gate
        gate.note(SAME)
    raise AssertionError("it does not close")


def with_hand(x: int, light: int = 25) -> np.ndarray:
    """The room and something as small as a hand at six metres, not much brighter than the wall."""
    picture = ROOM.astype(np.int16)
    picture[200:214, x : x + 14] += light
    return np.asarray(np.clip(picture, 0, 255), np.uint8)


def test_noise_passes_until_it_has_settled_and_never_after() -> None:
    gate = Gate(MEMORY)
    passed = []
    for number in range(400):
        passed.append(gate.passes(shot(ROOM, number)))
        gate.note(SAME)
    assert passed == sorted(passed, reverse=True)
    assert 28 < sum(passed) < 40


def test_a_prediction_that_moves_keeps_it_open_until_the_memory_has_gone_by() -> None:
    gate = Gate(MEMORY)
    for number in range(28 + 4 * MEMORY + 1):
        assert gate.passes(shot(ROOM, number))
        gate.note({"still": number % 2})
    assert not gate.passes(shot(ROOM, 1000))


@pytest.mark.parametrize("x", [90, 300, 530])
def test_something_small_opens_it_at_once(x: int) -> None:
    assert settled().passes(shot(with_hand(x), 1))


def test_what_comes_slowly_opens_it_in_the_end() -> None:
    gate = settled()
    opened = [gate.passes(shot(with_hand(300, light), light)) for light in range(40)]
    assert True in opened
    assert not opened[0]


def test_the_cameras_exposure_opens_nothing_and_a_lamp_does() -> None:
    gate = settled()
    brighter = np.clip(ROOM * 1.03, 0, 255).astype(np.uint8)
    assert not gate.passes(shot(brighter, 1))
    lamp = cv2.circle(ROOM.copy(), (320, 100), 30, (255, 255, 255), -1)
    assert gate.passes(shot(lamp, 2))


def test_what_never_forgets_never_settles() -> None:
    gate = Gate(math.inf)
    for _ in range(200):
        assert gate.passes(ROOM)
        gate.note(SAME)


@pytest.mark.parametrize("shape", [(1, 1, 3), (30, 40, 3), (172, 172, 3), (1080, 1920, 3)])
def test_pictures_of_any_size(shape: tuple[int, int, int]) -> None:
    picture = np.full(shape, 99, np.uint8)
    assert settled_on_plain(picture).passes(np.zeros(shape, np.uint8))


def settled_on_plain(picture: np.ndarray) -> Gate:
    gate = Gate(MEMORY)
    while gate.passes(picture):
        gate.note(SAME)
    return gate


def test_gated_equals_stepping(published: Model, real_clips: list[LabelledClip]) -> None:
    """A still room, somebody comes, the room is still again: the same is said, in fewer steps."""
    clip = next(c for c in real_clips if "rpi_carving_ice" in c.path.name).pictures(40)
    chance = np.random.default_rng(1)
    still = [
        np.clip(picture + chance.normal(0, 1.3, picture.shape), 0, 255).astype(np.uint8)
        for picture, count in ((clip[0], 160), (clip[-1], 160))
        for _ in range(count)
    ]
    pictures = [*still[:160], *clip, *still[160:]]
    always, gated = Watch(published.stream()), Watch(published.stream(), gated=True)
    for number, picture in enumerate(pictures):
        frame = Frame(picture, number / 5, number)
        one, other = always.take(frame), gated.take(frame)
        assert one.prediction
        assert other.prediction
        assert (other.prediction.timestamp, other.prediction.index) == (number / 5, number)
        wanted = {score.label: score.probability for score in one.prediction.scores}
        for score in other.prediction.scores[:3]:
            assert score.probability == pytest.approx(wanted.get(score.label, 0.0), abs=0.1)
        assert [(e.state, e.label) for e in one.events] == [
            (e.state, e.label) for e in other.events
        ]
    assert 80 < gated.saved < 280
