"""Moments on the monotonic clock, as frames and events have them, for people to read."""

from __future__ import annotations

import time


def unix_time(timestamp: float) -> float:
    """Returns a moment on the monotonic clock as Unix seconds."""
    return time.time() - (time.monotonic() - timestamp)
