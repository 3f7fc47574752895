"""Has numpy's linear algebra run on one thread for a while.

OpenBLAS has its threads wait for one another by spinning: where another program has one of the
processors, they wait most of the time, and small problems take minutes instead of seconds.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# What OpenBLAS calls its functions depends on who built it: as it is, with 64-bit indices, and as
# numpy's own wheels have it.
_PREFIXES, _SUFFIXES = ("", "scipy_"), ("", "64_", "_64")


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Lets OpenBLAS use one thread until the block ends; without OpenBLAS it changes nothing.

    It holds for the whole process.

    Example:
        >>> with one_thread():
        ...     float(np.linalg.det(np.eye(3)))
        1.0
    """
    found = [(library, threads(library)) for library in loaded()]
    try:
        for library, _ in found:
            set_threads(library, 1)
        yield
    finally:
        for library, before in found:
            set_threads(library, before)


def loaded() -> list[ctypes.CDLL]:
    """Returns the OpenBLAS libraries that this process has loaded; none where it cannot be told."""
    try:
        lines = Path("/proc/self/maps").read_text("utf-8", "replace").splitlines()
    except OSError:  # not Linux
        return []
    paths = {line.split(maxsplit=5)[5] for line in lines if "blas" in line}
    found = []
    for path in sorted(paths):
        with contextlib.suppress(OSError):
            library = ctypes.CDLL(path, os.RTLD_NOLOAD)
            if _function(library, "get_num_threads") is not None:
                found.append(library)
    return found


def threads(library: ctypes.CDLL) -> int:
    """Returns how many threads a library from ``loaded`` uses."""
    get = _function(library, "get_num_threads")
    return int(get()) if get is not None else 1


def set_threads(library: ctypes.CDLL, count: int) -> None:
    """Says how many threads a library from ``loaded`` is to use."""
    put = _function(library, "set_num_threads")
    if put is not None:
        put(count)


def _function(library: ctypes.CDLL, name: str) -> Any:
    for prefix in _PREFIXES:
        for suffix in _SUFFIXES:
            with contextlib.suppress(AttributeError):
                return library[f"{prefix}openblas_{name}{suffix}"]
    return None
