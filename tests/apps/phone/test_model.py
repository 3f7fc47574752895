"""A model in the page and in Python says the same of the same frames."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import edgevid
from benchmarks.parts import phone_page
from benchmarks.parts.phone_page import serving
from edgevid.modelfile import manifest
from edgevid.modelfile.manifest import Manifest
from edgevid.prepare import prepare
from tests.apps.browser import Browser, needs_chromium
from tests.prepare.mini_movinet import LABELS, SIZE, mini_movinet
from tests.prepare.running import logits_of

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


_LOGITS = """
import('/model/model.js').then(async ({Model}) => {
  const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const model = await Model.load(bytes(data), {name: 'mini'}), rows = [];
  for (const picture of pictures) {
    rows.push([...await model.logits(bytes(picture))]);
    if (rows.length === again) await model.reset();
  }
  model.close();
  return rows;
})
"""


def in_page(
    page: Browser, data: bytes, pictures: NDArray[np.uint8], again: int
) -> NDArray[np.float32]:
    """Returns the page's logits after each picture, with a new start after so many."""
    text = [base64.b64encode(each).decode() for each in (data, *map(bytes, pictures))]
    given = {"data": text[0], "pictures": text[1:], "again": again}
    values = f"const {{data, pictures, again}} = {json.dumps(given)};"
    script = f"(() => {{ {values} return {_LOGITS.strip()} }})()"
    return np.array(page.run(script), np.float32)


@pytest.mark.parametrize("target", ["web", "pi4", "amx", None])
@pytest.mark.parametrize("int8", [True, False])
def test_states_are_carried_as_in_python(page: Browser, target: str | None, int8: bool) -> None:
    about = Manifest("mini", LABELS, memory_s=20, follow_scene=False)
    data = manifest.write(mini_movinet(int8=int8), about)
    if target is not None:
        data = prepare(prepare(data, name="mini", target=target).data, name="", target="web").data
    generator = np.random.default_rng(1)
    colours = generator.integers(0, 256, (9, 1, 1, 3))
    noise = generator.integers(-60, 60, (9, SIZE, SIZE, 3))
    pictures = np.clip(colours + noise, 0, 255).astype(np.uint8)
    expected = np.concatenate([logits_of(data, part) for part in (pictures[:5], pictures[5:])])
    got = in_page(page, data, pictures, again=5)
    assert np.abs(got - expected).max() < 0.02 * np.ptp(expected)
    assert np.ptp(expected[:5], axis=0).max() > 0.1 * np.ptp(expected)  # each says something else


def test_past_frames_that_only_move_up_are_not_for_a_browser(page: Browser) -> None:
    data = prepare(mini_movinet(int8=True), name="mini", labels=LABELS, target="amx").data
    with pytest.raises(AssertionError, match="--target web"):
        in_page(page, data, np.zeros((1, SIZE, SIZE, 3), np.uint8), again=0)
