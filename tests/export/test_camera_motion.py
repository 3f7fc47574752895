"""The training clips of the bundled model, and its training."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from export.camera_motion import clips, moves, render
from export.camera_motion.foreground import things
from export.camera_motion.moves import COVERED, LABELS, SEEN, SHAKE, STILL, UNSEEN, Segment
from export.camera_motion.scenes import SIDE, Pyramid, gallery


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
        clips.example(scenes, 6, 32, np.random.default_rng(seed)) for seed in (3, 3, 4)
    )
    assert one.frames.shape == (6, 32, 32, 3)
    assert one.frames.dtype == np.uint8
    assert (one.frames == same.frames).all()
    assert (one.labels == same.labels).all()
    assert (one.frames != other.frames).any()


def test_lessons_show_every_label(scenes: list[Pyramid]) -> None:
    lessons = [clips.lesson(scenes, 4, 32, np.random.default_rng(seed)) for seed in range(80)]
    assert {int(one.labels[-1]) for one in lessons} == set(range(len(LABELS)))
    for one in lessons:
        changed = (one.frames[-1] != one.frames[-2]).mean()
        assert (changed < 0.1) == (one.labels[-1] in (STILL, COVERED))


def test_what_moves_by_itself_moves_no_camera(scenes: list[Pyramid]) -> None:
    path = straight(STILL, 0.0)
    changed = []
    for seed in range(12):
        random = np.random.default_rng(seed)
        shot = render.Shot(
            scenes[1], np.full(2, SIDE / 2), 2.0, 0.0, path, things(scenes, random, people=True)
        )
        changed.append((np.ptp(render.film(shot, [0.2, 0.6, 1.0], 64), axis=0) > 0).mean())
    assert max(changed) > 0.05
    assert np.median(changed) < 0.5  # most of the scene stays where it is


@pytest.mark.usefixtures("depth")
def test_an_interrupted_training_ends_like_any_other(network_module: Any, tmp_path: Path) -> None:
    from export.camera_motion.train import Recipe, Trainer

    recipe = replace(
        Recipe(), size=32, steps=3, people_steps=1, batch=2, frames=3, scenes=4, lessons=1,
        lessons_until=2, easy_until=3,
    )  # fmt: skip
    whole = Trainer(recipe)
    start = [variable.numpy() for variable in whole.network.weights]
    whole.save(tmp_path / "start.npz")
    whole.run(4)
    first = Trainer(recipe)
    first.restore(tmp_path / "start.npz")
    first.run(2)
    first.save(tmp_path / "middle.npz")
    second = Trainer(recipe)
    second.restore(tmp_path / "middle.npz")
    second.run(4)
    assert second.step == 4
    for before, one, other in zip(
        start, whole.network.weights, second.network.weights, strict=True
    ):
        np.testing.assert_allclose(one.numpy(), other.numpy(), atol=1e-5)
        assert one.shape == before.shape
    assert any((v.numpy() != b).any() for v, b in zip(whole.network.weights, start, strict=True))
