from __future__ import annotations

import numpy as np

from benchmarks.follow_gestures import DISTANCES, Described, Row, compare, summed


def clips() -> list[Row]:
    return [
        {"label": label, "subject": f"S{person}", "path": f"S{person}_{label}_{n}_{distance}_full"}
        for label in ("stop", "go")
        for person in range(4)
        for distance in DISTANCES
        for n in range(2)
    ]


def test_a_clip_is_its_mean_and_how_it_changes() -> None:
    features = np.array([[0.0], [4.0], [16.0]], np.float32)
    assert summed(features).tolist() == [2.0, 4.0]


def test_ways_are_compared_on_people_who_were_not_shown() -> None:
    rows = clips()
    chance = np.random.default_rng(0)
    telling: Described = {
        row["path"]: np.array([float(row["label"] == "go"), 0.1 * chance.random()]) for row in rows
    }
    nothing: Described = {path: chance.random(2) for path in telling}
    lost: Described = {path: None if "_6m_" in path else values for path, values in telling.items()}
    found = compare(rows, {"whole": nothing, "one": telling, "lost": lost}, draws=5, seed=0)
    by = {(row["way"], row["distance"]): row for row in found}
    assert by["one", "6m"]["told right"] == 1
    assert by["one", "6m"]["more than whole"] > 0.2
    assert by["lost", "6m"]["told right"] == 0
    assert by["lost", "6m"]["nothing followed"] == 16
    assert by["lost", "1m"]["told right"] == 1
