from __future__ import annotations

import os
import stat
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from edgevid.errors import OutputError, SourceError, UsageError
from edgevid.runtime.feature_file import Network
from edgevid.runtime.kept_features import FeatureWriter, KeptFeatures, Segment

NETWORK = Network("0f" * 32, "mini", 48, 5.0)
Rows = NDArray[np.float32]


def rows(count: int, *, seed: int = 0) -> Rows:
    """Features as networks give them: many zeros, few that are large."""
    rng = np.random.default_rng(seed)
    return np.maximum(0, rng.normal(-0.3, 0.5, (count, NETWORK.features))).astype(np.float32)


def keep(path: Path, *parts: Rows, network: Network = NETWORK, budget: int = 1_000_000) -> None:
    """Writes parts that have nothing to do with one another."""
    with FeatureWriter(path, network, budget) as kept:
        for part in parts:
            add(kept, part)
            kept.end()


def add(kept: FeatureWriter, part: Rows) -> None:
    for number, row in enumerate(part):
        kept.add(row, number / 5)


def runs(path: Path) -> list[Rows]:
    """What a file holds, each part in one piece again."""
    found: list[Rows] = []
    for segment in KeptFeatures(path):
        if segment.follows:
            found[-1] = np.concatenate([found[-1], segment.features])
        else:
            found.append(segment.features)
    return found


def assert_alike(found: Rows, kept: Rows) -> None:
    assert found.shape == kept.shape
    assert found.dtype == np.float32
    assert np.sqrt(np.mean((found - kept) ** 2)) < 0.01 * kept.std()


def test_what_is_kept_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "front.features"
    parts = rows(1), rows(299), rows(300), rows(950, seed=1)
    keep(path, *parts)
    assert KeptFeatures(path).network == NETWORK
    for found, kept in zip(runs(path), parts, strict=True):
        assert_alike(found, kept)


@pytest.mark.parametrize("low", [0.0, -0.375])
def test_features_may_be_negative_and_all_alike(tmp_path: Path, low: float) -> None:
    flat = np.full((20, NETWORK.features), low, np.float32)
    mixed = rows(20) + np.float32(low)
    keep(tmp_path / "file", flat, mixed)
    found = runs(tmp_path / "file")
    assert np.array_equal(found[0], flat)
    assert_alike(found[1], mixed)


def test_it_goes_on_where_it_ended(tmp_path: Path) -> None:
    path = tmp_path / "front.features"
    keep(path, rows(310))
    keep(path, rows(5, seed=1))
    assert [len(run) for run in runs(path)] == [310, 5]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert os.listdir(tmp_path) == ["front.features"]  # noqa: PTH208


def test_the_oldest_make_room_for_the_newest(tmp_path: Path) -> None:
    path = tmp_path / "front.features"
    # Noise, which cannot be compressed: 14,400 bytes a minute and a head.
    rng = np.random.default_rng(0)
    minutes = [rng.random((300, NETWORK.features), np.float32) for _ in range(150)]
    for first in range(0, 150, 30):
        keep(path, *minutes[first : first + 30])
        assert path.stat().st_size <= 1_000_000
    found = runs(path)
    assert len(found) >= 60
    for run, kept in zip(found, minutes[-len(found) :], strict=True):
        assert_alike(run, kept)


