"""The page on a phone-sized screen, with the demo video as its camera, driven by touch.

``EDGEVID_PICTURES=FOLDER`` keeps what the browser showed, to be looked at.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import edgevid
from apps.phone import models, site
from benchmarks.parts.phone_page import serving
from edgevid.support.opencv import cv2
from tests.apps.browser import FAINT, PHONE, Browser, needs_chromium
from tests.conftest import LabelledClip

pytestmark = needs_chromium

ROOT = Path(__file__).parents[3]
DEMO = Path(edgevid.__file__).parent / "bundled" / "demo.mp4"
FAKE = ("--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream")
SMALL = """
[...document.querySelectorAll('button, a, input, select, summary')]
  .filter(one => one.offsetParent && !one.closest('details:not([open])') || one.matches('summary'))
  .map(one => [one.id || one.innerText, one.closest('.check') ?? one])
  .filter(([, one]) => one.offsetHeight < 44 || one.offsetWidth < 44)
  .map(([name, one]) => `${name} ${one.offsetWidth}x${one.offsetHeight}`)
"""
KEEP_SHARED = """
window.files = [];
navigator.canShare = () => true;
navigator.share = async ({files}) => { window.files.push(...files); };
"""
NAMELESS = """
[...document.querySelectorAll('button, a, input, select, summary')]
  .filter(one => !(one.labels?.length || one.innerText.trim() || one.ariaLabel))
  .map(one => one.outerHTML)
