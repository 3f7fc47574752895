"""The review in a real browser: by keys, by finger, on a desk and on a phone.

``EDGEVID_PICTURES=FOLDER`` keeps what the browser showed, to be looked at.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("starlette", reason="the page's libraries are not installed")
pytest.importorskip("uvicorn", reason="the page's libraries are not installed")
pytest.importorskip("prometheus_client", reason="the page's libraries are not installed")

from apps.raspberry_pi import web
from apps.raspberry_pi.config import CameraConfig, WebConfig
from apps.raspberry_pi.hub import Hub
from apps.raspberry_pi.review.desk import Review
from apps.raspberry_pi.review.store import Store
from benchmarks.parts.broker import free_port
from edgevid import DownloadError, Frame, Model, Prediction, Score
from tests.apps.browser import DESKTOP, FAINT, PHONE, Browser, keep, needs_chromium, texts
from tests.apps.review.parts import config_in, lessons_in, write_clip, write_mini
from tests.conftest import moving_pictures

pytestmark = [needs_chromium, pytest.mark.usefixtures("no_complaints")]

SMALL = (320, 700)
NAMELESS = """
[...document.querySelectorAll('button, input, select, video, summary, [tabindex="0"]')]
  .filter(found => found.offsetParent || found.closest('svg'))
  .filter(found => !(found.labels?.length || found.getAttribute('aria-label')
    || found.textContent.trim()))
  .map(found => found.outerHTML)
