"""A processor whose wide vectors are hidden from a library."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.parts import hidden_features

pytestmark = pytest.mark.skipif(
    platform.machine() != "x86_64" or not (shutil.which("gcc") and shutil.which("objdump")),
    reason="needs x86, gcc and binutils",
)

ASKING = """
#include <cpuid.h>
unsigned features(unsigned leaf) {
    unsigned a, b, c, d;
    __cpuid_count(leaf, 0, a, b, c, d);
    return leaf == 1 ? c : b;
}
"""
ASK = """
import ctypes, sys
library = ctypes.CDLL(sys.argv[1])
library.features.restype = ctypes.c_uint
print(library.features(1), library.features(7))
"""
AVX, AVX2, AVX512 = 1 << 28, 1 << 5, 1 << 16


def build(source: Path, library: Path) -> None:
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", library, source], check=True)


def ask(library: Path, **environment: str) -> tuple[int, int]:
    done = subprocess.run(
        [sys.executable, "-c", ASK, str(library)],
        env={**os.environ, **environment}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    one, seven = done.stdout.split()
    return int(one), int(seven)


def test_what_a_library_is_told(tmp_path: Path) -> None:
    (tmp_path / "asking.c").write_text(ASKING)
    library, hiding = tmp_path / "asking.so", tmp_path / "hiding.so"
    build(tmp_path / "asking.c", library)
    build(Path(hidden_features.__file__).with_suffix(".c"), hiding)
    one, seven = ask(library)
    hidden_features.replace_cpuid(library)
    for hidden in ("512", "256"):
        told_one, told_seven = ask(library, LD_PRELOAD=str(hiding), HIDDEN=hidden)
        assert not told_seven & AVX512
        kept = hidden == "512"
        assert told_one & AVX == one & AVX * kept
        assert told_seven & AVX2 == seven & AVX2 * kept
        assert told_one & 0xFF == one & 0xFF  # all else is as it is
