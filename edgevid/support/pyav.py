"""Loads PyAV, FFmpeg's libraries for Python; no other module does.

FFmpeg writes complaints of its own to standard error; edgevid says what went wrong in its own
words, once, so FFmpeg's are switched off.
"""

from __future__ import annotations

import importlib
from typing import Any

# Untyped on purpose: its type stubs differ from release to release.
av: Any = importlib.import_module("av")

av.logging.set_level(None)

# How a container is opened to read: text in it that is not UTF-8 is no error. From PyAV 19 on it
# never is.
READING = {"metadata_errors": "replace"} if int(av.__version__.split(".")[0]) < 19 else {}

# A picture of more pixels is refused by the decoder, before memory is taken for it: 8192x8192.
MAX_PIXELS = 1 << 26


def reason(error: Exception) -> str:
    """Returns FFmpeg's words for an error, without the number and the file's name."""
    if isinstance(error, MemoryError):
        return "not enough memory"
    if isinstance(error, av.error.ExitError):  # how PyAV ends what takes too long
        return "nothing came in time"
    words = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return words[:1].lower() + words[1:]
