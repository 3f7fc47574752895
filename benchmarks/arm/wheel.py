"""Tests the wheel on an emulated Raspberry Pi, with the NumPy and OpenCV of Pi OS Bookworm.

    python -m benchmarks.arm.wheel out/wheel/edgevid-X.Y.Z-py3-none-any.whl --root out/arm

Of the tests those run that start no other program: QEMU emulates one process. The tests of models
and of sources are among them, which run LiteRT, NumPy, OpenCV and PyAV as they are published for
aarch64. To be run where the tests are but edgevid is not: ``make check-wheel-arm``.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.arm.boards import BOARDS
from benchmarks.arm.emulation import emulated
from benchmarks.arm.sysroot import LITERT, build, install_wheels
from edgevid.errors import UsageError
from edgevid.support import command

BOOKWORM = ("numpy==1.26.*", "opencv-python-headless==4.11.*")
OTHERS = (f"ai-edge-litert=={LITERT}", "av>=18", "tqdm>=4.66", "pytest>=8", "hypothesis>=6.100")
TESTS = (
    "tests/modelfile",
    "tests/runtime",
    "tests/sinks/test_contract.py",
    "tests/sinks/test_jsonl.py",
    "tests/sinks/test_overlay.py",
    "tests/sources/test_contract.py",
    "tests/sources/test_pictures.py",
    "tests/test_records.py",
)
# Of those, what starts another program.
WITHOUT = (
    "tests/runtime/test_native_stderr.py::test_descriptor_2_stays_what_it_is",
    "tests/runtime/test_native_stderr.py::test_a_model_is_loaded_without_a_word",
    "tests/runtime/test_native_stderr.py::test_a_model_is_loaded_where_standard_error_is_closed",
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns the tests' exit code."""
    parser = command.ArgumentParser(
        prog="python -m benchmarks.arm.wheel", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("wheel", type=Path, help="the wheel to test")
    parser.add_argument("--root", type=Path, required=True, help="for the sysroot; made if needed")
    chosen = parser.parse_args(arguments)
    return command.guard(lambda: _run(chosen.wheel.resolve(), chosen.root.resolve()))


def _run(wheel: Path, root: Path) -> int:
    if not wheel.is_file():
        raise UsageError(f"{wheel}: no such wheel")
    if Path("edgevid").exists():
        raise UsageError("edgevid in this folder would be imported in place of the wheel's")
    build(root)
    site, edgevid = root / "site-bookworm", root / "site-wheel"
    if not site.exists():
        install_wheels(site, (*BOOKWORM, *OTHERS))
    # By itself: what it needs is in the other folder.
    install_wheels(edgevid, ("--no-deps", str(wheel)))
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(map(str, (Path.cwd(), edgevid, site))),
        "PYTHONDONTWRITEBYTECODE": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }
    failed = 0
    for board in BOARDS:
        print(board.title, flush=True)
        left_out = [f"--deselect={test}" for test in WITHOUT]
        chosen = ["-p", "no:cacheprovider", *left_out, *TESTS]
        pytest = [*emulated(board, root), "-m", "pytest", *chosen]
        code = subprocess.run(pytest, env=environment, check=False).returncode
        failed = failed or code
    return failed


if __name__ == "__main__":
    sys.exit(main())
