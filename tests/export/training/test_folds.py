"""How variations are compared; ``tests/export/test_run.py`` trains some."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def folds(network_module: Any) -> Any:
    from export.training import folds

    return folds


def test_a_variation_is_compared_fold_by_fold_and_clip_by_clip(folds: Any) -> None:
    people = {f"{person}{n}": person for person in "ab" for n in range(4)}

    def found(name: str, *right: str) -> Any:
        sides = [[path for path in people if people[path] == person] for person in "ab"]
        return folds.Validated(name, tuple({p: p in right for p in side} for side in sides), people)

    base = found("base", "a0", "a1", "b0")
    other = found("other", "a0", "a2", "a3", "b0", "b1", "b2")
    assert base.top1 == [0.5, 0.25]
    lines = folds.table([base, other]).splitlines()
    assert lines[2] == "| base | 0.500 / 0.250 | 0.375 ± 0.125 |  |  |"
    assert lines[3] == "| other | 0.750 / 0.750 | 0.750 ± 0.000 | +0.375 ± 0.125 | 4, 1 |"
    assert lines[-3:] == [
        "|---|---|---|", "| base | 0.500 | 0.250 |", "| other | 0.750 | 0.750 |"
    ]  # fmt: skip


def test_a_damaged_result_is_one_line(folds: Any, tmp_path: Path) -> None:
    from edgevid.errors import ModelError
    from export.training.finetune import Job

    job = Job(data=tmp_path, out=tmp_path)
    assert folds.done(job) is None
    for text in ("{", "{}", "[]"):
        (tmp_path / "folds.json").write_text(text)
        with pytest.raises(ModelError, match=r"folds\.json"):
            folds.done(job)
