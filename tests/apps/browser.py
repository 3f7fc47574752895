"""The browser for tests of pages."""

from __future__ import annotations

import pytest

from benchmarks.parts.browser import CHROMIUM, DESKTOP, PHONE, Browser

__all__ = ["DESKTOP", "PHONE", "Browser", "needs_chromium"]

needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
