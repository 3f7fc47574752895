"""A model in the page and in Python says the same of the same frames."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import edgevid
from benchmarks.parts import phone_page
from benchmarks.parts.phone_page import serving
from tests.apps.browser import Browser, needs_chromium

pytestmark = needs_chromium

DEMO = Path(edgevid.__file__).parent / "bundled" / "demo.mp4"


@pytest.fixture(scope="module")
def page(browser: Browser, built: Path) -> Iterator[Browser]:
    with serving(built) as address:
        browser.go(f"{address}icon.svg")
        browser.until("document.readyState === 'complete'")
        yield browser


def test_the_demo_in_the_page_and_in_python(page: Browser, built: Path) -> None:
    about = phone_page.load(page, "camera-motion")
    model = edgevid.load_model("camera-motion")
    assert about["manifest"]["labels"] == list(model.manifest.labels)
    here = phone_page.play(page, built, DEMO, model)
    there = phone_page.play_in_page(page, built)
    assert len(here.predictions) > 20
    assert [one["timestamp"] for one in there["predictions"]] == [
        one.timestamp for one in here.predictions
    ]
    for ours, theirs in zip(here.predictions, there["predictions"], strict=True):
        assert theirs["scores"][0]["label"] == ours.top.label
        assert theirs["scores"][0]["probability"] == pytest.approx(ours.top.probability, abs=0.05)
    assert [(one["state"], one["label"], one["timestamp"]) for one in there["events"]] == [
        (one.state, one.label, one.timestamp) for one in here.events
    ]
    assert there["skipped"] == here.skipped
