"""How often the way to a model looks at what: each thing once."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from benchmarks.parts.tiny_model import LABELS, tiny_model
from edgevid import load_model
from edgevid.modelfile import flatbuffer
from edgevid.models import locate


def counted(monkeypatch: pytest.MonkeyPatch, module: ModuleType, name: str) -> list[Any]:
    """Returns the list into which each call of a function, from now on, puts its arguments."""
    calls: list[Any] = []
    function = getattr(module, name)

    def count(*given: Any) -> Any:
        calls.append(given)
        return function(*given)

    monkeypatch.setattr(module, name, count)
    return calls


def test_a_file_is_parsed_once_the_first_time_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "tiny.tflite"
    path.write_bytes(tiny_model())
    parsed = counted(monkeypatch, flatbuffer, "read")
    for _ in range(2):
        parsed.clear()
        load_model(path, labels=LABELS, prepare=False)
        assert len(parsed) == 1


def test_auto_is_looked_for_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "movinet-a0.tflite").write_bytes(tiny_model())
    found = counted(monkeypatch, locate, "find")
    load_model("auto", labels=LABELS)
    assert len(found) == 1
