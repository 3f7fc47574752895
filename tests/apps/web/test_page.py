"""The page in a real browser, on a desk and on a phone, with a camera live and one lost.

``EDGEVID_PICTURES=FOLDER`` keeps what the browser showed, to be looked at.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("starlette", reason="the page's libraries are not installed")
pytest.importorskip("uvicorn", reason="the page's libraries are not installed")
pytest.importorskip("prometheus_client", reason="the page's libraries are not installed")

from apps.raspberry_pi import web
from apps.raspberry_pi.config import WebConfig
from apps.raspberry_pi.hub import Hub
from apps.raspberry_pi.snapshots import Snapshot
from benchmarks.parts.broker import free_port
from edgevid import Event, Frame, Prediction, Score
from tests.apps.browser import DESKTOP, FAINT, PHONE, Browser, keep, needs_chromium, texts
from tests.apps.parts import RED, colours, status, until
from tests.conftest import moving_pictures

pytestmark = [needs_chromium, pytest.mark.usefixtures("no_complaints")]

PICTURES = moving_pictures(20, size=(640, 480))


@contextmanager
def serving(
    hub: Hub, clips: Path | None = None, *, port: int | None = None, **settings: Any
) -> Iterator[str]:
    port = port or free_port()
    server = web.start(WebConfig(port=port, **settings), hub, clips)
    try:
        yield f"http://127.0.0.1:{port}/"
    finally:
        server.stop(30.0)


@contextmanager
def watching(hub: Hub, camera: str) -> Iterator[None]:
    """Has a camera show a figure and scores that go up and down, five times a second."""
    ended = threading.Event()

    def run() -> None:
        index = 0
        while True:
            share = 0.5 + 0.45 * ((index // 5) % 2)
            scores = (
                Score("juggling balls", share),
                Score("<i>clapping</i>", (1 - share) / 2),
                Score("waving hand", (1 - share) / 4),
            )
            hub.status.set_state(camera, "live")
            frame = Frame(PICTURES[index % 20], time.monotonic(), index)
            hub.record_step(
                camera, frame, [Prediction(frame.timestamp, index, scores, 2.5)], skipped=0
            )
            index += 1
            if ended.wait(0.2):
                return

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def happen(hub: Hub, label: str, state: Any = "start", *, ago: float = 0.0) -> None:
    hub.bus.publish("front-door", Event(state, label, time.monotonic() - ago, 0.62))


def test_one_camera_is_live_and_one_is_lost(browser: Browser, tmp_path: Path) -> None:
    hub = Hub(["front-door", "workshop"], "movinet-a0")
    hub.status.set_state("workshop", "lost", "/dev/video2: the camera was unplugged")
    happen(hub, "waving hand", ago=60)
    happen(hub, "waving hand", "end", ago=48)
    with serving(hub, tmp_path) as address, watching(hub, "front-door"):
        for name, size in (("desktop", DESKTOP), ("phone", PHONE)):
            browser.look_as(size)
            browser.go(address)
            browser.until("document.querySelector('.camera img')?.naturalWidth >= 640")
            happen(hub, "juggling balls")
            browser.until("document.querySelector('#events .going-on')")
            assert texts(browser, ".camera h2") == ["front-door", "workshop"]
            assert texts(browser, ".state") == ["Live", "Lost"]
            assert texts(browser, "#line") == ["1 of 2 cameras live"]
            # What a model file calls its labels is text, whatever it looks like.
            assert texts(browser, ".camera:first-child .scores .label")[:2] == [
                "juggling balls",
                "<i>clapping</i>",
            ]
            assert "camera was unplugged" in texts(browser, ".camera:last-child .notice")[0]
            assert texts(browser, "#events .label")[-1] == "waving hand"
            assert texts(browser, "#events .length")[-1] == "12 s"
            wide = browser.run("document.documentElement.scrollWidth")
            assert wide <= size[0], "it can be scrolled sideways"
            small = browser.run(
                "[...document.querySelectorAll('button, a[href], input')].filter(found => "
                "found.offsetParent && found.offsetHeight < 44).length"
            )
            assert small == 0, "something is too small for a finger"
            for dark in (False, True):
                browser.look_as(size, dark=dark)
                assert browser.run(FAINT) == []
                keep(browser, tmp_path, f"{name}-{'dark' if dark else 'light'}")
            happen(hub, "juggling balls", "end")


def test_the_picture_and_the_bars_move(browser: Browser) -> None:
    hub = Hub(["front-door"])
    with serving(hub) as address, watching(hub, "front-door"):
        browser.look_as(DESKTOP)
        browser.go(address)
        for what in ("img').src", ".bar span').style.transform", ".percent').innerText"):
            browser.until("document.querySelector('.camera img:not([hidden])')")
            now = browser.run(f"document.querySelector('.camera {what}")
            browser.until(f"document.querySelector('.camera {what} !== {json.dumps(now)}")


def test_nothing_is_drawn_while_nobody_looks(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = Hub(["front-door"])
    drawn: list[str] = []
    draw = hub.snapshots.snapshot

    def snapshot(name: str) -> Snapshot | None:
        drawn.append(name)
        return draw(name)

    monkeypatch.setattr(hub.snapshots, "snapshot", snapshot)
    with serving(hub) as address, watching(hub, "front-door"):
        browser.go(address)
        browser.until("document.querySelector('.camera img:not([hidden])')")
        browser.run(
            "Object.defineProperty(document, 'hidden', {value: true, configurable: true});"
            "document.dispatchEvent(new Event('visibilitychange'))"
        )
        # The line is closed, and the last picture that was asked for is there.
        browser.until("line.readyState === EventSource.CLOSED")
        browser.until("!document.querySelector('.camera img').dataset.busy")
        count, steps = len(drawn), status(hub, "front-door").steps
        until(lambda: status(hub, "front-door").steps > steps + 5)
        assert len(drawn) == count
        browser.run(
            "Object.defineProperty(document, 'hidden', {value: false});"
            "document.dispatchEvent(new Event('visibilitychange'))"
        )
        until(lambda: len(drawn) > count)


LONG = "W" * 600
ODD = (
    LONG,
    "stretching " * 60,
    "שחייה בקרח " * 20,
    "\u202eevil\u202c \u0645\u0631\u062d\u0628\u0627 50 %",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467 <script>alert(1)</script>\nnew\tline\0\x1b[31m",
)


@pytest.mark.parametrize(("name", "size"), [("desktop", DESKTOP), ("phone", PHONE)])
def test_odd_and_long_words_stay_in_their_places(
    browser: Browser, tmp_path: Path, name: str, size: tuple[int, int]
) -> None:
    cameras = ["c" * 60, "x", "front-door"]
    hub = Hub(cameras, LONG[:200])
    scores = tuple(Score(label, 0.9 / 2**place) for place, label in enumerate(ODD))
    for camera in (cameras[0], cameras[2]):
        hub.status.set_state(camera, "live")
        frame = Frame(PICTURES[0], time.monotonic(), 0)
        hub.record_step(
            camera, frame, [Prediction(frame.timestamp, 0, scores, 123456.0)], skipped=10**7
        )
    hub.status.set_state("x", "lost", f"/{LONG}: \udce9 {LONG}")
    for label in (*ODD, ""):
        happen(hub, label, ago=4000)
    happen(hub, ODD[1], "end")
    for number, labels in enumerate((ODD, [LONG], [""])):
        stem = f"front-door_20261121T10150{number}Z"
        (tmp_path / f"{stem}.mp4").write_bytes(b"x")
        about = {
            "camera": "front-door" * 20,
            "video": f"{stem}.mp4",
            "began": "2026-11-21T10:15:00.000+00:00" if number else "no date",
            "seconds": 3e9,
            "events": [{"label": label} for label in labels],
        }
        (tmp_path / f"{stem}.json").write_text(json.dumps(about))
    with serving(hub, tmp_path) as address:
        browser.look_as(size)
        browser.go(address)
        browser.until("document.querySelectorAll('.camera img:not([hidden])').length === 2")
        browser.until("document.querySelectorAll('#clips li').length === 3")
        browser.until("document.querySelectorAll('#events li').length === 6")
        keep(browser, tmp_path, f"odd-{name}")
        assert browser.run("document.documentElement.scrollWidth") <= size[0]
        assert browser.run("document.querySelectorAll('main script').length") == 0
        wide = browser.run(
            "[...document.querySelectorAll('main *')].filter(found => found.offsetParent && "
            "found.getBoundingClientRect().right > innerWidth + 1).map(found => found.outerHTML)"
        )
        assert wide == []
        tall = browser.run(
            "[...document.querySelectorAll('#events li, #clips li, .scores li, .camera > header')]"
            ".map(found => found.offsetHeight).filter(height => height > 120)"
        )
        assert tall == [], "a few words fill the page"
        # The figures are there, whatever stands before them.
        for row in (".scores li", "#events li", "#clips li"):
            hidden = browser.run(
                f"[...document.querySelectorAll('{row}')].filter(row => {{"
                "const last = row.querySelector('.percent, .length');"
                "return last.innerText && last.getBoundingClientRect().right > "
                "row.getBoundingClientRect().right + 1; }).length"
            )
            assert hidden == 0
        browser.run("document.querySelector('#clips button').click()")
        browser.until("document.querySelector('#player').open")
        keep(browser, tmp_path, f"odd-player-{name}")
        assert browser.run(
            "document.querySelector('#player button').getBoundingClientRect().bottom <= innerHeight"
        )
        browser.run("document.querySelector('#player button').click()")


def test_a_service_that_comes_back_is_found_again(browser: Browser) -> None:
    hub = Hub(["front-door"])
    with serving(hub) as address:
        browser.go(address)
        browser.until("document.querySelector('.state')")
    browser.until("document.getElementById('line').className === 'lost'")
    browser.complaints.clear()  # Chromium says that it could not connect
    hub.status.set_state("front-door", "live")
    port = int(address.rsplit(":", 1)[1].strip("/"))
    with serving(hub, port=port):
        browser.until("document.querySelector('.state').innerText === 'Live'")
    browser.go("about:blank")
    browser.complaints.clear()


def test_a_clip_is_played(browser: Browser, tmp_path: Path) -> None:
    name = "front-door_20261121T101500Z"
    colours(tmp_path / f"{name}.mp4", (RED, 1.0))
    about = {
        "camera": "front-door",
        "video": f"{name}.mp4",
        "began": "2026-11-21T10:15:00.000+00:00",
        "seconds": 1.0,
        "events": [{"label": "juggling balls"}, {"label": "juggling balls"}],
    }
    (tmp_path / f"{name}.json").write_text(json.dumps(about))
    hub = Hub(["front-door"])
    with serving(hub, tmp_path) as address:
        browser.look_as(PHONE)
        browser.go(address)
        browser.until("document.querySelector('#clips button')")
        assert texts(browser, "#clips .label") == ["juggling balls"]
        browser.run("document.querySelector('#clips button').click()")
        browser.until("document.querySelector('#player img').naturalWidth === 64")
        assert browser.run("document.querySelector('#player a').getAttribute('href')") == (
            f"/clips/{name}.mp4"
        )
        keep(browser, tmp_path, "clip")
        browser.run("document.querySelector('#player button').click()")
        browser.until("!document.querySelector('#player').open")


def test_logging_in(browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apps.raspberry_pi.web.access._WRONG_S", 0.01)
    token = tmp_path / "token"
    token.write_text("correct-horse-battery-staple")
    token.chmod(0o600)
    hub = Hub(["front-door"])
    with serving(hub, token_file=token) as address:
        browser.look_as(PHONE)
        browser.go(address)
        browser.until("document.activeElement?.id === 'token'")
        keep(browser, tmp_path, "login")
        browser.type("wrong")
        browser.press_enter()
        browser.until("document.querySelector('.wrong')?.offsetHeight > 0")
        browser.until("document.activeElement?.id === 'token'")
        browser.type(token.read_text())
        browser.press_enter()
        browser.until("document.querySelector('.camera h2')?.innerText === 'front-door'")
        assert browser.run("location.pathname") == "/"
        assert browser.run("document.cookie") == ""  # no script can read it
        # Another token: whoever looks is asked again.
        browser.run("fetch('/clips').then(answer => answer.status)")
    browser.go("about:blank")
    browser.complaints[:] = [said for said in browser.complaints if "401" not in said]


def test_a_link_with_the_token(browser: Browser, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("another-token-of-the-best")
    token.chmod(0o600)
    with serving(Hub(["front-door"]), token_file=token) as address:
        browser.go(f"{address}?token={token.read_text()}")
        browser.until("document.querySelector('.camera h2')?.innerText === 'front-door'")
        assert browser.run("location.href") == address
