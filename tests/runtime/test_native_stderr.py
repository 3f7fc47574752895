from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.parts.tiny_model import LABELS, tiny_model
from edgevid.runtime.native_stderr import Filter

LINE = b"INFO: ready."


def say(text: bytes) -> None:
    """Writes to the C library's ``stderr``, as native code does."""
    libc = ctypes.CDLL(None)
    libc.fputs(text, ctypes.c_void_p.in_dll(libc, "stderr"))


def test_leaves_out_the_line_once_and_passes_on_the_rest(capfd: pytest.CaptureFixture[str]) -> None:
    one = Filter(LINE)
    with one.on():
        say(b"before\n")
        say(LINE + b"\n")
        say(b"after\n")
        assert capfd.readouterr().err == ""
    assert capfd.readouterr().err == "before\nafter\n"
    with one.on():
        say(LINE + b"\n")
    assert capfd.readouterr().err == "INFO: ready.\n"


def test_looks_for_the_line_until_it_comes(capfd: pytest.CaptureFixture[str]) -> None:
    one = Filter(LINE)
    for text in (b"INFO: ready. Not quite.\n", LINE + b"\n"):
        with one.on():
            say(text)
    assert capfd.readouterr().err == "INFO: ready. Not quite.\n"


def test_nothing_is_lost_when_the_block_fails(capfd: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        with Filter(LINE).on():
            say(b"ERROR: why\n")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert capfd.readouterr().err == "ERROR: why\n"
    say(b"as before\n")
    assert capfd.readouterr().err == "as before\n"


def test_descriptor_2_stays_what_it_is(capfd: pytest.CaptureFixture[str]) -> None:
    with Filter(LINE).on():
        os.write(2, b"of Python\n")
        subprocess.run([sys.executable, "-c", "import os; os.write(2, b'of a child')"], check=True)
        assert capfd.readouterr().err == "of Python\nof a child"


def test_no_descriptor_is_left_behind() -> None:
    one = Filter(LINE)  # which never comes
    with one.on():
        pass
    before = sorted(path.name for path in Path("/proc/self/fd").iterdir())
    for _ in range(5):
        with one.on():
            say(b"")
    assert sorted(path.name for path in Path("/proc/self/fd").iterdir()) == before


LOAD = f"""
import sys, edgevid
edgevid.load_model(sys.argv[1], labels={LABELS!r})
sys.stderr.write("loaded\\n")
"""


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.tflite"
    path.write_bytes(tiny_model())
    return path


def test_a_model_is_loaded_without_a_word(tiny: Path) -> None:
    words = [sys.executable, "-c", LOAD, str(tiny)]
    ended = subprocess.run(words, capture_output=True, text=True, check=True)
    assert "XNNPACK" not in ended.stderr
    assert ended.stderr.endswith("loaded\n")


def test_a_model_is_loaded_where_standard_error_is_closed(tiny: Path) -> None:
    program = LOAD.replace('sys.stderr.write("loaded\\n")', 'print("loaded")')
    words = ["sh", "-c", 'exec "$0" "$@" 2>&-', sys.executable, "-c", program, str(tiny)]
    ended = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True)
    assert ended.stdout == "loaded\n"
