from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgevid.archive import Settings, processes
from edgevid.errors import EdgevidError
from edgevid.prepare import prepare
from tests.conftest import write_video
from tests.prepare.mini_movinet import LABELS, mini_movinet

pytest.importorskip(
    "pyarrow", reason="the extra archive cannot be loaded", exc_type=ImportError
)  # such as the newest with NumPy 1
pytest.importorskip("duckdb", reason="the extra archive is not installed")

COLOURS = {"red": (250, 20, 20), "green": (20, 240, 30), "blue": (10, 30, 250)}


@pytest.fixture(scope="session")
def mini(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network in miniature that gives eight features."""
    path = tmp_path_factory.mktemp("model") / "mini.tflite"
    path.write_bytes(prepare(mini_movinet(int8=True, se=False), name="mini", labels=LABELS).data)
    return path


@pytest.fixture(scope="session")
def settings(mini: Path) -> Settings:
    """With rules by which a network that knows nothing has events."""
    rules = mini.with_name("rules.toml")
    rules.write_text(
        "format = 1\non_threshold = 0.26\noff_threshold = 0.25\nmin_duration = 0\ncool_down = 0\n"
    )
    return Settings(str(mini), rules=str(rules))


def video(path: Path, colour: str, *, seconds: float = 4.0, seed: int = 0) -> Path:
    """A video of one colour, whose noise tells it from others of the colour."""
    random = np.random.default_rng(seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = np.zeros((48, 64, 3), np.int16) + np.array(COLOURS[colour], np.int16)
    pictures = [
        np.clip(picture + random.integers(-60, 60, picture.shape), 0, 255).astype(np.uint8)
        for _ in range(round(5 * seconds))
    ]
    return write_video(path, pictures, fps=5.0)


@pytest.fixture(scope="session")
def footage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five recordings of two cameras, as Frigate lays them out."""
    folder = tmp_path_factory.mktemp("footage")
    for number, (place, colour) in enumerate(
        (
            ("2026-05-01/08/yard/00.00", "red"),
            ("2026-05-01/08/yard/10.00", "green"),
            ("2026-05-01/23/yard/59.58", "blue"),
            ("2026-05-02/09/gate/00.30", "red"),
            ("2026-05-02/09/gate/01.30", "green"),
        )
    ):
        video(folder / f"{place}.mp4", colour, seed=number, seconds=8 if number == 0 else 4)
    return folder


@pytest.fixture
def inline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Works in this process, which starts sooner than another."""

    def run(
        work: Callable[[Any], Any], tasks: Iterable[Any], count: int
    ) -> Iterator[tuple[Any, Any]]:
        for task in tasks:
            try:
                yield task, work(task)
            except EdgevidError as error:
                yield task, error

    monkeypatch.setattr(processes, "run", run)
