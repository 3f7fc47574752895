"""The kinds of processor that a model can be prepared for, and this machine's."""

from __future__ import annotations

import platform
from pathlib import Path

# Processors to be quick on: 64-bit ARM without dot-product instructions (Raspberry Pi 3, 4, Zero
# 2), with them (Pi 5, phones), x86, x86 with matrix instructions (Xeons since 2023), and the
# WebAssembly of a browser, where no result may be an argument too.
TARGETS = ("pi4", "pi5", "x86", "amx", "web")


def this_machine() -> str:
    """Returns the target that stands for the processor that runs this."""
    try:
        features = Path("/proc/cpuinfo").read_text("utf-8").split()
    except OSError:  # not Linux: no board, and all others have dot products
        features = ["asimddp"]
    if platform.machine().lower() in ("x86_64", "amd64"):
        return "amx" if "amx_int8" in features else "x86"
    return "pi5" if "asimddp" in features else "pi4"
