"""The model that comes with edgevid, on the clip that comes with it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from edgevid import load_model
from edgevid.cli.demo import CLIP
from edgevid.modelfile import manifest
from edgevid.models.catalog import CAMERA_MOTION
from edgevid.records import Frame
from edgevid.runtime.model import Model
from edgevid.runtime.pace import Pace
from edgevid.sources import open_source

Pictures = Sequence[NDArray[np.uint8]]

OPPOSITE = {
    "pan left": "pan right",
    "tilt up": "tilt down",
    "zoom in": "zoom out",
    "roll clockwise": "roll counter-clockwise",
}
OPPOSITE |= {after: before for before, after in OPPOSITE.items()}
MIRRORED = [move for move in OPPOSITE if move.startswith(("pan", "roll"))]


@pytest.fixture(scope="module")
def model() -> Model:
    return load_model("camera-motion")


@pytest.fixture(scope="module")
def moves(model: Model) -> dict[str, Pictures]:
    """What the model sees of each move in the clip."""
    pace, seen = Pace(model.manifest.fps), []
    with open_source(CLIP) as source:
        seen = [(f.timestamp, f.image) for f in source if pace.due(f.timestamp)]
    done = json.loads(CLIP.with_suffix(".json").read_text())
    return {
        row["label"]: [image for time, image in seen if row["start"] <= time < row["end"]]
        for row in done
        if row["label"] != "still"
    }


def last_word(model: Model, pictures: Pictures) -> str:
    stream = model.stream()
    return [stream.step(Frame(p, n / 5, n)) for n, p in enumerate(pictures)][-1].top.label


def test_it_is_small_and_ready_for_every_board() -> None:
    data = CAMERA_MOTION.path.read_bytes()
    assert len(data) <= 2_000_000
    described = manifest.read(data)
    assert described is not None
    assert described.provenance["rewrite"]  # so that loading it prepares nothing
    assert len(described.labels) == 11
    assert not described.follow_scene


@pytest.mark.parametrize("move", OPPOSITE)
def test_backwards_is_the_opposite(model: Model, moves: dict[str, Pictures], move: str) -> None:
    assert last_word(model, moves[move]) == move
    assert last_word(model, moves[move][::-1]) == OPPOSITE[move]


@pytest.mark.parametrize("move", MIRRORED)
def test_mirrored_is_the_opposite(model: Model, moves: dict[str, Pictures], move: str) -> None:
    mirrored = [np.ascontiguousarray(picture[:, ::-1]) for picture in moves[move]]
    assert last_word(model, mirrored) == OPPOSITE[move]


@pytest.mark.parametrize("move", OPPOSITE)
def test_one_picture_shows_no_move(model: Model, moves: dict[str, Pictures], move: str) -> None:
    assert last_word(model, [moves[move][-1]] * 10) == "still"


@pytest.mark.parametrize("move", OPPOSITE)
def test_nor_do_pictures_in_disorder(model: Model, moves: dict[str, Pictures], move: str) -> None:
    pictures = moves[move]
    order = [(7 * n) % len(pictures) for n in range(len(pictures))]  # never to a neighbour
    assert sorted(order) == list(range(len(pictures)))
    assert min(abs(a - b) for a, b in pairwise(order)) > 1
    assert last_word(model, [pictures[n] for n in order]) != move
