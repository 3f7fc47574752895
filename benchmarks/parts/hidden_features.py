"""Steps of a model in Python, on a processor whose wide vectors are hidden from LiteRT.

WebAssembly has vectors of 128 bits, as ARM has; x86 has wider ones. So that the two can be compared
on one machine, a copy of LiteRT is told that there are none. It asks with the instruction
``cpuid``, which cannot be refused it, but replaced in the copy by one that ``hidden_features.c``
answers.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import ai_edge_litert
import numpy as np

from edgevid import load_model
from edgevid.errors import MissingDependencyError

_SOURCE = Path(__file__).with_suffix(".c")
_LIBRARY = "libpywrap_litert_common.so"  # which has the kernels
_CPUID, _UD2 = b"\x0f\xa2", b"\x0f\x0b"
_STEPS = 300


class HiddenFeatures:
    """LiteRT with its questions to the processor answered here.

    Args:
        folder: for the copy.

    Raises:
        MissingDependencyError: this machine lacks gcc or binutils, or is no x86.
    """

    def __init__(self, folder: Path) -> None:
        self._site = folder / "site"
        self._answering = folder / "hidden.so"
        _run("gcc", "-shared", "-fPIC", "-O1", "-o", str(self._answering), str(_SOURCE))
        installed = Path(ai_edge_litert.__path__[0])
        shutil.copytree(installed, self._site / installed.name)
        replace_cpuid(self._site / installed.name / _LIBRARY)

    def steps(self, model: Path, hidden: int | None) -> list[float]:
        """Returns what steps of a prepared model took, in milliseconds.

        Args:
            model: its file.
            hidden: vectors of so many bits and more are hidden: 512 or 256; None for none.
        """
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
        if hidden is not None:
            environment["HIDDEN"] = str(hidden)
            environment["LD_PRELOAD"] = str(self._answering)
            kept = os.environ.get("PYTHONPATH", "")
            environment["PYTHONPATH"] = os.pathsep.join(filter(None, (str(self._site), kept)))
        words = [sys.executable, "-m", __spec__.name, str(model)]
        done = subprocess.run(words, env=environment, capture_output=True, text=True, check=True)
        taken: list[float] = json.loads(done.stdout.splitlines()[-1])
        return taken


def replace_cpuid(library: Path) -> None:
    """Replaces each ``cpuid`` of a library's code by ``ud2``, which is as long."""
    code = next(
        line.split()
        for line in _run("readelf", "-lW", str(library)).splitlines()
        if re.search(r"LOAD.* R E ", line)
    )
    shift = int(code[2], 16) - int(code[1], 16)  # from places in the file to addresses
    listed = _run("objdump", "-d", "--no-show-raw-insn", str(library))
    data = bytearray(library.read_bytes())
    for address in re.findall(r"^\s*([0-9a-f]+):\s+cpuid", listed, re.MULTILINE):
        at = int(address, 16) - shift
        assert data[at : at + 2] == _CPUID
        data[at : at + 2] = _UD2
    library.write_bytes(data)


def _run(*words: str) -> str:
    try:
        return subprocess.run(words, check=True, capture_output=True, text=True).stdout
    except (FileNotFoundError, subprocess.CalledProcessError) as error:
        raise MissingDependencyError(f"{words[0]} is missing or failed: {error}") from error


def _main(model: Path) -> None:
    loaded = load_model(model)
    stream, size = loaded.stream(), (loaded.signature.height, loaded.signature.width, 3)
    picture = np.random.default_rng(0).integers(0, 256, size, np.uint8)
    taken = []
    for number in range(_STEPS):
        picture[0, number % size[1]] ^= 255
        began = time.perf_counter()
        stream.logits(picture)
        taken.append((time.perf_counter() - began) * 1000)
    print(json.dumps(taken))


if __name__ == "__main__":
    _main(Path(sys.argv[1]))
