from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import structure


@pytest.fixture
def package(tmp_path: Path) -> Path:
    folder = tmp_path / "house"
    (folder / "low").mkdir(parents=True)
    (folder / "low" / "floor.py").write_text("")
    (folder / "high.py").write_text("from house.low import floor\n")
    (folder / "top.py").write_text("import house.high\nfrom house.low.floor import x\n")
    (folder / "run.py").write_text("from house.top import main\nsys.exit(main())\n")
    return folder


def test_rooms_and_their_depth(package: Path) -> None:
    found = structure.rooms(package)
    assert found == {"low": frozenset(), "high": {"low"}, "top": {"high", "low"}}
    assert structure.floors(found) == {"low": 0, "high": 1, "top": 2}


def test_a_circle_is_named(package: Path) -> None:
    (package / "low" / "floor.py").write_text("from house.top import main\n")
    with pytest.raises(ValueError, match="a circle: high -> low -> top -> "):
        structure.floors(structure.rooms(package))


def test_the_drawing_leaves_out_what_follows(package: Path) -> None:
    drawn = structure.drawing(structure.rooms(package))
    assert drawn.count("<line ") == 2
    assert all(f">{room}</text>" in drawn for room in ("low", "high", "top"))


def test_edgevid_has_at_most_five_floors_above_the_ground() -> None:
    assert max(structure.floors(structure.rooms(structure._ROOT)).values()) <= 5
