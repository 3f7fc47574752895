from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from export.data.npz import DamagedError, read


@pytest.fixture
def path(tmp_path: Path) -> Path:
    np.savez(tmp_path / "x.npz", a=np.arange(12.0).reshape(3, 4), b=np.array("text"))
    return tmp_path / "x.npz"


def test_what_was_written(path: Path) -> None:
    found = read(path)
    assert sorted(found) == ["a", "b"]
    assert found["a"].shape == (3, 4)


def test_every_byte_may_be_another(path: Path) -> None:
    """Which some readers of such a file take for encryption, or for an unknown compression."""
    whole, refused = path.read_bytes(), 0
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
        try:
            read(path)
        except DamagedError:
            refused += 1
    assert refused > len(whole) / 2


@pytest.mark.parametrize("length", [0, 3, 100, -1])
def test_files_that_are_cut_off(path: Path, length: int) -> None:
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(DamagedError):
        read(path)


def test_other_files(tmp_path: Path) -> None:
    with pytest.raises(DamagedError, match="No such file"):
        read(tmp_path / "absent.npz")
    np.save(tmp_path / "one.npy", np.zeros(3))
    with pytest.raises(DamagedError):
        read(tmp_path / "one.npy")
