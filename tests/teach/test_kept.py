"""What a camera kept is background for teaching."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest

from edgevid.errors import UsageError
from edgevid.runtime.feature_file import Network
from edgevid.runtime.kept_features import FeatureWriter
from edgevid.teach import kept
from edgevid.teach.data import Recording
from edgevid.teach.features import Extraction, feature_model
from tests.prepare.mini_movinet import CHANNELS


@pytest.fixture
def extraction(prepared: bytes, tmp_path: Path) -> Extraction:
    return Extraction(feature_model(prepared), "mini", tmp_path / "extracted")


def keep(path: Path, network: Network, *lengths: int) -> np.ndarray:
    """Keeps random features, each part after a break; returns all."""
    features = np.random.default_rng(0).random((sum(lengths), network.features), np.float32)
    with FeatureWriter(path, network) as writer:
        done = 0
        for length in lengths:
            writer.end()
            for number in range(length):
                writer.add(features[done + number], number / 5)
            done += length
    return features


def test_kept_features_are_examples_without_pictures(
    extraction: Extraction, prepared: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "front.features"
    features = keep(path, Network.of(feature_model(prepared)), 700, 40)
    found = extraction.examples([Recording(str(path))], lambda _: None)
    assert [example.recording.source for example in found] == [f"{path}#{n}" for n in (1, 2, 3, 4)]
    assert [len(example.times) for example in found] == [300, 300, 100, 40]
    joined = np.concatenate([example.features for example in found])
    np.testing.assert_allclose(joined, features, atol=0.01)
    assert all(example.breaks[0] and not example.breaks[1:].any() for example in found)
    assert sum(example.seconds for example in found) == pytest.approx(148, abs=1)
    assert not any(example.pictures for example in found)


def test_of_days_an_hour_is_used_spread_over_all(
    extraction: Extraction,
    prepared: bytes,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(kept, "_MOST_FRAMES", 3000)
    caplog.set_level(logging.INFO)
    path = tmp_path / "front.features"
    features = keep(path, Network.of(feature_model(prepared)), 9000)
    found = extraction.examples([Recording(str(path))], lambda _: None)
    assert sum(len(example.times) for example in found) == 3000
    assert len(found) == 10
    np.testing.assert_allclose(found[1].features[0], features[900], atol=0.01)
    assert "one minute of 3 is used" in caplog.text


def test_features_of_another_network_are_refused(extraction: Extraction, tmp_path: Path) -> None:
    path = tmp_path / "front.features"
    keep(path, Network("ff", "other", CHANNELS, 5.0), 20)
    with pytest.raises(UsageError, match="holds features of other, and this is another network"):
        extraction.examples([Recording(str(path))], lambda _: None)


def test_a_file_that_holds_nothing_is_left_out_and_named(
    extraction: Extraction, prepared: bytes, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "front.features"
    keep(path, Network.of(feature_model(prepared)))
    assert extraction.examples([Recording(str(path))], lambda _: None) == []
    assert f"left out: {path}: holds no features" in caplog.text