def test_a_smaller_budget_keeps_the_newest(tmp_path: Path) -> None:
    path = tmp_path / "front.features"
    rng = np.random.default_rng(0)
    minutes = [rng.random((300, NETWORK.features), np.float32) for _ in range(120)]
    keep(path, *minutes, budget=3_000_000)
    assert len(runs(path)) == 120
    keep(path, minutes[0], budget=1_000_000)
    assert path.stat().st_size <= 1_000_000
    found = runs(path)
    assert_alike(found[-1], minutes[0])
    for run, kept in zip(found[:-1], minutes[-len(found) + 1 :], strict=True):
        assert_alike(run, kept)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_whatever_is_damaged_the_rest_is_there(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("kept") / "front.features"
    parts = [rows(40, seed=seed) for seed in range(12)]
    keep(path, *parts)
    content = bytearray(path.read_bytes())
    if data.draw(st.booleans()):  # cut off, as by a crash
        content = content[: data.draw(st.integers(4096, len(content)))]
    for _ in range(data.draw(st.integers(0, 3))):  # or overwritten
        place = data.draw(st.integers(4096, len(content)))
        content[place : place + 64] = data.draw(st.binary(max_size=64))
    path.write_bytes(content)
    for found in runs(path):
        assert any(
            found.shape == part.shape and np.allclose(found, part, atol=0.05) for part in parts
        )
    keep(path, rows(7, seed=99))
    assert_alike(runs(path)[-1], rows(7, seed=99))


def test_a_half_written_minute_is_passed_over_and_what_follows_does_not_follow(
    tmp_path: Path,
) -> None:
    path = tmp_path / "front.features"
    keep(path, rows(900))
    content = bytearray(path.read_bytes())
    second = content.index(b"EVfeat", content.index(b"EVfeat") + 1)
    content[second + 100] ^= 1
    path.write_bytes(content)
    assert [len(run) for run in runs(path)] == [300, 300]


def test_it_can_be_read_while_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "front.features"
    with FeatureWriter(path, NETWORK) as kept:
        add(kept, rows(700))
        assert [len(run) for run in runs(path)] == [600]
        with pytest.raises(OutputError, match="another process keeps features in it"):
            FeatureWriter(path, NETWORK)
    assert [len(run) for run in runs(path)] == [700]
    FeatureWriter(path, NETWORK).close()


def test_a_full_disk_costs_minutes_and_not_what_was_kept(small_disk: Path) -> None:
    path = small_disk / "front.features"
    rng = np.random.default_rng(0)
    minute = rng.random((300, NETWORK.features), np.float32)
    keep(path, minute)
    with pytest.raises(OSError, match="No space"):
        (small_disk / "other").write_bytes(bytes(2_000_000))
    kept = FeatureWriter(path, NETWORK)
    add(kept, minute[:-1])
    with pytest.raises(OutputError, match="features cannot be kept: No space left on device"):
        kept.add(minute[-1], 60.0)
    assert [len(run) for run in runs(path)] == [300]
    (small_disk / "other").unlink()
    add(kept, minute[:200])
    kept.close()
    assert [len(run) for run in runs(path)] == [300, 200]
    kept.close()


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"some other file", "is no file of kept features"),
        (b"edgevid features\n{", "its beginning is damaged"),
        (b"edgevid features\n[]\n", "its beginning is damaged"),
        (b"edgevid features\n\xff\n", "its beginning is damaged"),
        (b'edgevid features\n{"format": 2}\n', "is of format 2: upgrade edgevid"),
        (
            b'edgevid features\n{"format": 1, "network": "", "model": "", "features": 0, "fps": 5}',
            "its beginning is damaged",
        ),
    ],
)
def test_another_file_is_left_alone(tmp_path: Path, content: bytes, problem: str) -> None:
    path = tmp_path / "front.features"
    path.write_bytes(content)
    with pytest.raises(SourceError, match=problem):
        KeptFeatures(path)
    with pytest.raises(UsageError, match=problem):
        FeatureWriter(path, NETWORK)
    assert path.read_bytes() == content


def test_what_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="cannot be read: No such file"):
        KeptFeatures(tmp_path / "none")
    with pytest.raises(UsageError, match="is no file"):
        FeatureWriter(tmp_path, NETWORK)
    with pytest.raises(OutputError, match="cannot be written: No such file"):
        FeatureWriter(tmp_path / "none" / "file", NETWORK)
    with pytest.raises(UsageError, match="a megabyte at least"):
        FeatureWriter(tmp_path / "file", NETWORK, 999)


def test_features_of_two_networks_are_not_mixed(tmp_path: Path) -> None:
    path = tmp_path / "front.features"
    keep(path, rows(3))
    renamed = Network(NETWORK.sha256, "taught", NETWORK.features, NETWORK.fps)
    keep(path, rows(4), network=renamed)
    assert [len(run) for run in runs(path)] == [3, 4]
    with pytest.raises(UsageError, match="holds features of mini, which those of other cannot"):
        keep(path, rows(5), network=Network("ff", "other", NETWORK.features, NETWORK.fps))
    assert [len(run) for run in runs(path)] == [3, 4]


def test_nothing_follows_over_a_gap_or_a_jump_back(tmp_path: Path) -> None:
    path = tmp_path / "front.features"
    with FeatureWriter(path, NETWORK) as kept:
        for timestamp in (0.0, 0.2, 0.4, 1.4, 2.6, 2.8, 0.0):
            kept.add(rows(1)[0], timestamp)
    assert [len(run) for run in runs(path)] == [4, 2, 1]


def test_a_segment_says_when_it_was_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgevid.runtime.kept_features.time.time", lambda: 1.7e9)
    keep(tmp_path / "file", rows(3))
    (segment,) = KeptFeatures(tmp_path / "file")
    assert isinstance(segment, Segment)
    assert segment.started == 1.7e9


def test_hours_can_be_copied_to_a_file_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, parts = tmp_path / "kept", [rows(300, seed=n) for n in range(4)]
    clock = iter([0.0, 60.0, 120.0, 500.0])
    monkeypatch.setattr("edgevid.runtime.kept_features.time.time", lambda: next(clock))
    keep(path, *parts)
    kept = KeptFeatures(path)
    assert kept.spans == [(0.0, 60.0), (60.0, 120.0), (120.0, 180.0), (500.0, 560.0)]
    assert kept.copy(tmp_path / "copy", 30.0, 200.0) == 600
    assert [segment.started for segment in KeptFeatures(tmp_path / "copy")] == [60.0, 120.0]
    found = np.concatenate([segment.features for segment in KeptFeatures(tmp_path / "copy")])
    assert_alike(found, np.concatenate(parts[1:3]))
    assert kept.copy(tmp_path / "none", 190.0, 400.0) == 0
    assert not (tmp_path / "none").exists()
