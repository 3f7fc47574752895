from __future__ import annotations

import numpy as np
import pytest

from edgevid.errors import ModelError
from edgevid.modelfile import head
from edgevid.modelfile.head import Head, unpacked
from edgevid.runtime.head import HeadState, RunningMeans
from edgevid.runtime.topk import probability

RANDOM = np.random.default_rng(5)
FEATURES = RANDOM.normal(size=(40, 6)).astype(np.float32)
WINDOWS = (1, 3, 8)
HEAD = Head(
    WINDOWS,
    RANDOM.normal(size=(2, 18)).astype(np.float32),
    RANDOM.normal(size=2).astype(np.float32),
    roots=1,
)


def test_means_are_those_of_the_last_frames() -> None:
    means = RunningMeans(6, WINDOWS)
    for number, features in enumerate(FEATURES, 1):
        right = [FEATURES[max(0, number - window) : number].mean(axis=0) for window in WINDOWS]
        np.testing.assert_allclose(means.add(features), np.concatenate(right), atol=1e-6)


@pytest.mark.parametrize("frames", [0, 1, 5, 8, 21])
def test_what_is_saved_goes_on_to_the_bit(frames: int) -> None:
    first, second = RunningMeans(6, WINDOWS), RunningMeans(6, WINDOWS)
    for features in FEATURES[:frames]:
        first.add(features)
    second.add(FEATURES[30])
    second.restore(first.save())
    for features in FEATURES[frames : frames + 10]:
        assert np.array_equal(first.add(features), second.add(features))


def test_a_head_is_weights_times_means() -> None:
    state, means = HeadState(HEAD), RunningMeans(6, WINDOWS)
    for features in FEATURES:
        right = HEAD.weights @ means.add(np.sqrt(np.maximum(features, 0))) + HEAD.bias
        np.testing.assert_allclose(state.step(features), right, atol=1e-6)
    state.means.clear()
    right = HEAD.weights @ np.tile(np.sqrt(np.maximum(FEATURES[0], 0)), 3) + HEAD.bias
    np.testing.assert_allclose(state.step(FEATURES[0]), right, atol=1e-6)


def test_it_comes_back_as_it_was() -> None:
    found = unpacked(HEAD.described(), HEAD.packed(), 2)
    assert found.windows == WINDOWS
    assert np.array_equal(found.weights, HEAD.weights)
    assert np.array_equal(found.bias, HEAD.bias)
    assert np.array_equal(np.frombuffer(HEAD.packed(), "<f4")[:18], HEAD.weights[0])


@pytest.mark.parametrize(
    "described",
    [
        None,
        [],
        {},
        {**HEAD.described(), "kind": "oracle"},
        {**HEAD.described(), "features": 6.0},
        {**HEAD.described(), "features": True},
        {**HEAD.described(), "features": 1 << 40},
        {**HEAD.described(), "roots": 3},
        {**HEAD.described(), "roots": None},
        {**HEAD.described(), "windows": [8, 3, 1]},
        {**HEAD.described(), "windows": [0, 3, 8]},
        {**HEAD.described(), "windows": [1, 3, 10**9]},
        {**HEAD.described(), "windows": [1, 3]},
        {**HEAD.described(), "windows": [1, 3, "8"]},
        {**HEAD.described(), "windows": 3},
        {**HEAD.described(), "windows": []},
    ],
)
def test_a_damaged_description_is_refused(described: object) -> None:
    with pytest.raises(ModelError, match="head"):
        unpacked(described, HEAD.packed(), 2)


def test_damaged_numbers_are_refused() -> None:
    with pytest.raises(ModelError, match="bytes"):
        unpacked(HEAD.described(), HEAD.packed()[:-1], 2)
    broken = Head.packed(HEAD)[:-4] + np.array([np.nan], "<f4").tobytes()
    with pytest.raises(ModelError, match="no number"):
        unpacked(HEAD.described(), broken, 2)


def test_probabilities_never_overflow() -> None:
    assert [probability(logit) for logit in (-1e4, 0.0, 1e4)] == [0.0, 0.5, 1.0]
    assert probability(1.5) == pytest.approx(1 / (1 + np.exp(-1.5)))
    assert head.FILE == "head.f32"
