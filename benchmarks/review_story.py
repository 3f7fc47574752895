"""Teaches a service by its page alone, in a real browser, and watches what comes of it.

    python -m benchmarks.review_story out/story

Two network cameras (RTSP) show fixed-camera clips of falls and daily activities (``segments``): in
one room are two people, in the other two others. From a fresh start, with the keys and buttons of
the page:

1. clips are kept; in those of the first room falls are marked, and what is none is said to be none;
2. it is taught, and the new model is used; both rooms are watched;
3. each event is judged; it is taught again, used, and watched again, twice.

The owner's eye is played by comparing pictures of the clips with those of the videos. Pictures of
the page show people of that collection, and are not for publishing. ``--drawn`` plays the same with
drawn figures: the pictures of the documentation are made so, with ``--pictures docs``.

Needs Debian's ``chromium``, and what ``benchmarks/parts/rtsp_server.py`` needs.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from benchmarks.clips import rows
from benchmarks.parts import drawn_room
from benchmarks.parts.broker import free_port
from benchmarks.parts.browser import DESKTOP, PHONE, Browser
from benchmarks.parts.reviewed import FALL, config_of
from benchmarks.parts.rtsp_camera import RtspCamera, Size, framed
from benchmarks.parts.whereabouts import Moment, Whereabouts
from benchmarks.report import arguments, write_json
from edgevid import open_source
from edgevid.support.command import OK, guard

Footage = dict[str, dict[Path, list[tuple[float, float]]]]
ROOMS = {"living": ("S2", "S3"), "hall": ("S1", "S4")}
_EARLY_S, _LATE_S = 0.5, 1.0  # about a fall, within which an event announces it
_TURNS = ("first", "second", "third")  # of teaching and watching
_SAME_S = 1.5  # within which what is wrong at a place of a video is the same


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the benchmark; returns its exit code."""
    parser = arguments("benchmarks.review_story", __doc__)
    parser.add_argument("folder", type=Path, help="a new one: for the service, and the pictures")
    parser.add_argument("--drawn", action="store_true", help="with drawn figures")
    parser.add_argument(
        "--pictures", type=Path, metavar="FOLDER", help="take the documentation's pictures, too"
    )
    chosen = parser.parse_args(argv)

    def run() -> int:
        folder = chosen.folder.resolve()
        folder.mkdir(parents=True)
        footage = _drawn(folder / "drawn") if chosen.drawn else _filmed()
        told = Story(folder, footage, chosen.pictures).tell(0.4 if chosen.quick else 1.0)
        print(json.dumps(told, indent=1))
        write_json(chosen.json, told)
        return OK

    return guard(run)


def _filmed() -> Footage:
    found: Footage = {room: {} for room in ROOMS}
    for path, row in rows("segments"):
        room = next(r for r, people in ROOMS.items() if path.name[:2] in people)
        falls = FALL.findall(row["segments"])
        found[room][path] = [(float(start), float(end)) for start, end in falls]
    return found


def _drawn(folder: Path) -> Footage:
    folder.mkdir()
    return {
        room: drawn_room.write(folder, first) | drawn_room.write(folder, first + 1)
        for room, first in (("living", 0), ("hall", 2))
    }


