"""The parts of the archive's benchmarks that compute."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip(
    "pyarrow", reason="the extra archive cannot be loaded", exc_type=ImportError
)  # such as the newest with NumPy 1

import pyarrow.parquet as pq

from benchmarks import archive_search
from benchmarks.archive_kills import content, whole_rows
from benchmarks.archive_like import average_precision
from edgevid.archive import Archive, Settings, find, search
from edgevid.archive.index import index
from edgevid.prepare import prepare
from tests.conftest import moving_pictures, write_video
from tests.prepare.mini_movinet import LABELS, mini_movinet


def test_average_precision() -> None:
    assert average_precision([True, True, False], 2) == 1
    assert average_precision([False, True, False, True], 2) == pytest.approx((1 / 2 + 2 / 4) / 2)
    assert average_precision([True, False], 2) == 0.5  # one never came


@pytest.fixture(scope="module")
def seed(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    folder = tmp_path_factory.mktemp("seed")
    model = folder / "mini.tflite"
    model.write_bytes(prepare(mini_movinet(int8=True, se=False), name="mini", labels=LABELS).data)
    clip = write_video(folder / "clip.mp4", moving_pictures(60), fps=10)
    index(find([str(clip)]), folder / "archive", Settings(str(model)), workers=1)
    return Archive(folder / "archive")


def test_an_archive_is_repeated(seed: Archive, tmp_path: Path) -> None:
    archive_search.repeated(seed, tmp_path / "large", 6)
    large = Archive(tmp_path / "large")
    assert len(large.contents()) == 6
    windows = content(large.folder)[1]
    assert len(windows) == pytest.approx(6 * 3600 / 6, rel=0.05)  # the clip is one window of 6 s
    examples = np.ones((1, large.description.network.features), np.float32)
    assert len(search.by_example(large, examples, most=5)) == 5


def test_tables_that_do_not_say_the_same_are_noticed(seed: Archive, tmp_path: Path) -> None:
    copy = Archive(Path(shutil.copytree(seed.folder, tmp_path / "copy")))
    (part,) = copy.parts()
    steps, windows = (pq.ParquetFile(place(part)).read() for place in (copy.steps, copy.windows))
    assert whole_rows(copy.folder) == len(steps)
    pq.write_table(windows.slice(1), copy.windows(part))
    assert whole_rows(copy.folder) is None
    copy.remove(part)
    assert whole_rows(copy.folder) == 0