"""


class Watched:
    """Takes note of what the service is told."""

    def __init__(self) -> None:
        self.models: list[str] = []
        self.drawings: list[Any] = []
        self.follows: dict[str, str] = {}

    def use(self, model: Model, reason: str) -> None:
        self.models.append(model.manifest.name)

    def draw(self, drawings: Any, reason: str) -> None:
        self.drawings.append(drawings)
        self.follows = {name: one.follow for name, one in drawings.items()}

    def following(self) -> dict[str, str]:
        return {name: "" if what == "none" else what for name, what in self.follows.items()}


@contextmanager
def reviewing(folder: Path, *others: str, **camera: Any) -> Iterator[tuple[str, Review, Watched]]:
    hub, port, watched = Hub(["front", *others], "mini"), free_port(), Watched()
    frame = Frame(moving_pictures(1, size=(320, 240))[0], 0.0, 0)
    for name in ("front", *others):
        hub.status.set_state(name, "live")
        hub.record_step(name, frame, [Prediction(0.0, 0, (Score("x", 0.5),), 1.0)])
    config = config_in(folder, write_mini(folder), **camera)
    more = tuple(CameraConfig(name=name, source="unused") for name in others)
    config = replace(config, cameras=config.cameras + more)
    review = Review(Store(folder / "review"), config, lambda model: None)
    watched.follows = {"front": camera.get("follow", "")}
    review.begin(watched)
    server = web.start(WebConfig(port=port), hub, folder / "clips", review)
    try:
        yield f"http://127.0.0.1:{port}/review", review, watched
    finally:
        server.stop(30.0)
        review.stop(1.0)


def opened(browser: Browser, address: str, size: tuple[int, int] = DESKTOP) -> None:
    browser.look_as(size)
    browser.ask("Emulation.setTouchEmulationEnabled", enabled=size != DESKTOP)
    browser.go("about:blank")
    browser.go(address)
    browser.until("document.querySelector('#review')?.offsetHeight && teaching")


def told(browser: Browser, text: str, within: float = 60.0) -> None:
    browser.until(f"find('line').textContent.startsWith({json.dumps(text)})", within)


def test_taught_used_and_taken_back_by_keys_alone(browser: Browser, tmp_path: Path) -> None:
    lessons_in(tmp_path / "clips")
    with reviewing(tmp_path) as (address, review, watched):
        opened(browser, address)
        assert texts(browser, "#first h2") == ["Teach it what you want to be told"]
        browser.until("find('list').children.length === 8")
        # The newest four show nothing special.
        for number in range(8):
            browser.until("find('video').readyState >= 1")
            if number == 0:
                browser.press("2")  # wrong: what was announced
                told(browser, "Saved: mini was wrong.")
                browser.run("document.activeElement.blur()")
            elif number < 4:
                browser.press("n")
                told(browser, "Saved: nothing special.")
            else:
                start = 3 + (7 - number) / 5
                for key, second in (("[", start), ("]", start + 2.4)):
                    browser.run(f"find('video').currentTime = {second}")
                    browser.until("!find('video').seeking")
                    browser.press(key)
                browser.run("find('mark-label').focus(); find('mark-label').value = ''")
                browser.type("red")
                browser.press("Enter")
                told(browser, "Saved: red, ")
            browser.run("document.activeElement.blur(); said('')")
            browser.press("j")
        said = review.teaching()["lessons"]
        assert (said["shown"], said["nothing"]) == ({"red": 4}, 4)
        assert texts(browser, "#lessons") == ["Shown: red 4 times. 4 clips show nothing special."]
        assert texts(browser, "#list .said") == ["wrong"] + ["nothing special"] * 3 + ["red"] * 4
        browser.run("find('teach').focus()")
        browser.press("Enter")
        told(browser, "Taught in ", 300.0)  # it gives way to all else
        assert texts(browser, "#figures td") == ["–", "4 of 4", "–", "0.0 (0 in 0.9 min)"]
        assert "no events last week" in texts(browser, "#gone")[0]
        assert texts(browser, "#tells") == ["It tells of red, and of nothing else."]
        keep(browser, tmp_path, "review-result")
        browser.run("find('use').focus()")
        browser.press("Enter")
        told(browser, "Model 1 watches.")
        assert (watched.models, review.teaching()["runs"]) == (["taught-1"], 1)
        assert texts(browser, "#use") == ["It is used"]
        browser.run("find('undo').focus()")
        assert texts(browser, "#undo") == ["Go back to the model of edgevid.toml"]
        browser.press("Enter")
        told(browser, "The model before watches again.")
        assert (watched.models, review.teaching()["runs"]) == (["taught-1", "mini"], None)


def test_a_finger_says_what_an_event_was(browser: Browser, tmp_path: Path) -> None:
    odd = "<b>fall</b> \u202e" + "W" * 40
    name = write_clip(tmp_path / "clips", 0, events=[(odd, 4.0), ("yoga", 6.0)])
    with reviewing(tmp_path) as (address, review, _):
        opened(browser, address, PHONE)
        browser.touch("#list button")
        browser.until("find('video').videoWidth === 160")
        browser.touch('#clip-events li:nth-child(2) [data-verdict="other"]')
        browser.until("document.activeElement.matches('#clip-events li:nth-child(2) input')")
        browser.type("sitting down")
        browser.press("Enter")
        told(browser, "Saved: yoga was sitting down.")
        browser.touch('#clip-events li:nth-child(1) [data-verdict="right"]')
        told(browser, "Saved: <b>fall</b>")
        assert [e["shows"] for e in review.listing()["clips"][0]["events"]] == [
            odd,
            "sitting down",
        ]
        assert browser.run("[...find('known').children].map(one => one.value)") == sorted(
            [odd, "sitting down"]
        )
        # Once more takes it back.
        browser.touch('#clip-events li:nth-child(1) [data-verdict="right"]')
        told(browser, "Taken back.")
        assert [e["verdict"] for e in review.listing()["clips"][0]["events"]] == ["", "other"]
        assert name in (tmp_path / "review" / "clips" / name).name


@pytest.mark.parametrize("size", [DESKTOP, PHONE, SMALL], ids=["desktop", "phone", "small"])
def test_it_fits_can_be_read_and_every_part_has_a_name(
    browser: Browser, tmp_path: Path, size: tuple[int, int]
) -> None:
    write_clip(tmp_path / "clips", 0, events=[("W" * 200, 4.0), ("fall", 5.0)])
    write_clip(tmp_path / "clips", 1)
    with reviewing(tmp_path, follow="motion") as (address, review, _):
        points = [[10, 10], [200, 10], [200, 200]]
        review.draw(
            {"camera": "front", "zones": [{"name": "door", "points": points}], "masks": [points]}
        )
        opened(browser, address, size)
        browser.run("document.querySelectorAll('details').forEach(one => { one.open = true; })")
        browser.run(
            "choose(clips[1].video); document.querySelector('[data-verdict=other]').click()"
        )
        browser.until("find('canvas').offsetHeight && find('video').readyState >= 1")
        assert browser.run("document.documentElement.scrollWidth") <= size[0]
        assert browser.run(NAMELESS) == []
        small = browser.run(
            "[...document.querySelectorAll('button, a[href], input:not([type=checkbox]), select')]"
            ".filter(found => found.offsetParent && found.offsetHeight < 44)"
            ".map(found => found.outerHTML)"
        )
        assert small == [], "something is too small for a finger"
        for dark in (False, True):
            browser.look_as(size, dark=dark)
            assert browser.run(FAINT) == []
            keep(browser, tmp_path, f"review-{size[0]}-{'dark' if dark else 'light'}")


def test_zones_are_drawn_by_pointer_and_masks_by_keys(browser: Browser, tmp_path: Path) -> None:
    with reviewing(tmp_path, follow="motion") as (address, review, watched):
        opened(browser, address, PHONE)
        browser.until("find('canvas').offsetHeight && !find('new-zone').disabled")
        browser.touch("#new-zone")
        browser.run("find('drawn').scrollIntoView({block: 'center'})")
        box = browser.run(
            "(() => { const box = find('drawn').getBoundingClientRect();"
            "return [box.x, box.y, box.width, box.height]; })()"
        )
        for x, y in ((0.25, 0.25), (0.75, 0.25), (0.5, 0.75)):
            place = {"x": box[0] + x * box[2], "y": box[1] + y * box[3]}
            browser.ask("Input.dispatchTouchEvent", type="touchStart", touchPoints=[place])
            browser.ask("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])
        browser.until("drawn?.points.length === 3")
        browser.touch("#zone-close")
        browser.until("document.activeElement.matches('#shapes .name')")
        browser.run("document.activeElement.select()")
        browser.type("bed")
        for field, text in ((".allow", "fall, sit down"), (".dwell", "30")):
            browser.run(f"document.querySelector('#shapes {field}').focus()")
            browser.type(text)
        browser.run("find('new-mask').focus()")
        browser.press("Enter")
        browser.until("document.activeElement.id === 'drawn'")
        keys = ["Enter", *["ArrowRight"] * 5, "Enter", *["ArrowDown"] * 5, "Enter"]
        for key in [*keys, "ArrowLeft", "Enter", "Backspace"]:
            browser.press(key)
        assert browser.run("drawn.points") == [[160, 120], [200, 120], [200, 160]]
        keep(browser, tmp_path, "review-drawing")
        browser.run("find('zone-close').focus()")
        browser.press("Enter")
        browser.until("document.activeElement.id === 'save-zones'")
        browser.press("Enter")
        told(browser, "Saved: zones and masks of front")
        (camera,) = review.zones()["cameras"]
        assert camera["masks"] == [[[160.0, 120.0], [200.0, 120.0], [200.0, 160.0]]]
        (zone,) = camera["zones"]
        assert (zone["name"], zone["allow"], zone["dwell"]) == ("bed", ["fall", "sit down"], 30.0)
        drawn = [80, 60, 240, 60, 160, 180]
        found = [value for point in zone["points"] for value in point]
        assert found == pytest.approx(drawn, abs=2)
        assert watched.drawings[0]["front"].zones[0].name == "bed"


def test_what_is_followed_is_chosen_by_keys_and_then_there_are_zones(
    browser: Browser, tmp_path: Path
) -> None:
    with reviewing(tmp_path) as (address, review, watched):
        opened(browser, address)
        browser.until("find('zone-hint').textContent.includes('choose what it follows')")
        assert browser.run("[find('new-zone').disabled, find('save-zones').disabled]") == [
            True,
            True,
        ]
        assert texts(browser, "#no-clips") == ["None yet: each event makes one."]
        browser.run("find('zone-follow').focus()")
        browser.press("ArrowDown")
        browser.until("find('zone-follow').value === 'motion'")
        keep(browser, tmp_path, "review-follow")
        browser.run("find('new-zone').focus()")
        for key in ("Enter", "Enter", "ArrowRight", "Enter", "ArrowDown", "Enter"):
            browser.press(key)
        browser.run("find('zone-close').focus()")
        browser.press("Enter")
        browser.run("find('save-zones').focus()")
        browser.press("Enter")
        told(browser, "Saved: zones and masks of front")
        assert watched.drawings[0]["front"].follow == "motion"
        assert len(watched.drawings[0]["front"].zones) == 1
        # The zone stays when nothing is followed any more, and does not count.
        browser.run("find('zone-follow').focus()")
        browser.press("ArrowUp")
        browser.until("find('zone-hint').textContent.includes('Zones count only while')")
        browser.run("find('save-zones').focus()")
        browser.press("Enter")
        browser.until("find('save-zones').disabled && find('zone-follow').value === 'none'")
        browser.until("zoneCameras[0].follow === 'none'")
        (camera,) = review.zones()["cameras"]
        assert (camera["follow"], camera["follows"], len(camera["zones"])) == ("none", "", 1)


def test_what_was_drawn_is_not_lost_by_looking_at_another_camera(
    browser: Browser, tmp_path: Path
) -> None:
    with reviewing(tmp_path, "back") as (address, review, _):
        opened(browser, address)
        browser.until("find('zone-camera').options.length === 2 && !find('canvas').hidden")
        browser.run("find('zone-follow').value = 'motion'; find('zone-follow').onchange()")
        browser.run("find('zone-camera').value = 'back'; find('zone-camera').onchange()")
        assert browser.run("find('zone-camera').value") == "front"
        assert texts(browser, "#zone-hint")[0].startswith("Save what you drew for front first")
        browser.run("find('save-zones').click()")
        told(browser, "Saved: zones and masks of front")
        browser.run("find('zone-camera').value = 'back'; find('zone-camera').onchange()")
        assert browser.run("shownCamera") == "back"
        browser.until("zoneCameras[0].follow === 'motion'")
        assert review.drawings()["front"].follow == "motion"


def test_what_cannot_be_followed_stays_and_is_told(browser: Browser, tmp_path: Path) -> None:
    with reviewing(tmp_path, features=tmp_path / "kept") as (address, _, _):
        opened(browser, address)
        browser.until("find('zone-hint').textContent.includes('features in edgevid.toml')")
        assert browser.run("[find('zone-follow').disabled, find('new-zone').disabled]") == [
            True,
            True,
        ]
        assert not browser.run("find('new-mask').disabled")
    (tmp_path / "two").mkdir()
    with reviewing(tmp_path / "two") as (address, review, watched):

        def refuse(drawings: Any, reason: str) -> None:
            raise DownloadError("what finds people cannot be fetched")

        watched.draw = refuse  # type: ignore[method-assign]
        opened(browser, address)
        browser.until("!find('canvas').hidden")
        browser.run(
            "find('zone-follow').value = 'people'; find('zone-follow').onchange();"
            "find('save-zones').click()"
        )
        told(browser, "what finds people cannot be fetched")
        assert browser.run("[find('zone-follow').value, find('save-zones').disabled]") == [
            "people",
            False,
        ]
        assert review.drawings() == {}
        browser.complaints.clear()  # of the answer 409


def test_without_clips_it_says_what_to_do(browser: Browser) -> None:
    port = free_port()
    server = web.start(WebConfig(port=port), Hub(["front"]))
    try:
        browser.go(f"http://127.0.0.1:{port}/review")
        browser.until("document.querySelector('#none')?.offsetHeight")
        assert "[clips]" in texts(browser, "#none")[0]
    finally:
        server.stop(30.0)
        browser.complaints.clear()  # it had asked whether there is something


def test_a_clip_of_the_first_page_leads_to_its_review(browser: Browser, tmp_path: Path) -> None:
    names = [write_clip(tmp_path / "clips", number) for number in range(3)]
    with reviewing(tmp_path) as (address, _, _):
        browser.look_as(PHONE)
        browser.go(address.removesuffix("review"))
        browser.until("document.querySelectorAll('#clips button').length === 3")
        browser.run("[...document.querySelectorAll('#clips button')].at(-1).click()")
        browser.until("document.querySelector('#player').open")
        browser.run("document.querySelector('#to-review').click()")
        browser.until(f"typeof chosen !== 'undefined' && chosen === {json.dumps(names[0])}")
