"""The process that teaches."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from apps.raspberry_pi.review import learn


def test_what_was_extracted_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learn, "_MOST_KEPT", 2)
    for number, name in enumerate(("b", "a", "d", "c")):
        (tmp_path / f"{name}.example").write_bytes(b"x")
        os.utime(tmp_path / f"{name}.example", (number, number))
    learn._bound(tmp_path)
    assert sorted(path.stem for path in tmp_path.iterdir()) == ["c", "d"]
