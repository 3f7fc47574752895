"""Files that appear whole or not at all, and what a killed process leaves."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from edgevid import OutputError
from edgevid.support.atomic_file import AtomicFile, atomic_file, sweep

WRITER = """
import sys
from pathlib import Path
from edgevid.support.atomic_file import AtomicFile
whole = AtomicFile(Path(sys.argv[1]))
whole.path.write_bytes(b"half")
print("writing", flush=True)
sys.stdin.read()
"""


def writer(target: Path) -> subprocess.Popen[str]:
    """Starts a process that is in the middle of writing a file."""
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(target)],
        stdin=subprocess.PIPE,  # it ends when this is closed
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    assert process.stdout.readline() == "writing\n"
    return process


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def stand_ins(folder: Path) -> list[Path]:
    return list(folder.glob(".*.part*"))


@pytest.mark.parametrize("target", ["out.mp4", "another.json"])
def test_what_a_killed_process_left_goes_with_the_next_file(tmp_path: Path, target: str) -> None:
    with writer(tmp_path / "out.mp4") as process:
        process.kill()
    assert len(stand_ins(tmp_path)) == 1
    with atomic_file(tmp_path / target) as file:
        file.write(b"whole")
    assert names(tmp_path) == [target]


def test_a_file_that_is_being_written_stays(tmp_path: Path) -> None:
    with writer(tmp_path / "out.mp4") as process:
        with atomic_file(tmp_path / "out.mp4") as file:
            assert sweep(tmp_path) == 0
            file.write(b"whole")
        assert [path.read_bytes() for path in stand_ins(tmp_path)] == [b"half"]
        process.kill()
    assert sweep(tmp_path) == 1
    assert names(tmp_path) == ["out.mp4"]


def test_a_sweep_takes_nothing_else(tmp_path: Path) -> None:
    others = [".out.part.mp4", "out.0a1b2c3d.part.mp4", ".out.0a1b2c3.part", ".x.part.0a1b2c3d"]
    for name in others:
        (tmp_path / name).touch()
    (tmp_path / ".folder.0a1b2c3d.part").mkdir()
    outside = tmp_path / "outside"
    outside.touch()
    (tmp_path / ".link.0a1b2c3d.part").symlink_to(outside)
    before = names(tmp_path)
    assert sweep(tmp_path) == 0
    assert names(tmp_path) == before
    assert sweep(tmp_path / "missing") == 0


def test_sweeps_and_writers_at_once(tmp_path: Path) -> None:
    """A new stand-in is never taken between its making and its lock."""
    done = threading.Event()

    def keep_sweeping() -> None:
        while not done.is_set():
            sweep(tmp_path)

    sweepers = [threading.Thread(target=keep_sweeping) for _ in range(2)]
    for sweeper in sweepers:
        sweeper.start()
    try:
        for number in range(200):
            with atomic_file(tmp_path / "out.json") as file:
                file.write(b"%d" % number)
            assert (tmp_path / "out.json").read_bytes() == b"%d" % number
    finally:
        done.set()
        for sweeper in sweepers:
            sweeper.join()
    assert names(tmp_path) == ["out.json"]


def test_no_descriptor_stays_open(tmp_path: Path) -> None:
    def opened() -> int:
        return len(os.listdir("/proc/self/fd"))  # noqa: PTH208

    before = opened()
    for _ in range(3):
        with atomic_file(tmp_path / "out.json") as file:
            file.write(b"1")
        AtomicFile(tmp_path / "out.json").discard()
        with pytest.raises(OutputError, match="it is a folder"):
            AtomicFile(tmp_path)
    assert opened() == before


def test_names_of_all_kinds(tmp_path: Path) -> None:
    for name in ("x" * 251 + ".mp4", os.fsdecode(b"caf\xe9.mp4"), "no suffix", ".hidden", "a\nb.c"):
        with atomic_file(tmp_path / name) as file:
            file.write(b"1")
            assert sweep(tmp_path) == 0
        assert (tmp_path / name).read_bytes() == b"1"


def test_a_link_is_followed_and_a_device_stays_a_device(tmp_path: Path) -> None:
    (tmp_path / "real.json").write_bytes(b"old")
    (tmp_path / "link.json").symlink_to("real.json")
    with atomic_file(tmp_path / "link.json") as file:
        file.write(b"new")
    assert (tmp_path / "real.json").read_bytes() == b"new"
    assert (tmp_path / "link.json").is_symlink()
    null = tmp_path / "null"
    null.symlink_to(os.devnull)
    with atomic_file(null) as file:
        file.write(b"gone")
    AtomicFile(null).discard()
    assert Path(os.devnull).is_char_device()
    assert null.is_symlink()