"""


def as_camera(clip: Path, path: Path) -> Path:
    """Writes a clip as a file that Chromium plays as its camera, over and over."""
    with edgevid.open_source(clip) as source, path.open("wb") as file:
        for frame in source:
            height, width = (side // 2 * 2 for side in frame.image.shape[:2])
            if frame.index == 0:
                fps = round(source.fps or 25)
                file.write(f"YUV4MPEG2 W{width} H{height} F{fps}:1 Ip A1:1 C420\n".encode())
            picture = np.ascontiguousarray(frame.image[:height, :width])
            file.write(b"FRAME\n" + cv2.cvtColor(picture, cv2.COLOR_RGB2YUV_I420).tobytes())
    return path


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return as_camera(DEMO, tmp_path_factory.mktemp("video") / "demo.y4m")


@contextmanager
def phone(folder: Path, *flags: str) -> Iterator[Browser]:
    with Browser(folder, flags) as browser:
        browser.ask("Emulation.setTouchEmulationEnabled", enabled=True)
        browser.look_as(PHONE)
        yield browser
        browser.run("0")  # whatever was said until now has been read
        assert browser.complaints == []


@pytest.fixture
def address(built: Path, tmp_path: Path) -> Iterator[str]:
    """A site of its own, that a test may change."""
    shutil.copytree(built, tmp_path / "site")
    with serving(tmp_path / "site") as at:
        yield at


def ready(browser: Browser) -> None:
    browser.until("document.querySelector('#line')?.textContent === 'ready'")


def shown(browser: Browser, name: str) -> None:
    folder = os.environ.get("EDGEVID_PICTURES")
    if folder:
        browser.screenshot(Path(folder, f"phone-{name}.png"), whole=True)


def line(browser: Browser) -> str:
    return str(browser.run("document.querySelector('#line').textContent"))


def problem(browser: Browser, words: str) -> None:
    """Waits until the page says what is wrong."""
    browser.until(
        f"document.querySelector('#line.problem')?.textContent.includes({json.dumps(words)})"
    )


def test_a_camera_from_start_to_shared_events(address: str, video: Path, tmp_path: Path) -> None:
    flags = (*FAKE, f"--use-file-for-fake-video-capture={video}")
    with phone(tmp_path / "profile", *flags) as browser:
        browser.go(address)
        ready(browser)
        shown(browser, "idle")
        browser.run(
            "window.files = []; navigator.canShare = () => true;"
            "navigator.share = async ({files}) => { window.files.push(...files); }"
        )
        browser.touch("#start")
        browser.until("document.querySelectorAll('#events li').length > 2")
        browser.until("document.querySelector('#step').textContent.endsWith('ms')")
        assert browser.run("document.querySelector('#video').videoWidth") > 0
        browser.touch("#record")
        browser.until("document.querySelector('#recorded span').textContent === '1 s'")
        shown(browser, "live")
        browser.touch("#record")
        browser.until("window.files.length === 1")
        name, size = browser.run("[window.files[0].name, window.files[0].size]")
        assert name.endswith((".mp4", ".webm"))
        assert size > 1000
        browser.touch("#start")
        browser.until("document.querySelector('#start').textContent === 'Start camera'")
        browser.touch("#share")
        browser.until("window.files.length === 2")
        lines = [json.loads(text) for text in browser.run("window.files[1].text()").splitlines()]
        labels = edgevid.load_model("camera-motion").manifest.labels
        assert {line["type"] for line in lines} == {"event"}
        assert {line["label"] for line in lines} <= set(labels)
        starts = [one for one in lines if one["state"] == "start"]
        assert len(starts) == sum(one["state"] == "end" for one in lines) > 2
        times = [one["timestamp"] for one in lines]
        assert times == sorted(times)


def test_a_real_clip_as_the_camera(
    published_path: Path, real_clips: list[LabelledClip], libraries: None, tmp_path: Path
) -> None:
    (tmp_path / "models").mkdir()
    prepared = models.prepared([str(published_path)], tmp_path / "models")
    site.assemble(tmp_path / "site", prepared)
    clip = next(one for one in real_clips if "rpi_carving_ice" in one.path.name)
    video = as_camera(clip.path, tmp_path / "recording.y4m")
    flags = (*FAKE, f"--use-file-for-fake-video-capture={video}")
    with serving(tmp_path / "site") as address, phone(tmp_path / "profile", *flags) as browser:
        browser.go(address)
        ready(browser)
        browser.touch("#start")
        first = "document.querySelector('#scores li')"
        browser.until(f"{first}.querySelector('.label').textContent === 'carving ice' && "
                      f"parseInt({first}.querySelector('.percent').textContent) > 90")  # fmt: skip


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_can_be_read_and_touched(address: str, tmp_path: Path, dark: bool) -> None:
    with phone(tmp_path / "profile") as browser:
        browser.look_as(PHONE, dark=dark)
        browser.go(address)
        ready(browser)
        for details in ("#teach", "#teach ~ details"):
            browser.run(f"document.querySelector('{details}').open = true")
        shown(browser, "dark" if dark else "open")
        assert browser.run(FAINT) == []
        assert browser.run(SMALL) == []
        assert browser.run(NAMELESS) == []
        assert browser.run("document.documentElement.scrollWidth <= innerWidth")
        browser.look_as((844, 390), dark=dark)
        assert browser.run("document.documentElement.scrollWidth <= innerWidth")


def test_starts_without_a_network_after_the_first_visit(built: Path, tmp_path: Path) -> None:
    with phone(tmp_path / "profile") as browser:
        with serving(built) as address:
            browser.go(address)
            ready(browser)
            browser.until("navigator.serviceWorker.controller")
            keys = "caches.open((await caches.keys()).find(k => k.startsWith('edgevid-page'))"
            wanted = f"(async () => (await (await {keys})).keys()).map(k => k.url).join())()"
            deadline = time.monotonic() + 60
            while "litert_wasm_internal.wasm" not in browser.run(wanted):
                assert time.monotonic() < deadline, "LiteRT.js is not kept"
                time.sleep(0.1)
        browser.go("about:blank")
        browser.complaints.clear()
        browser.go(address)  # where nobody is any more
        ready(browser)
        assert browser.run("document.querySelector('#model-name').textContent") == "camera-motion"
        browser.run("0")
        refused = [text for text in browser.complaints if "net::ERR_" not in text]
        browser.complaints[:] = refused


def test_camera_refused(address: str, tmp_path: Path) -> None:
    with phone(tmp_path / "profile", "--use-fake-device-for-media-stream") as browser:
        browser.ask("Browser.setPermission", permission={"name": "camera"}, setting="denied")
        browser.go(address)
        ready(browser)
        browser.touch("#start")
        problem(browser, "The camera was refused. Allow it for this page")
        shown(browser, "refused")


def test_no_camera(address: str, tmp_path: Path) -> None:
    with phone(tmp_path / "profile", "--use-fake-ui-for-media-stream") as browser:
        browser.go(address)
        ready(browser)
        browser.touch("#start")
        problem(browser, "There is no camera here. In Settings you can choose a video")


def test_camera_taken_away_and_tab_hidden(address: str, tmp_path: Path) -> None:
    with phone(tmp_path / "profile", *FAKE) as browser:
        browser.go(address)
        ready(browser)
        browser.touch("#start")
        browser.until("document.querySelector('#scores .percent').textContent")
        hide = "Object.defineProperty(document, 'hidden', {{configurable: true, value: {}}});"
        change = "document.dispatchEvent(new Event('visibilitychange'))"
        browser.run(hide.format("true") + change)
        browser.until("document.querySelector('#video').srcObject === null")
        browser.run(hide.format("false") + change)
        browser.until("document.querySelector('#scores .percent').textContent")
        browser.run(
            "document.querySelector('#video').srcObject.getTracks()[0].dispatchEvent("
            "new Event('ended'))"
        )
        problem(browser, "The camera was taken away")
        browser.touch("#start")
        browser.until("document.querySelector('#scores .percent').textContent")


def test_a_model_that_is_cut_off(address: str, tmp_path: Path) -> None:
    path = tmp_path / "site" / "models" / "camera-motion.tflite"
    path.write_bytes(path.read_bytes()[:-1000])
    with phone(tmp_path / "profile") as browser:
        browser.go(address)
        problem(browser, "camera-motion was cut off or changed on its way here")


def test_files_that_are_no_model_leave_the_one_that_runs(address: str, tmp_path: Path) -> None:
    whole = (tmp_path / "site" / "models" / "camera-motion.tflite").read_bytes()
    damaged = bytearray(whole)
    damaged[20_000:40_000] = bytes(20_000)
    files: dict[str, tuple[bytes, str]] = {
        "text.tflite": (b"hello", "This is no .tflite model"),
        "half.tflite": (whole[:-500], "cut off"),
    }
    with phone(tmp_path / "profile") as browser:
        browser.go(address)
        ready(browser)
        browser.run("document.querySelector('#teach ~ details').open = true")
        for name, (data, words) in files.items():
            pick(browser, "#model-file", tmp_path, name, data)
            problem(browser, words)
            assert browser.run("document.querySelector('#model-name').textContent")
        pick(browser, "#model-file", tmp_path, "mine.tflite", whole)
        ready(browser)
        browser.until("document.querySelector('#models').textContent.includes('mine, yours')")
        browser.go(address)
        ready(browser)
        assert browser.run("document.querySelector('#models').value") == "mine"
        browser.complaints.clear()  # LiteRT.js tells the console of files that it cannot read


def pick(browser: Browser, selector: str, folder: Path, name: str, data: bytes) -> None:
    """Chooses a file in a field of the page."""
    (folder / name).write_bytes(data)
    root = browser.ask("DOM.getDocument")["root"]["nodeId"]
    field = browser.ask("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
    browser.ask("DOM.setFileInputFiles", nodeId=field, files=[str(folder / name)])


def test_storage_that_is_full(address: str, tmp_path: Path) -> None:
    whole = (tmp_path / "site" / "models" / "camera-motion.tflite").read_bytes()
    with phone(tmp_path / "profile") as browser:
        browser.go(address)
        ready(browser)
        quota: dict[str, Any] = {"origin": address.rstrip("/"), "quotaSize": 1000}
        browser.ask("Storage.overrideQuotaForOrigin", **quota)
        pick(browser, "#model-file", tmp_path, "mine.tflite", whole)
        problem(browser, "The phone has no room to keep this model: it runs now")
        assert browser.run("document.querySelector('#model-name').textContent") == "camera-motion"


def test_without_relaxed_simd(address: str, tmp_path: Path) -> None:
    with phone(tmp_path / "profile") as browser:
        script = "WebAssembly.validate = () => false"
        browser.ask("Page.addScriptToEvaluateOnNewDocument", source=script)
        browser.go(address)
        ready(browser)
        assert "no SIMD: steps take" in browser.run(
            "document.querySelector('#support').textContent"
        )
        asked = browser.run("performance.getEntriesByType('resource').map(one => one.name)")
        assert not any("litert_wasm_internal" in name for name in asked)


def test_teach_an_action_and_take_it_to_a_board(address: str, video: Path, tmp_path: Path) -> None:
    flags = (*FAKE, f"--use-file-for-fake-video-capture={video}")
    with phone(tmp_path / "profile", *flags) as browser:
        browser.go(address)
        ready(browser)
        browser.touch("#start")
        browser.until("document.querySelector('#scores .percent').textContent")
        browser.touch("#teach summary")
        browser.until("!document.querySelector('#teach-background').disabled")
        assert browser.run("document.querySelector('#teach-action').disabled")
        browser.touch("#teach-name")
        browser.type("wave")
        for button, seconds in (("action", 1.6), ("background", 2.4), ("action", 1.6)):
            before = browser.run("document.querySelectorAll('#examples li').length")
            browser.hold(f"#teach-{button}", seconds)
            browser.until(f"document.querySelectorAll('#examples li').length > {before}")
        shown(browser, "teach")
        browser.run(KEEP_SHARED)
        browser.touch("#teach-fit")
        browser.until("document.querySelector('#teach-line').textContent.startsWith('It runs now')")
        assert browser.run("document.querySelector('#model-name').textContent") == "wave"
        browser.until("document.querySelector('#scores .label').textContent === 'wave'")
        shown(browser, "taught")
        browser.touch("#teach-download")
        browser.until("window.files.length === 1")
        data = base64.b64decode(browser.run(
            "window.files[0].arrayBuffer().then(data => btoa(Array.from("
            "new Uint8Array(data), byte => String.fromCharCode(byte)).join('')))"
        ))  # fmt: skip
        path = tmp_path / "wave.tflite"
        path.write_bytes(data)
        model = edgevid.load_model(path)
        assert model.manifest.labels == ("wave",)
        assert model.manifest.provenance["taught"]["examples"] == {"background": 1, "wave": 2}
        predictions = list(edgevid.classify(DEMO, model))
        assert {one.top.label for one in predictions} == {"wave"}
        browser.go(address)  # it is still there, and so are its examples
        ready(browser)
        assert browser.run("document.querySelector('#models').value") == "wave"
        browser.touch("#teach summary")
        browser.until("document.querySelectorAll('#examples li').length === 3")
        listed = "[...document.querySelectorAll('#examples span')].map(one => one.innerText)"
        assert [text.split(",")[0] for text in browser.run(listed)] == ["wave", "nothing", "wave"]
        browser.touch("#examples li button")
        browser.until("document.querySelectorAll('#examples li').length === 2")
        browser.go(address)
        ready(browser)
        browser.touch("#teach summary")
        browser.until("document.querySelectorAll('#examples li').length === 2")
        assert [text.split(",")[0] for text in browser.run(listed)] == ["nothing", "wave"]


def test_examples_that_cannot_be_kept(address: str, video: Path, tmp_path: Path) -> None:
    flags = (*FAKE, f"--use-file-for-fake-video-capture={video}")
    with phone(tmp_path / "profile", *flags) as browser:
        refuse = "indexedDB.open = () => { throw new DOMException('', 'InvalidStateError'); }"
        browser.ask("Page.addScriptToEvaluateOnNewDocument", source=refuse)
        browser.go(address)
        ready(browser)
        browser.touch("#start")
        browser.until("document.querySelector('#scores .percent').textContent")
        browser.touch("#teach summary")
        browser.until("!document.querySelector('#teach-background').disabled")
        browser.hold("#teach-background", 1.6)
        words = "This browser keeps nothing"
        browser.until(f"document.querySelector('#teach-line').textContent.startsWith('{words}')")
        assert browser.run("document.querySelectorAll('#examples li').length") == 1
        browser.touch("#examples li button")
        browser.until("document.querySelectorAll('#examples li').length === 0")


def test_the_light_of_a_camera_that_has_one(address: str, tmp_path: Path) -> None:
    """No camera here has: the track says that it does, and keeps what it is asked for."""
    lit = """
    window.asked = [];
    MediaStreamTrack.prototype.getCapabilities = () => ({torch: true});
    MediaStreamTrack.prototype.applyConstraints = async asked => {
      if (window.isBroken) throw new DOMException('', 'OverconstrainedError');
      window.asked.push(asked.advanced[0].torch);
    };
    """
    with phone(tmp_path / "profile", *FAKE) as browser:
        browser.ask("Page.addScriptToEvaluateOnNewDocument", source=lit)
        browser.go(address)
        ready(browser)
        assert browser.run("document.querySelector('#torch').hidden")
        browser.touch("#start")
        pressed = "document.querySelector('#torch').getAttribute('aria-pressed')"
        browser.until("!document.querySelector('#torch').hidden")
        for state in ("true", "false"):
            browser.touch("#torch")
            browser.until(f"{pressed} === '{state}'")
        assert browser.run("window.asked") == [True, False]
        browser.run("window.isBroken = true")
        browser.touch("#torch")
        problem(browser, "The light cannot be used with this camera.")
        assert browser.run(pressed) == "false"


def test_what_cannot_be_shared_is_saved(address: str, video: Path, tmp_path: Path) -> None:
    flags = (*FAKE, f"--use-file-for-fake-video-capture={video}")
    with phone(tmp_path / "profile", *flags) as browser:
        (tmp_path / "saved").mkdir()
        saved = {"behavior": "allow", "downloadPath": str(tmp_path / "saved")}
        browser.ask("Browser.setDownloadBehavior", **saved)
        browser.ask("Page.addScriptToEvaluateOnNewDocument",
                    source="navigator.canShare = undefined")  # fmt: skip
        browser.go(address)
        ready(browser)
        browser.touch("#start")
        browser.until("document.querySelectorAll('#events li').length > 1")
        browser.touch("#share")
        deadline = time.monotonic() + 30
        while not (found := list((tmp_path / "saved").glob("edgevid-events-*.jsonl"))):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert json.loads(found[0].read_text().splitlines()[0])["type"] == "event"


def test_benchmark_writes_what_benchmarks_latency_writes(address: str, tmp_path: Path) -> None:
    with phone(tmp_path / "profile") as browser:
        browser.go(f"{address}bench.html?quick")
        browser.until("document.querySelector('#support')?.textContent")
        browser.touch("#measure")
        browser.until("document.querySelector('#line').textContent === 'done'")
        shown(browser, "benchmark")
        assert browser.run(FAINT) == []
        there = json.loads(browser.run("document.querySelector('#json').value"))
    known = json.loads((ROOT / "benchmarks" / "reference" / "latency.json").read_text())
    assert there.keys() == known.keys()
    assert there["machine"].keys() == known["machine"].keys()
    (model,) = there["models"]
    assert model.keys() - {"size"} == known["models"][0].keys()
    assert model["parts_p50_ms"].keys() == known["models"][0]["parts_p50_ms"].keys()
    for way, figures in model["ways"].items():
        assert figures.keys() == {"steps", "p50", "p90", "p95", "p99", "max"}
        assert 0 < figures["p50"] <= figures["p90"] <= figures["max"], way
    assert set(model["ways"]) == {"back to back", "at 5 fps"}
