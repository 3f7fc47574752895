"""The emulated boards. Counting needs the sysroot that ``make bench-arm`` builds.

``EDGEVID_ARM_ROOT`` names its folder; without it the tests that count are skipped.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.arm.__main__ import (
    COUNTED,
    Counts,
    exceeding,
    key,
    measure,
    references,
    ways,
)
from benchmarks.arm.boards import BOARDS, Board
from benchmarks.arm.emulation import run
from edgevid.errors import EdgevidError, MissingDependencyError
from edgevid.models.catalog import CAMERA_MOTION
from edgevid.prepare import prepare
from tests.conftest import LabelledClip

any_board = pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.name)


@pytest.fixture(scope="session")
def root() -> Path:
    folder = os.environ.get("EDGEVID_ARM_ROOT")
    if not folder:
        pytest.skip("no EDGEVID_ARM_ROOT: `make bench-arm` builds it")
    return Path(folder).resolve()


@pytest.fixture(scope="session")
def pictures() -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (3, 172, 172, 3), np.uint8)


@any_board
def test_a_step_takes_no_more_instructions_than_it_did(
    board: Board, root: Path, published_path: Path, carving_ice: Path
) -> None:
    pictures = np.stack(LabelledClip(carving_ice, "").pictures(COUNTED))
    published = published_path.read_bytes()
    prepared = prepare(published, name="a0", target=board.name).data
    file = f"prepared for {board.name}"
    counts, (parity,) = measure({file: ("edgevid", prepared)}, pictures, root, [board])
    reference = references()[key(published)]
    assert set(reference["instructions"][file]) >= set(counts[file])  # there is one to compare with
    assert exceeding(counts, published) == []
    assert parity["same top-1"] == f"{COUNTED} of {COUNTED}"


@any_board
def test_the_bundled_model_takes_no_more_either(board: Board, root: Path) -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (COUNTED, 96, 96, 3), np.uint8)
    data = CAMERA_MOTION.path.read_bytes()
    counts, (parity,) = measure(ways(data), pictures, root, [board])
    (file,) = counts
    assert references()[key(data)]["instructions"][file].keys() >= counts[file].keys()
    assert exceeding(counts, data) == []
    assert parity["same top-1"] == f"{COUNTED} of {COUNTED}"


def test_a_count_may_grow_by_two_per_cent_and_no_more(published_path: Path) -> None:
    published = published_path.read_bytes()
    reference = references()[key(published)]
    kept: Counts = reference["instructions"]

    def grown(by: float) -> Counts:
        return {"published": {"pi4": {"invoke": int(kept["published"]["pi4"]["invoke"] * by)}}}

    assert exceeding(grown(1.019), published) == []
    (line,) = exceeding(grown(1.021), published)
    assert line.startswith("published, pi4, invoke: ")
    assert exceeding(grown(9), published + b"another file") == []


def test_a_program_that_fails_says_where_and_why(
    tmp_path: Path, pictures: NDArray[np.uint8]
) -> None:
    with pytest.raises(EdgevidError, match=r"this machine failed \(1\): .*ModelError: .*model"):
        run("edgevid", b"no model", pictures, None, tmp_path)


def test_without_a_sysroot_it_says_how_to_get_one(
    tmp_path: Path, pictures: NDArray[np.uint8]
) -> None:
    with pytest.raises(MissingDependencyError, match="make bench-arm"):
        run("edgevid", b"", pictures, BOARDS[0], tmp_path)


@any_board
def test_cpuinfo_reads_as_linux_writes_it(board: Board) -> None:
    cores = board.cpuinfo.strip().split("\n\n")
    assert len(cores) == 4
    fields = dict(line.split("\t: ") for line in cores[3].splitlines() if "\t: " in line)
    assert fields["processor"] == "3"
    assert fields["CPU part"] == {"pi4": "0xd08", "pi5": "0xd0b"}[board.name]
    assert ("asimddp" in fields["Features"].split()) == (board.name == "pi5")
