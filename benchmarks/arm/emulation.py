"""Runs Python programs on an emulated board, or here."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.arm import guest
from benchmarks.arm.boards import Board
from edgevid.errors import EdgevidError, MissingDependencyError

PLUGIN = "count.so"

_PROJECT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Run:
    """What came of stepping a model over pictures.

    Attributes:
        logits: float32 ``[frames, classes]``.
        step: instructions of one step, the median over all but the first; 0 if not emulated.
            From the input's picture to the logits, with everything that Python, numpy and the
            runtime do on the way: the picture and the states into place, ``invoke``, the
            logits out.
        invoke: instructions of the runtime's ``invoke`` alone.
    """

    logits: NDArray[np.float32]
    step: int = 0
    invoke: int = 0


def run(
    how: str, model: bytes, pictures: NDArray[np.uint8], board: Board | None, root: Path
) -> Run:
    """Steps a model over pictures.

    Args:
        how: ``example`` or ``edgevid``; see ``guest``.
        model: the content of the ``.tflite`` file.
        pictures: RGB, uint8, ``[frames, height, width, 3]``.
        board: the board to emulate; None runs it on this machine.
        root: the sysroot.

    Raises:
        MissingDependencyError: the sysroot has not been built.
        EdgevidError: the program failed; the message holds its last line.
    """
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder, name) for name in ("model.tflite", "pictures.npy", "logits.npy")]
        counts = Path(folder, "counts.txt")
        paths[0].write_bytes(model)
        np.save(paths[1], pictures)
        python = [sys.executable] if board is None else _counting(board, root, counts)
        _execute([*python, guest.__file__, how, *map(str, paths)], board, root)
        logits = np.load(paths[2])
        if board is None:
            return Run(logits)
        marks = np.array(counts.read_text().split(), np.int64).reshape(-1, 2)
    spans = marks[:, 1] - marks[:, 0]
    steps, invokes = spans[: len(pictures)], spans[len(pictures) :]
    return Run(logits, int(np.median(steps[1:])), int(np.median(invokes)))


def count(script: str, arguments: Sequence[str], board: Board, root: Path) -> list[int]:
    """Returns the instructions between each two marks that a script makes on an emulated board.

    Raises:
        MissingDependencyError: the sysroot has not been built.
        EdgevidError: the script failed; the message holds its last line.
    """
    with tempfile.TemporaryDirectory() as folder:
        counts = Path(folder, "counts.txt")
        _execute([*_counting(board, root, counts), script, *arguments], board, root)
        marks = np.array(counts.read_text().split(), np.int64).reshape(-1, 2)
    return [int(span) for span in marks[:, 1] - marks[:, 0]]


def emulated(board: Board, root: Path, *options: str) -> list[str]:
    """Returns the command that starts the board's Python under QEMU.

    QEMU is started by its own loader, so that it needs no library of this machine.

    Args:
        board: the board to emulate.
        root: the sysroot.
        options: more of QEMU's own.

    Raises:
        MissingDependencyError: the sysroot has not been built.
    """
    host = root / "host"
    if not (root / PLUGIN).exists():  # which is made last
        raise MissingDependencyError(f"no ARM sysroot in {root}: `make bench-arm` builds it")
    libraries = f"{host}/usr/lib/x86_64-linux-gnu:{host}/lib/x86_64-linux-gnu"
    return [
        f"{host}/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2", "--library-path", libraries,
        f"{host}/usr/bin/qemu-aarch64", "-cpu", board.cpu, "-L", str(root / board.name),
        *options, str(root / "guest/usr/bin/python3.11"),
    ]  # fmt: skip


def _counting(board: Board, root: Path, counts: Path) -> list[str]:
    return emulated(board, root, "-plugin", f"{root / PLUGIN},out={counts}")


def _execute(words: list[str], board: Board | None, root: Path) -> None:
    site = [str(root / "site")] if board else []
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(_PROJECT), *site]),
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }
    ended = subprocess.run(words, env=environment, capture_output=True, text=True)
    if ended.returncode:
        last = (ended.stderr.strip().splitlines() or ["no message"])[-1]
        where = board.title if board else "this machine"
        raise EdgevidError(f"stepping the model on {where} failed ({ended.returncode}): {last}")
