"""A browser for the tests of pages."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.apps.browser import Browser


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with Browser(tmp_path_factory.mktemp("profile")) as started:
        yield started


@pytest.fixture
def no_complaints(browser: Browser) -> Iterator[None]:
    """Fails the test when the page complains."""
    browser.complaints.clear()
    yield
    browser.run("0")  # whatever was said until now has been read
    # A page outlives its server for a moment, and finds it gone.
    assert [found for found in browser.complaints if "net::ERR_" not in found] == []
