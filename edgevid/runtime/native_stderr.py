"""Keeps a line that nobody needs out of what a native library writes to standard error.

LiteRT says once in a process that it made its XNNPACK delegate, and has no way to be silent. It
writes to the C library's ``stderr``, which is a variable: for a moment that is another stream. File
descriptor 2 stays as it is, so that other threads and processes that are started meanwhile keep it.
"""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache

_LOCK = threading.Lock()
_UNBUFFERED = 2  # _IONBF of stdio.h


class Filter:
    """Passes on what the C library's ``stderr`` gets, less one line.

    Args:
        line: what to leave out, without its end. It is looked for until it was found once.

    Example:
        >>> from edgevid.runtime.native_stderr import Filter
        >>> with Filter(b"INFO: ready.").on():
        ...     print("native code may write here")
        native code may write here
    """

    def __init__(self, line: bytes) -> None:
        self._line = line + b"\n"
        self._found = False

    @contextmanager
    def on(self) -> Iterator[None]:
        """Filters for the length of a block. Where the C library is not GNU's, does nothing."""
        if self._found:
            yield
            return
        collected = bytearray()
        try:
            with _LOCK, _collecting(collected):
                yield
        finally:
            self._found = self._line in collected
            rest = bytes(collected).replace(self._line, b"", 1)
            if rest:
                with suppress(OSError):  # it may be closed, as for any other writer
                    os.write(2, rest)


@contextmanager
def _collecting(collected: bytearray) -> Iterator[None]:
    """Adds to an array what goes to the C library's ``stderr`` in a block, when that has ended."""
    try:
        os.fstat(2)  # where it is closed, a new file would take its number
        opened = _stream()
        memory = os.memfd_create("stderr") if opened is not None else -1
    except OSError:
        opened = None
    if opened is None:
        yield
        return
    file, stream, stderr = opened
    os.dup2(memory, file, inheritable=False)
    before, stderr.value = stderr.value, stream
    try:
        yield
    finally:
        stderr.value = before
        # Another thread may just have begun to write there: it stays open, and leads to the same.
        with suppress(OSError):
            os.dup2(2, file, inheritable=False)
        collected += os.pread(memory, os.fstat(memory).st_size, 0)
        os.close(memory)


@cache
def _stream() -> tuple[int, int, ctypes.c_void_p] | None:
    """Returns a file descriptor, a C stream that writes to it, and the variable ``stderr``."""
    libc = ctypes.CDLL(None)
    try:
        libc.gnu_get_libc_version()  # others may keep the variable where it cannot be written to
        stderr = ctypes.c_void_p.in_dll(libc, "stderr")
        file = os.memfd_create("stderr")
    except (AttributeError, ValueError, OSError):
        return None
    libc.fdopen.restype = ctypes.c_void_p
    stream = libc.fdopen(file, b"w")
    if not stream or not stderr.value:
        os.close(file)
        return None
    libc.setvbuf(ctypes.c_void_p(stream), None, _UNBUFFERED, ctypes.c_size_t(0))
    return file, stream, stderr
