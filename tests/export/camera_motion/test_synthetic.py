"""The training clips of the bundled model."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from export.camera_motion import moves, render
from export.camera_motion.curriculum import curriculum_clip
from export.camera_motion.foreground import foreground_objects
from export.camera_motion.moves import COVERED, LABELS, SEEN, SHAKE, STILL, UNSEEN, Segment
from export.camera_motion.scenes import SIDE, Pyramid, gallery
from export.camera_motion.synthetic import synthetic_clip


@pytest.fixture(scope="module")
def scenes() -> list[Pyramid]:
    return gallery(4, 0)


def straight(label: str | int, speed: float, *, seconds: float = 2.0, ease: float = 0.0) -> Any:
    index = LABELS.index(label) if isinstance(label, str) else label
    segment = Segment(index, 0.0, seconds + 1, speed, ease)
    return moves.path([segment], seconds, np.random.default_rng(0), hand=False)


def content_of(label: str) -> tuple[float, float]:
    """Where the content of the picture's right and upper half goes, x and y, over a move."""
    path = straight(label, 0.1, seconds=0.5)
    shot = render.Shot((), np.full(2, SIDE / 2), 2.0, 0.0, path)
    before, after = (render._to_scene(shot, time, 100, 100) for time in (0.0, 0.4))
    point = np.array([80.0, 20.0, 1.0])
    seen = np.linalg.inv(np.vstack([after, [0, 0, 1]])) @ np.append(before @ point, 1)
    return tuple(np.round(seen[:2] - point[:2], 3))


def test_where_the_scene_goes_when_the_camera_moves() -> None:
    assert content_of("pan left") == (4.0, 0.0)
    assert content_of("pan right") == (-4.0, 0.0)
    assert content_of("tilt up") == (0.0, 4.0)
    assert content_of("tilt down") == (0.0, -4.0)
    x, y = content_of("zoom in")  # away from the middle
    assert x > 0 > y
    x, y = content_of("roll clockwise")  # the picture turns the other way
    assert x < 0
    assert y < 0
    x, y = content_of("roll counter-clockwise")
    assert x > 0
    assert y > 0


@pytest.mark.parametrize("label", [LABELS[index] for index in moves.STEADY])
def test_every_move_is_as_fast_as_it_says(label: str) -> None:
    path = straight(label, 0.1, seconds=0.5)
    shot = render.Shot((), np.full(2, SIDE / 2), 2.0, 0.0, path)
    side = 101
    rows, columns = np.mgrid[:side, :side].reshape(2, -1)
    points = np.stack([columns, rows, np.ones(side * side)])
    before, after = (render._to_scene(shot, time, side, side) for time in (0.1, 0.12))
    moved = np.linalg.norm((after - before) @ points, axis=0).mean() / (2.0 * side)
    assert moved / 0.02 == pytest.approx(0.1, rel=0.05)


def test_what_is_asked_and_what_is_not() -> None:
    times = [0.1 + 0.2 * k for k in range(8)]
    labels, weights = moves.targets(straight("pan left", 0.2), times)
    assert list(labels) == [STILL] + 7 * [LABELS.index("pan left")]  # one picture shows no move
    assert list(weights > 0) == [True, False] + 6 * [True]
    labels, weights = moves.targets(straight("pan left", (SEEN + UNSEEN) / 2), times)
    assert not weights[1:].any()
    labels, weights = moves.targets(straight("pan left", UNSEEN / 2), times)
    assert (labels == STILL).all()
    assert weights.all()
    labels, _ = moves.targets(straight(SHAKE, 0.05), times)
    assert (labels[1:] == SHAKE).all()
    labels, weights = moves.targets(straight(COVERED, 0.0), times)
    assert (labels[3:] == COVERED).all()
    assert (weights[4:] == 1).all()


def test_a_clip_follows_from_its_seed(scenes: list[Pyramid]) -> None:
    one, same, other = (
        synthetic_clip(scenes, 6, 32, np.random.default_rng(seed)) for seed in (3, 3, 4)
    )
    assert one.pictures.shape == (6, 32, 32, 3)
    assert one.pictures.dtype == np.uint8
    assert (one.pictures == same.pictures).all()
    assert (one.labels == same.labels).all()
    assert (one.pictures != other.pictures).any()


def test_curriculum_clips_show_every_label(scenes: list[Pyramid]) -> None:
    made = [curriculum_clip(scenes, 4, 32, np.random.default_rng(seed)) for seed in range(80)]
    assert {int(one.labels[-1]) for one in made} == set(range(len(LABELS)))
    for one in made:
        changed = (one.pictures[-1] != one.pictures[-2]).mean()
        assert (changed < 0.1) == (one.labels[-1] in (STILL, COVERED))


def test_what_moves_by_itself_moves_no_camera(scenes: list[Pyramid]) -> None:
    path = straight(STILL, 0.0)
    changed = []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        shot = render.Shot(
            scenes[1],
            np.full(2, SIDE / 2),
            2.0,
            0.0,
            path,
            foreground_objects(scenes, rng, people=True),
        )
        changed.append((np.ptp(render.render(shot, [0.2, 0.6, 1.0], 64), axis=0) > 0).mean())
    assert max(changed) > 0.05
    assert np.median(changed) < 0.5  # most of the scene stays where it is
