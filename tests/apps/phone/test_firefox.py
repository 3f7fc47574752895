"""The page in Firefox, with a camera that is made up."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.parts.firefox import FAKE_CAMERA, FIREFOX, Firefox
from benchmarks.parts.phone_page import serving

pytestmark = pytest.mark.skipif(FIREFOX is None, reason="Firefox is not installed")


@pytest.fixture
def page(built: Path, tmp_path: Path) -> Iterator[Firefox]:
    with serving(built) as address, Firefox(tmp_path / "profile", FAKE_CAMERA) as browser:
        browser.go(address)
        browser.until("document.querySelector('#line')?.textContent === 'ready'")
        yield browser


def tap(page: Firefox, selector: str) -> None:
    page.run(f"document.querySelector('{selector}').click()")


def hold(page: Firefox, selector: str, seconds: float) -> None:
    """Holds the key that presses a button."""
    event = "document.querySelector('{}').dispatchEvent(new KeyboardEvent('{}', {{key: ' '}}))"
    page.run(event.format(selector, "keydown"))
    time.sleep(seconds)
    page.run(event.format(selector, "keyup"))


def test_a_camera_is_watched_and_taught(page: Firefox) -> None:
    tap(page, "#start")
    page.until("document.querySelector('#scores .percent').textContent")
    page.until("document.querySelector('#step').textContent.endsWith('ms')")
    assert page.run("document.querySelector('#line.problem')") is None
    tap(page, "#teach summary")
    page.until("!document.querySelector('#teach-background').disabled")
    page.run(
        "(() => { const name = document.querySelector('#teach-name'); name.value = 'wave';"
        "name.dispatchEvent(new Event('input')); })()"
    )
    page.until("!document.querySelector('#teach-action').disabled")
    for number, button in enumerate(("action", "background", "action"), 1):
        hold(page, f"#teach-{button}", 2)
        page.until(f"document.querySelectorAll('#examples li').length === {number}")
    tap(page, "#teach-fit")
    page.until("document.querySelector('#teach-line').textContent.startsWith('It runs now')")
    page.until("document.querySelector('#scores .label').textContent === 'wave'")
    page.go(page.run("location.href"))
    page.until("document.querySelector('#model-name')?.textContent === 'wave'")
    tap(page, "#teach summary")
    page.until("document.querySelectorAll('#examples li').length === 3")
