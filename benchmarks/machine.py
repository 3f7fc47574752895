"""The machine that a measurement was made on, and whether it was idle."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_HOT_C = 80.0  # from here a Raspberry Pi slows down (raspberrypi.com, "frequency management")
# Bits of `vcgencmd get_throttled` (raspberrypi.com documentation, "os").
_THROTTLED = {
    0: "under-voltage now",
    1: "frequency capped now",
    2: "throttled now",
    3: "soft temperature limit now",
    16: "under-voltage since boot",
    17: "frequency capped since boot",
    18: "throttled since boot",
    19: "soft temperature limit since boot",
}


@dataclass(frozen=True, slots=True)
class Reading:
    """The machine at one moment; None where it does not say.

    Attributes:
        load: processes that ran or waited to, mean over the last minute.
        governor: how the kernel chooses the processor's frequency.
        temperature_c: degrees Celsius of the processor.
        throttled: what slowed a Raspberry Pi down.
    """

    load: float
    governor: str | None
    temperature_c: float | None
    throttled: tuple[str, ...] | None


def read() -> Reading:
    """Reads the machine's state now."""
    temperature = _text("/sys/class/thermal/thermal_zone0/temp")
    return Reading(
        os.getloadavg()[0],
        _text("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
        int(temperature) / 1000 if temperature is not None else None,
        _throttled(),
    )


def facts(before: Reading, after: Reading) -> dict[str, Any]:
    """Returns what a report says of the machine."""
    return {
        "board": board(),
        "processor": processor(),
        "family": family(),
        "cores": os.cpu_count(),
        "system": _system(),
        "python": platform.python_version(),
        "versions": {
            name: _version(name) for name in ("numpy", "opencv-python-headless", "ai-edge-litert")
        },
        "governor": after.governor,
        "load": [before.load, after.load],
        "temperature_c": [before.temperature_c, after.temperature_c],
        "throttled": after.throttled,
        "warnings": warnings(before, after),
    }


def warnings(before: Reading, after: Reading) -> list[str]:
    """Returns why figures taken between two readings may be worthless, a line each."""
    found = []
    if after.governor not in (None, "performance"):
        found.append(
            f"the CPU governor is {after.governor}: for figures that repeat, "
            "`echo performance | sudo tee /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor`"
        )
    if before.load > 0.5:
        found.append(f"the machine was busy before it began (load {before.load:.1f}): trust ratios")
    if (after.temperature_c or 0) >= _HOT_C:
        found.append(f"the processor is at {after.temperature_c:.0f} °C, where boards slow down")
    found += [f"the board reports: {reason}" for reason in after.throttled or ()]
    return found


def board() -> str:
    """Returns the board's name, as its firmware gives it."""
    for path in ("/proc/device-tree/model", "/sys/class/dmi/id/product_name"):
        text = _text(path)
        if text:
            return text
    return platform.machine()


def processor() -> str:
    """Returns the processor's name."""
    for line in (_text("/proc/cpuinfo") or "").splitlines():
        key, _, value = line.partition(":")
        if key.strip() in ("model name", "Model"):
            return value.strip()
    return platform.processor() or platform.machine()


# What tells families of processors apart, in what ``/proc/cpuinfo`` lists: the best instructions
# that XNNPACK has int8 kernels for.
_FAMILIES = {
    "x86": ("flags", {"amx_int8": "AMX", "avx512_vnni": "AVX-512 VNNI", "avx_vnni": "AVX-VNNI",
                      "avx512bw": "AVX-512", "avx2": "AVX2"}),
    "ARM": ("Features", {"i8mm": "int8 matrices", "asimddp": "dot products", "asimd": "Neon"}),
}  # fmt: skip


def family(cpuinfo: str | None = None) -> str:
    """Returns the family of a processor: ``x86 with AVX2``, ``ARM with dot products``.

    Args:
        cpuinfo: what Linux says of the processor; of this machine's when None.
    """
    text = _text("/proc/cpuinfo") or "" if cpuinfo is None else cpuinfo
    for name, (key, known) in _FAMILIES.items():
        lines = (line.partition(":") for line in text.splitlines())
        has = next((set(rest.split()) for word, _, rest in lines if word.strip() == key), set())
        for feature, called in known.items():
            if feature in has:
                return f"{name} with {called}"
    return processor()


@dataclass(frozen=True, slots=True)
class Held:
    """What this process holds of the system: RSS in MB (2**20 bytes), threads, open files."""

    rss_mb: float
    threads: int
    files: int


def held_by_process(pid: int | str = "self") -> Held:
    """Returns what a process, this one if no other is named, holds now, from Linux' ``/proc``."""
    proc = Path(f"/proc/{pid}")
    threads, files = (len(list((proc / kind).iterdir())) for kind in ("task", "fd"))
    return Held(rss_mb(pid), threads, files)


def largest_child_mb() -> float:
    """Returns the RSS of the largest process that this one has started, in MB; 0 without any."""
    sizes = [0.0]
    for task in Path("/proc/self/task").iterdir():
        with suppress(OSError):  # it has just ended
            children = (task / "children").read_text("ascii").split()
            for pid in children:
                with suppress(OSError):
                    sizes.append(rss_mb(pid))
    return max(sizes)


def rss_mb(pid: int | str = "self") -> float:
    """Returns the RSS of a process, this one if no other is named, in MB."""
    pages = int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def decode_throttled(answer: str) -> tuple[str, ...]:
    """Reads what ``vcgencmd get_throttled`` prints, such as ``throttled=0x50000``."""
    bits = int(answer.strip().partition("=")[2], 16)
    return tuple(reason for bit, reason in _THROTTLED.items() if bits >> bit & 1)


def _throttled() -> tuple[str, ...] | None:
    vcgencmd = shutil.which("vcgencmd")
    if vcgencmd is None:
        return None
    try:
        done = subprocess.run(
            [vcgencmd, "get_throttled"], capture_output=True, text=True, timeout=5, check=True
        )
        return decode_throttled(done.stdout)
    except (subprocess.SubprocessError, OSError, ValueError):
        return None


def _system() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return platform.system()


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _text(path: str) -> str | None:
    try:
        return Path(path).read_text("utf-8").strip("\x00\n ") or None
    except OSError:
        return None