class Story:
    """A service, a browser, and an owner.

    Args:
        folder: for the service, and for pictures.
        footage: what the camera of each room shows, and when there is a fall in it.
        documentation: where the documentation's pictures go, if they are wanted.
    """

    def __init__(self, folder: Path, footage: Footage, documentation: Path | None) -> None:
        self._folder, self._documentation = folder, documentation
        self._port = free_port()
        self._pictures = 1  # so many there will be with the next
        self._wrong: list[Moment] = []  # events that were judged as wrong
        self._videos = {room: list(videos) for room, videos in footage.items()}
        self._truth = {path: falls for videos in footage.values() for path, falls in videos.items()}
        self._loop_s = {room: sum(map(_seconds, videos)) for room, videos in self._videos.items()}
        self._size = {room: _size(videos) for room, videos in self._videos.items()}
        self._eye = {
            room: Whereabouts(videos, partial(framed, size=self._size[room]))
            for room, videos in self._videos.items()
        }

    def tell(self, share: float = 1.0) -> dict[str, Any]:
        """Plays it; returns what happened.

        Args:
            share: of the time for which is watched.
        """
        config = self._folder / "edgevid.toml"
        with ExitStack() as running:
            cameras = {
                room: running.enter_context(RtspCamera(videos, self._size[room]))
                for room, videos in self._videos.items()
            }
            shown = {room: camera.address for room, camera in cameras.items()}
            config.write_text(config_of(self._folder, self._port, shown))
            log = running.enter_context((self._folder / "service.log").open("wb"))
            service = subprocess.Popen(
                [sys.executable, "-m", "apps.raspberry_pi", "--config", str(config)], stderr=log
            )
            running.callback(service.wait)
            running.callback(service.terminate)
            browser = running.enter_context(Browser(self._folder / "profile"))
            return self._told(browser, share)

    def _told(self, browser: Browser, share: float) -> dict[str, Any]:
        self._browser = browser
        browser.look_as(DESKTOP)
        self._go("")
        browser.until("document.querySelectorAll('.state.live').length === 2")
        self._picture("live")
        browser.run("document.querySelector('nav a[href=\"/review\"]').click()")
        browser.until("document.querySelector('#first')?.offsetHeight")
        self._picture("first start")
        found: dict[str, Any] = {}
        marked, nothing = self._first_lessons()
        found["clips with falls marked"], found["clips with nothing"] = marked, nothing
        self._picture("said")
        self._document("review-mark", "#bench")
        idle = self._skipped()
        number = 0
        for turn in _TURNS:
            found[f"{turn} teaching"] = self._teach(number)
            number = found[f"{turn} teaching"]["number"]
            self._picture(f"{turn} result", phone=True)
            if turn == "second":
                self._document("review-result", "#teaching", phone=True)
            self._use()
            found[f"{turn} watch"] = self._watch(1.2 * share * max(self._loop_s.values()) + 10)
            self._picture(f"{turn} watch judged", phone=True)
        self._go("")
        browser.until("document.querySelectorAll('.state.live').length === 2")
        self._picture("live again", phone=True)
        found["ticks skipped, before and at the end"] = [idle, self._skipped()]
        found["the browser complained of"] = browser.complaints
        return found

    # What the owner does

    def _first_lessons(self) -> tuple[int, int]:
        """Has clips kept, marks falls in four of the two people, and says of four there is none."""
        marked: dict[str, int] = {}
        nothing = 0
        known: set[str] = set()
        deadline = time.monotonic() + 6 * self._loop_s["living"]
        while (sum(marked.values()) < 4 or len(marked) < 2 or nothing < 4) and (
            time.monotonic() < deadline
        ):
            self._browser.run("find('record').click()")
            time.sleep(3)
            for clip in self._clips("living"):
                if clip["video"] in known:
                    continue
                known.add(clip["video"])
                falls, people, whole = self._seen(clip, "living")
                if falls and whole and len(people) == 1:
                    who = next(iter(people))
                    # Two of each person, and no more.
                    if marked.get(who, 0) < 2:
                        for start, end in falls:
                            self._mark(clip["video"], start, end)
                        marked[who] = marked.get(who, 0) + 1
                elif not falls and nothing < 4:
                    self._choose(clip["video"])
                    self._press("n")
                    self._until_said("Saved: nothing special.")
                    nothing += 1
        return sum(marked.values()), nothing

    def _mark(self, clip: str, start: float, end: float) -> None:
        browser = self._browser
        self._choose(clip)
        for key, second in (("[", start), ("]", end)):
            browser.run(f"find('video').currentTime = {second}")
            browser.until("!find('video').seeking")
            self._press(key)
        browser.run("find('mark-label').focus(); find('mark-label').value = ''")
        browser.type("fall")
        browser.press_enter()
        self._until_said("Saved: fall")

    def _teach(self, before: int) -> dict[str, Any]:
        browser = self._browser
        browser.until("!find('teach').disabled")
        began = time.monotonic()
        browser.run("find('teach').click()")
        browser.until(
            f"teaching.progress.state !== 'running' && teaching.models[0]?.number > {before}",
            600,
        )
        model: dict[str, Any] = json.loads(browser.run("JSON.stringify(teaching.models[0])"))
        return {
            "number": model["number"],
            "seconds": round(time.monotonic() - began, 1),
            "labels": model["labels"],
            "recordings": model["recordings"],
            "events of last week": model["week"],
            "of them would not have come": len(model["gone"]),
        }

    def _use(self) -> None:
        self._browser.run("find('use').click()")
        self._browser.until("find('use').textContent === 'It is used'")
        self._used_at = time.time()

    def _watch(self, seconds: float) -> dict[str, Any]:
        """Watches both rooms; judges each event by what its clip shows."""
        time.sleep(seconds)
        right: list[Moment] = []
        wrong: list[Moment] = []
        shown: set[tuple[str, str]] = set()
        self._browser.run("refresh()")
        for room in ROOMS:
            for clip in self._clips(room):
                if _moment(clip["began"]) + 5.0 < self._used_at:
                    continue
                moments = self._eye[room].of(self._file(clip["video"]))
                for number, event in enumerate(clip["events"]):
                    moment = min(moments, key=lambda one: abs(one.at - event["second"]))
                    falls = self._falls(moment)
                    shown |= {(room, f"{moment.video.name}, {n}") for n in falls}
                    (right if falls else wrong).append(moment)
                    self._judge(clip["video"], number, right=bool(falls))
        again = [one for one in wrong if any(_is_same(one, other) for other in self._wrong)]
        self._wrong += wrong
        return {
            "seconds": round(seconds),
            "events right": len(right),
            "events wrong": len(wrong),
            "of these judged as wrong before": len(again),
            "wrong were": [f"{one.video.name} at {one.second:.1f} s" for one in wrong],
            **{
                f"different falls announced, {room}": f"{sum(r == room for r, _ in shown)} of "
                f"{sum(len(self._truth[video]) for video in videos)}"
                for room, videos in self._videos.items()
            },
        }

    def _judge(self, clip: str, number: int, *, right: bool) -> None:
        self._choose(clip)
        self._browser.run(f"current = {number}")
        self._press("1" if right else "2")
        self._until_said("Saved: ")
        if not right:
            self._picture("judged as wrong")

    def _falls(self, moment: Moment) -> list[int]:
        """Returns which falls of a video an event at a moment announces."""
        return [
            number
            for number, (start, end) in enumerate(self._truth[moment.video])
            if start - _EARLY_S <= moment.second <= end + _LATE_S
        ]

    # What the owner sees

    def _seen(
        self, clip: dict[str, Any], room: str
    ) -> tuple[list[tuple[float, float]], set[str], bool]:
        """Returns the falls in a clip, begin and end, whose they are, and whether all are whole."""
        moments = self._eye[room].of(self._file(clip["video"]))
        falls: list[tuple[float, float]] = []
        people: set[str] = set()
        whole = True
        for video in {moment.video for moment in moments}:
            mine = [moment for moment in moments if moment.video == video]
            for start, end in self._truth[video]:
                during = [moment.at for moment in mine if start <= moment.second <= end]
                if during:
                    falls.append((during[0], during[-1]))
                    people.add(video.name[:2])
                    whole &= during[-1] - during[0] > 0.6 * (end - start)
        return falls, people, whole

    def _clips(self, room: str) -> list[dict[str, Any]]:
        with urlopen(f"http://127.0.0.1:{self._port}/review/clips") as answer:
            found = json.load(answer)["clips"]
        return [clip for clip in found if clip["camera"] == room]

    def _file(self, name: str) -> Path:
        return self._folder / "clips" / name

    def _skipped(self) -> dict[str, float]:
        with urlopen(f"http://127.0.0.1:{self._port}/metrics") as answer:
            lines = answer.read().decode().splitlines()
        return {
            line.split('"')[1]: float(line.split()[-1])
            for line in lines
            if line.startswith("edgevid_skipped_ticks_total{")
        }

    def _go(self, path: str) -> None:
        self._browser.go(f"http://127.0.0.1:{self._port}/{path}")

    def _choose(self, clip: str) -> None:
        self._browser.until(f"clipOf({json.dumps(clip)})")
        self._browser.run(f"document.activeElement.blur(); choose({json.dumps(clip)})")
        self._browser.until("find('video').readyState >= 1")

    def _press(self, key: str) -> None:
        self._browser.run("said('')")
        self._browser.press(key)

    def _until_said(self, text: str) -> None:
        self._browser.until(f"find('line').textContent.startsWith({json.dumps(text)})")

    def _document(self, name: str, what: str, *, phone: bool = False) -> None:
        """Takes a picture for the documentation, of a part of the page and what is around it."""
        if self._documentation is None:
            return
        browser = self._browser
        for kind, size in (("", DESKTOP), *((("-phone", PHONE),) if phone else ())):
            browser.look_as(size)
            browser.run("find('gone-part').open = true")
            browser.run(f"document.querySelector('{what}').scrollIntoView()")
            if not kind:
                browser.run("scrollTo(0, 0)")
            time.sleep(1.0)
            browser.screenshot(self._documentation / f"{name}{kind}.png")
        browser.look_as(DESKTOP)

    def _picture(self, name: str, *, phone: bool = False) -> None:
        for kind, size in (("desktop", DESKTOP), *((("phone", PHONE),) if phone else ())):
            self._browser.look_as(size)
            time.sleep(0.5)
            path = self._folder / f"{self._pictures:02}-{name.replace(' ', '-')}-{kind}.png"
            self._browser.screenshot(path, whole=True)
        self._pictures += 1
        self._browser.look_as(DESKTOP)


def _seconds(video: Path) -> float:
    with open_source(video) as source:
        times = [frame.timestamp for frame in source]
    return times[-1]


def _size(videos: Sequence[Path]) -> Size:
    """Returns width and height in which all have room."""
    sizes = []
    for video in videos:
        with open_source(video) as source:
            height, width = next(iter(source)).image.shape[:2]
            sizes.append((width, height))
    widths, heights = zip(*sizes, strict=True)
    return max(widths), max(heights)


def _is_same(one: Moment, other: Moment) -> bool:
    return one.video == other.video and abs(one.second - other.second) < _SAME_S


def _moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


if __name__ == "__main__":
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    sys.exit(main())
