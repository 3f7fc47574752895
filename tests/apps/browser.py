"""The browser for tests of pages."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from benchmarks.parts.browser import CHROMIUM, DESKTOP, PHONE, Browser
from edgevid.support.opencv import cv2

__all__ = ["DESKTOP", "FAINT", "PHONE", "Browser", "keep", "needs_chromium", "texts"]

needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")

# Words whose contrast to what is behind them is below 4.5, which WCAG 2.2 asks for (1.4.3).
FAINT = """
(() => {
  const channel = c => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const numbers = text => text.match(/[\\d.]+/g).map(Number);
  const behind = found => {
    for (; found; found = found.parentElement) {
      const colour = numbers(getComputedStyle(found).backgroundColor);
      if (colour[3] !== 0) return colour;
    }
  };
  return [...document.querySelectorAll('body *')]
    .filter(found => found.offsetParent && [...found.childNodes].some(
      child => child.nodeType === 3 && child.data.trim()))
    .filter(found => {
      const [a, b] = [numbers(getComputedStyle(found).color), behind(found)].map(light);
      return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05) < 4.5;
    })
    .map(found => found.innerText);
})()
"""


def keep(browser: Browser, folder: Path, name: str) -> None:
    """Takes a picture, which must show something."""
    folder = Path(os.environ.get("EDGEVID_PICTURES") or folder)
    folder.mkdir(parents=True, exist_ok=True)
    taken = browser.screenshot(folder / f"{name}.png", whole=True)
    assert cv2.imread(str(taken)).std() > 10


def texts(browser: Browser, selector: str) -> list[str]:
    found: list[str] = browser.run(
        f"[...document.querySelectorAll({selector!r})].map(found => found.innerText)"
    )
    return found
