"""The page's server, over real connections on the loopback interface."""

from __future__ import annotations

import http.client
import json
import logging
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("starlette", reason="the page's libraries are not installed")
pytest.importorskip("uvicorn", reason="the page's libraries are not installed")
pytest.importorskip("prometheus_client", reason="the page's libraries are not installed")

from prometheus_client.parser import text_string_to_metric_families

from apps.raspberry_pi import web
from apps.raspberry_pi.config import WebConfig
from apps.raspberry_pi.hub import Hub
from apps.raspberry_pi.pictures import from_jpeg
from apps.raspberry_pi.web import access, app, connections, live
from apps.raspberry_pi.web import clips as clip_files
from edgevid import Event, Frame, Prediction, Score, UsageError, __version__
from tests.apps.parts import BLACK, RED, colours, end_thread, status, thread_called, until

TOKEN = "correct-horse-battery-staple"
SCORES = (Score("juggling balls", 0.9), Score("<b>clapping</b>", 0.05))


def see(hub: Hub, camera: str = "door", *, scores: tuple[Score, ...] = SCORES) -> None:
    hub.status.set_state(camera, "live")
    number = status(hub, camera).steps
    frame = Frame(np.full((90, 160, 3), 120, np.uint8), time.monotonic(), number)
    hub.record_step(camera, frame, [Prediction(frame.timestamp, number, scores, 2.0)], skipped=0)


def happen(hub: Hub, label: str = "juggling balls", state: Any = "start") -> None:
    hub.bus.publish("door", Event(state, label, time.monotonic(), 0.6))


@pytest.fixture
def hub() -> Hub:
    return Hub(["door", "yard"], "<my model>")


@contextmanager
def serving(hub: Hub, clips: Path | None = None, **settings: Any) -> Iterator[int]:
    """Gives the port of a page."""
    with socket.create_server((settings.get("host", "127.0.0.1"), 0)) as free:
        port = free.getsockname()[1]
    server = web.start(WebConfig(port=port, **settings), hub, clips)
    try:
        yield port
    finally:
        server.stop(30.0)
        assert not [thread for thread in threading.enumerate() if thread.name == "web"]


@pytest.fixture
def page(hub: Hub) -> Iterator[int]:
    with serving(hub) as port:
        yield port


def ask(
    port: int, path: str, method: str = "GET", body: str | None = None, **headers: str
) -> tuple[int, dict[str, str], bytes]:
    """Sends a request as it is; returns status, headers, content."""
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()


def locked(folder: Path, token: str = TOKEN) -> Path:
    path = folder / "token"
    path.write_text(token)
    path.chmod(0o600)
    return path


# What there is to see


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "text/html; charset=utf-8"),
        ("/style.css", "text/css; charset=utf-8"),
        ("/page.js", "text/javascript; charset=utf-8"),
        ("/icon.svg", "image/svg+xml"),
        ("/favicon.ico", "image/svg+xml"),
    ],
)
def test_the_page_and_what_it_is_made_of(page: int, path: str, kind: str) -> None:
    status, headers, content = ask(page, path)
    assert (status, headers["content-type"]) == (200, kind)
    assert content


def test_the_page_names_the_model(page: int) -> None:
    assert b">&lt;my model&gt;</small>" in ask(page, "/")[2]


def test_the_page_asks_nobody_else_for_anything() -> None:
    for path in (Path(web.__file__).parent / "page").iterdir():
        text = path.read_text("utf-8").replace("http://www.w3.org/2000/svg", "")
        assert "//" not in text.replace("// ", ""), path.name


def test_every_answer_tells_the_browser_to_be_careful(page: int) -> None:
    for path in ("/", "/clips", "/nothing", "/cameras/none/picture.jpg"):
        _, headers, _ = ask(page, path)
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert "server" not in headers
        assert headers["cache-control"] in ("no-store", "no-cache")


def test_a_picture_is_drawn_when_somebody_looks(
    hub: Hub, page: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[object] = []

    def jpeg(picture: object) -> bytes:
        drawn.append(picture)
        return b"picture %d" % len(drawn)

    monkeypatch.setattr("apps.raspberry_pi.snapshots.jpeg", jpeg)
    assert ask(page, "/cameras/door/picture.jpg")[0] == 404  # there is none yet
    for _ in range(5):
        see(hub)
    assert not drawn
    assert ask(page, "/cameras/door/picture.jpg")[2] == b"picture 1"
    assert ask(page, "/cameras/door/picture.jpg")[2] == b"picture 1"
    see(hub)
    assert ask(page, "/cameras/door/picture.jpg")[2] == b"picture 2"
    assert ask(page, "/cameras/window/picture.jpg")[0] == 404


def test_a_picture_is_a_picture(hub: Hub, page: int) -> None:
    see(hub)
    _, headers, content = ask(page, "/cameras/door/picture.jpg")
    assert headers["content-type"] == "image/jpeg"
    assert from_jpeg(content).shape == (360, 640, 3)


def test_health_is_that_of_all_cameras(hub: Hub, page: int) -> None:
    see(hub, "door")
    status, _, content = ask(page, "/healthz")
    assert (status, json.loads(content)) == (
        503,
        {"well": False, "cameras": {"door": "live", "yard": "starting"}},
    )
    see(hub, "yard")
    assert ask(page, "/healthz")[0] == 200
    hub.status.set_state("door", "lost", "unplugged")
    assert ask(page, "/healthz")[0] == 503


def test_metrics(hub: Hub, page: int) -> None:
    for _ in range(3):
        see(hub)
    happen(hub)
    happen(hub, "clapping")
    happen(hub, state="end")
    status, headers, content = ask(page, "/metrics")
    assert (status, headers["content-type"].split(";")[0]) == (200, "text/plain")
    families = list(text_string_to_metric_families(content.decode()))
    figures = {
        (sample.name, *sample.labels.values()): sample.value
        for family in families
        for sample in family.samples
    }
    assert figures["edgevid_info", "<my model>", __version__] == 1
    assert figures["edgevid_steps_total", "door"] == 3
    assert figures["edgevid_saved_steps_total", "door"] == 0
    assert figures["edgevid_tracks", "door"] == 0
    assert figures["edgevid_camera_up", "door"] == 1
    assert figures["edgevid_camera_up", "yard"] == 0
    assert figures["edgevid_skipped_ticks_total", "door"] == 0
    assert figures["edgevid_events_total", "door", "start"] == 2
    assert figures["edgevid_events_total", "door", "end"] == 1
    assert figures["edgevid_events_total", "yard", "start"] == 0
    assert figures["edgevid_step_seconds_count", "door"] == 3
    assert figures["edgevid_step_seconds_bucket", "door", "0.005"] == 3
    assert figures["edgevid_step_seconds_bucket", "door", "+Inf"] == 3
    assert figures["edgevid_step_seconds_sum", "door"] == pytest.approx(0.006)
    assert "edgevid_latency_seconds" in {family.name for family in families}
    assert figures["process_open_fds",] > 0
    assert "juggling" not in content.decode()


# Server-sent events


class Told:
    """A client of /events."""

    def __init__(self, port: int, query: str = "", **headers: str) -> None:
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._connection.request("GET", f"/events{query}", headers=headers)
        self.answer = self._connection.getresponse()

    def __enter__(self) -> Told:
        return self

    def __exit__(self, *_: object) -> None:
        self.answer.close()
        self._connection.close()

    def next(self, kind: str = "action") -> tuple[str, Any]:
        """Returns the next message of a kind: its id and content."""
        while True:
            fields = self.lines()
            if fields.get("event") == kind:
                return fields.get("id", ""), json.loads(fields["data"])

    def lines(self) -> dict[str, str]:
        fields = {}
        while line := self.answer.readline().decode().rstrip("\n"):
            name, _, value = line.partition(": ")
            fields[name] = value
        assert fields, "the line is closed"
        return fields


def test_events_are_told_as_they_happen(hub: Hub, page: int) -> None:
    happen(hub, "before")
    with Told(page) as told:
        assert told.answer.headers["content-type"].startswith("text/event-stream")
        told.lines()  # it is there
        happen(hub, "after")
        number, event = told.next()
        assert (event["label"], event["event_type"], event["camera"]) == ("after", "start", "door")
        assert number == event["id"] == hub.bus.recent()[-1].id


def test_who_was_away_hears_what_was_missed_and_nothing_twice(hub: Hub, page: int) -> None:
    for number in range(5):
        happen(hub, str(number))
    ids = [found.id for found in hub.bus.recent()]
    for given, missed in (
        ({"Last_Event_ID": ids[2]}, ["3", "4"]),
        ({"Last_Event_ID": ids[4]}, []),
        ({"Last_Event_ID": "of another life"}, ["0", "1", "2", "3", "4"]),
        ({"query": "?recent"}, ["0", "1", "2", "3", "4"]),
        ({}, []),
    ):
        with Told(page, **given) as told:
            told.lines()
            happen(hub, "new")
            assert [told.next()[1]["label"] for _ in [*missed, "new"]] == [*missed, "new"]
        hub.bus._recent.pop()  # for the next one it has not happened


def test_the_cameras_are_told_when_there_is_news(hub: Hub, page: int) -> None:
    see(hub)
    with Told(page, "?cameras") as told:
        _, cameras = told.next("cameras")
        assert [camera["name"] for camera in cameras] == ["door", "yard"]
        assert cameras[0]["scores"][0] == {"label": "juggling balls", "probability": 0.9}
        hub.status.set_state("door", "lost", "unplugged")
        _, cameras = told.next("cameras")
        assert (cameras[0]["state"], cameras[0]["problem"]) == ("lost", "unplugged")
        assert cameras[0]["scores"] == []


def test_a_quiet_line_shows_that_it_is_there(
    hub: Hub, page: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "_QUIET_S", 0.1)
    with Told(page) as told:
        told.lines()
        assert told.answer.readline() == b":\n"


def test_who_leaves_is_forgotten(hub: Hub, page: int) -> None:
    before = len(hub.bus._listeners)
    with ExitStack() as stack:
        for _ in range(20):
            stack.enter_context(Told(page)).lines()
        assert len(hub.bus._listeners) == before + 20
    until(lambda: len(hub.bus._listeners) == before)


def test_the_bound_to_those_who_listen_holds_when_all_come_at_once(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "LISTENERS", 5)
    with serving(hub) as page, ExitStack() as stack:
        clients = [stack.enter_context(quick_connection(page)) for _ in range(80)]
        for client in clients:
            client.sendall(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        answers = [client.recv(12) for client in clients]
        assert sorted(answers) == [b"HTTP/1.1 200"] * 5 + [b"HTTP/1.1 503"] * 75
        for client in clients:
            client.close()
        until(lambda: ask(page, "/events", "HEAD")[0] == 200)
        until(lambda: Told(page).answer.status == 200)


def test_only_asking_what_events_are_holds_no_place(hub: Hub, page: int) -> None:
    before = len(hub.bus._listeners)
    for _ in range(100):
        status, headers, content = ask(page, "/events", "HEAD")
        assert (status, content) == (200, b"")
        assert headers["content-type"].startswith("text/event-stream")
    assert len(hub.bus._listeners) == before


def test_a_problem_that_is_no_text_is_told(hub: Hub, page: int) -> None:
    hub.status.set_state("door", "lost", "caf\udce9.mp4: no such file")  # a name that is not UTF-8
    with Told(page, "?cameras") as told:
        assert told.next("cameras")[1][0]["problem"] == "caf\udce9.mp4: no such file"


def test_who_does_not_listen_costs_no_memory_and_is_hung_up_on(
    hub: Hub, page: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "PATIENCE_S", 0.3)
    before = len(hub.bus._listeners)
    with socket.socket() as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.connect(("127.0.0.1", page))
        deaf.sendall(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        until(lambda: len(hub.bus._listeners) == before + 1)
        label = "x" * 5000

        def shout() -> bool:
            for _ in range(20):
                happen(hub, label)
            return len(hub.bus._listeners) == before

        until(shout)


# Clips


def described(name: str, **more: Any) -> str:
    began = "2026-11-21T10:15:00.000+00:00"
    about = {"video": name, "camera": "c", "began": began, "seconds": 1.0, "events": []}
    return json.dumps(about | more)


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    folder = tmp_path / "clips"
    folder.mkdir()
    for number, name in enumerate(("door_20261121T101500Z", "yard_20261121T111500Z")):
        colours(folder / f"{name}.mp4", (RED, 0.3), (BLACK, 0.3))
        (folder / f"{name}.json").write_text(described(f"{name}.mp4", camera=name[:4]))
        os.utime(folder / f"{name}.json", (number, number))
    (folder / "broken.json").write_text("{")
    (tmp_path / "secret.mp4").write_bytes(b"secret")
    (tmp_path / "secret.json").write_text(json.dumps({"video": "secret.mp4"}))
    return folder


def test_clips_are_listed_newest_first(hub: Hub, kept: Path) -> None:
    with serving(hub, kept) as page:
        found = json.loads(ask(page, "/clips")[2])
    assert found["kept"]
    assert [clip["camera"] for clip in found["clips"]] == ["yard", "door"]


def test_without_a_folder_there_are_no_clips(page: int) -> None:
    assert json.loads(ask(page, "/clips")[2]) == {"kept": False, "clips": []}
    assert ask(page, "/clips/door_20261121T101500Z.mp4")[0] == 404


def test_a_clip_can_be_fetched_whole_or_in_part_or_played(hub: Hub, kept: Path) -> None:
    name = "door_20261121T101500Z.mp4"
    with serving(hub, kept) as page:
        status, headers, content = ask(page, f"/clips/{name}")
        assert (status, headers["content-type"]) == (200, "video/mp4")
        assert headers["content-disposition"] == f'attachment; filename="{name}"'
        assert content == (kept / name).read_bytes()
        assert ask(page, f"/clips/{name}", Range="bytes=4-7")[::2] == (206, b"ftyp")
        _, headers, content = ask(page, f"/clips/{name}?play")
    assert headers["content-type"] == f"multipart/x-mixed-replace; boundary={clip_files.BOUNDARY}"
    pictures = [part.partition(b"\r\n\r\n")[2] for part in content.split(b"--picture\r\n")[1:]]
    shown = [from_jpeg(picture)[24, 32] for picture in pictures]
    assert [bool(pixel[2] > 100) for pixel in shown] == [True] * 3 + [False] * 3


def test_parts_of_a_clip(hub: Hub, kept: Path) -> None:
    name = "door_20261121T101500Z.mp4"
    content = (kept / name).read_bytes()
    size = len(content)
    with serving(hub, kept) as page:

        def get(given: str, method: str = "GET", **headers: str) -> tuple[int, bytes]:
            return ask(page, f"/clips/{name}", method, Range=given, **headers)[::2]

        assert get("bytes=0-0") == (206, content[:1])
        assert get("bytes=-5") == (206, content[-5:])
        assert get(f"bytes={size - 3}-") == (206, content[-3:])
        assert get(f"bytes=10-{10 * size}") == (206, content[10:])
        assert get("bytes=4-7", "HEAD") == (206, b"")
        assert get("bytes=4-7", If_Range='"another file"') == (200, content)
        assert get(f"bytes={size}-")[0] == 416
        for wrong in ("bytes", "bytes=", "bytes=x-y", "bytes=9-3", "lines=1-2", "bytes=--1"):
            assert get(wrong)[0] in (400, 416)
        several = get("bytes=0-3,8-11")
        assert several[0] == 206
        assert several[1].count(b"Content-Range: bytes") == 2
        # Thousands of ranges are merged, or the whole is given: never sorted by their squares.
        status, given = get("bytes=" + ",".join(f"{n}-{n}" for n in range(0, 2500, 2)))
        assert status in (200, 206, 400)
        assert len(given) < 2 * size
        status, given = get("bytes=" + ",".join(["0-"] * 2500))
        assert (status, given[:4]) in ((200, content[:4]), (206, content[:4]))


def test_a_clip_that_is_known_is_not_sent_again(hub: Hub, kept: Path) -> None:
    path = "/clips/door_20261121T101500Z.mp4"
    with serving(hub, kept) as page:
        _, headers, content = ask(page, path, "HEAD")
        assert content == b""
        assert int(headers["content-length"]) > 0
        tag, date = headers["etag"], headers["last-modified"]
        for known in (
            {"If_None_Match": tag},
            {"If_None_Match": f'"x", W/{tag}'},
            {"If_None_Match": "*"},
            {"If_Modified_Since": date},
            {"If_Modified_Since": "Fri, 01 Jan 2100 00:00:00 GMT"},
        ):
            status, headers, content = ask(page, path, **known)
            assert (status, headers["etag"], content) == (304, tag, b"")
        for unknown in (
            {"If_None_Match": '"x"'},
            {"If_None_Match": '"x"', "If_Modified_Since": date},
            {"If_Modified_Since": "Fri, 01 Jan 1999 00:00:00 GMT"},
            {"If_Modified_Since": "yesterday"},
            {"If_Modified_Since": ""},
        ):
            assert ask(page, path, **unknown)[0] == 200


FOREIGN: dict[str, Any] = {
    "a list": "[1, 2]",
    "a number": "7",
    "null": "null",
    "deep": "[" * 100_000,
    "a video that is a list": described("x.mp4", video=["x.mp4"]),
    "events that are none": described("x.mp4", events={"a": 1}),
    "events without a label": described("x.mp4", events=[{"label": {}}, 3]),
    "no number": described("x.mp4", seconds="long"),
    "too large a number": '{"seconds": 1' + "0" * 5000 + "}",
    "another camera": described("x.mp4", camera=None),
    "another name": described("y.mp4"),
    "not UTF-8": b"\xff\xfe{}",
    "huge": described("x.mp4", more="x" * 3_000_000),
}


@pytest.mark.parametrize("content", FOREIGN.values(), ids=FOREIGN)
def test_foreign_json_is_passed_over(hub: Hub, kept: Path, content: str | bytes) -> None:
    (kept / "x.mp4").write_bytes(b"not ours")
    (kept / "x.json").write_bytes(content.encode() if isinstance(content, str) else content)
    with serving(hub, kept) as page:
        assert [clip["camera"] for clip in listed(page)] == ["yard", "door"]
        for query in ("", "?play"):
            assert ask(page, f"/clips/x.mp4{query}")[0] == 404


def listed(page: int) -> list[dict[str, Any]]:
    status, _, content = ask(page, "/clips")
    assert status == 200
    clips: list[dict[str, Any]] = json.loads(content)["clips"]
    return clips


def test_files_of_every_kind_are_passed_over(hub: Hub, kept: Path) -> None:
    real = kept / "door_20261121T101500Z.mp4"
    # Pipes into which nobody writes, folders, links out of the folder, devices.
    for name in ("pipe.json", "piped.mp4"):
        os.mkfifo(kept / name)
    (kept / "piped.json").write_text(described("piped.mp4"))
    (kept / "pipe.mp4").write_bytes(b"x")
    (kept / "folder.json").mkdir()
    (kept / "folder.mp4").mkdir()
    (kept / "link.mp4").symlink_to(kept.parent / "secret.mp4")
    (kept / "link.json").write_text(described("link.mp4"))
    (kept / "out.json").symlink_to(kept.parent / "out.json")
    (kept.parent / "out.json").write_text(described("out.mp4"))
    (kept / "out.mp4").write_bytes(b"x")
    (kept / "device.json").symlink_to("/dev/zero")
    (kept / "device.mp4").write_bytes(b"x")
    # One without the other, names that are no text, and what is being written.
    (kept / "alone.mp4").write_bytes(real.read_bytes())
    (kept / "without.json").write_text(described("without.mp4"))
    for name in (os.fsdecode(b"caf\xe9"), ".hidden"):
        (kept / f"{name}.mp4").write_bytes(b"x")
        (kept / f"{name}.json").write_text(described(f"{name}.mp4"))
    with serving(hub, kept) as page:
        assert [clip["camera"] for clip in listed(page)] == ["yard", "door"]
        for name in ("pipe", "piped", "folder", "link", "out", "device", "alone", "without"):
            for query in ("", "?play"):
                assert ask(page, f"/clips/{name}.mp4{query}")[0] == 404
        assert ask(page, "/clips/caf%e9.mp4")[0] == ask(page, "/clips/.hidden.mp4")[0] == 404
        assert ask(page, f"/clips/{real.name}")[0] == 200


def test_hundreds_of_foreign_files_hide_no_clip(hub: Hub, kept: Path) -> None:
    for number in range(300):
        (kept / f"{number}.json").write_text("[]")  # newer than ours
    with serving(hub, kept) as page:
        assert [clip["camera"] for clip in listed(page)] == ["yard", "door"]


def test_odd_words_in_a_clip_are_told_and_long_ones_cut(hub: Hub, kept: Path) -> None:
    words = ["\ud800half", "x" * 10_000, "<b>bold</b>", "\u202eright to left", "a\nb\0c"]
    events = [{"label": word} for word in words]
    told = described("door_20261121T101500Z.mp4", events=events, seconds=float("nan"))
    (kept / "door_20261121T101500Z.json").write_text(told)
    with serving(hub, kept) as page:
        clip = next(clip for clip in listed(page) if clip["camera"] == "c")
    assert [event["label"][:300] for event in clip["events"]] == [
        "?half",
        "x" * 300,
        *words[2:],
    ]
    assert clip["seconds"] == 0.0


def test_a_folder_that_is_gone_holds_no_clips(hub: Hub, tmp_path: Path) -> None:
    with serving(hub, tmp_path / "unmounted") as page:
        assert listed(page) == []
        assert ask(page, "/clips/x.mp4")[0] == 404


@pytest.mark.parametrize(
    "path",
    [
        "/clips/../secret.mp4",
        "/clips/..%2fsecret.mp4",
        "/clips/..%2Fsecret.mp4",
        "/clips/%2e%2e/secret.mp4",
        "/clips/%2e%2e%2fsecret.mp4",
        "/clips/..%252fsecret.mp4",
        "/clips/..%5csecret.mp4",
        "/clips/....//secret.mp4",
        "/clips/{folder}/secret.mp4",
        "/clips/%2f{folder}%2fsecret.mp4",
        "/clips/secret.mp4%00.mp4",
        "/clips/..",
        "/clips/%2e%2e",
        "/clips/*.mp4",
        "/clips/",
        "/../../../../etc/passwd",
        "/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
        "//etc/passwd",
        "/page/index.html",
        "/__init__.py",
        "/cameras/..%2f..%2fetc/picture.jpg",
    ],
)
def test_there_is_no_way_out(hub: Hub, kept: Path, path: str) -> None:
    with serving(hub, kept) as page:
        status, _, content = ask(page, path.format(folder=kept.parent))
    assert status in (400, 404)
    assert b"secret\n" not in content
    assert b"root:" not in content


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_nothing_can_be_put_there(hub: Hub, kept: Path, method: str) -> None:
    name = "door_20261121T101500Z.mp4"
    with serving(hub, kept) as page:
        for path in ("/", f"/clips/{name}", "/clips/new.mp4", "/clips", "/events", "/login"):
            assert ask(page, path, method, "content")[0] in (404, 405)
    assert len(list(kept.iterdir())) == 5


# Who may see it


def test_a_service_that_is_not_well_says_so(hub: Hub, page: int) -> None:
    for camera in ("door", "yard"):
        hub.status.set_state(camera, "live")
    assert ask(page, "/healthz")[0] == 200
    hub.status.problem = "MqttLink has ended unexpectedly"
    assert ask(page, "/healthz")[0] == 503


def test_a_thread_that_draws_and_ends_is_noticed(hub: Hub) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    others = threading.enumerate()  # of servers that tests before this one had
    server = web.start(WebConfig(port=port), hub)
    see(hub)
    assert ask(port, "/cameras/door/picture.jpg")[0] == 200
    assert server.is_alive()
    thread = thread_called("pictures_0", others)
    end_thread(thread)
    with suppress(OSError), closing(socket.create_connection(("127.0.0.1", port))) as client:
        client.sendall(b"GET /cameras/door/picture.jpg HTTP/1.1\r\nHost: localhost\r\n\r\n")
        until(lambda: not thread.is_alive())
    assert not server.is_alive()
    server.stop(30.0)


def test_without_a_token_it_is_for_this_machine_only(page: int) -> None:
    for host in ("localhost", "127.0.0.1", f"localhost:{page}", f"127.0.0.1:{page}", "[::1]:80"):
        assert ask(page, "/", Host=host)[0] == 200
    for host in ("evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "", "[::2]"):
        for path in ("/", "/clips", "/events", "/metrics", "/style.css"):
            assert ask(page, path, Host=host)[0] == 421


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "pi.local", ""])
def test_other_machines_need_a_token(hub: Hub, host: str) -> None:
    with pytest.raises(UsageError, match=r"other machines could see the cameras: set token_file"):
        web.start(WebConfig(host=host), hub)


@pytest.mark.parametrize(
    ("token", "mode", "says"),
    [
        (TOKEN, 0o644, "every user of this machine can read it: chmod o="),
        ("short", 0o600, "needs 16 characters or more"),
        ("", 0o600, "must hold one line"),
    ],
)
def test_a_token_that_protects_nothing_is_refused(
    hub: Hub, tmp_path: Path, token: str, mode: int, says: str
) -> None:
    path = locked(tmp_path, token)
    path.chmod(mode)
    with pytest.raises(UsageError, match=says) as raised:
        web.start(WebConfig(token_file=path), hub)
    assert not token or token not in str(raised.value)


@pytest.mark.parametrize("host", ["not an address", "256.0.0.1"])
def test_an_address_that_can_never_be_is_refused(hub: Hub, tmp_path: Path, host: str) -> None:
    with pytest.raises(UsageError, match="the page cannot be at"):
        web.start(WebConfig(host=host, token_file=locked(tmp_path)), hub)


def test_a_port_that_is_held_is_waited_for(
    hub: Hub, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(web, "_WAIT_S", (0.01, 0.05))
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
        server = web.start(WebConfig(port=port), hub)
        until(lambda: caplog.text.count("Address already in use") >= 3)
        assert server.is_alive()
    until(lambda: server.is_bound)
    assert ask(port, "/healthz")[0] == 503  # no camera is live yet
    server.stop(30.0)
    assert not server.is_alive()


def test_an_address_that_is_not_ours_yet_is_waited_for(hub: Hub, tmp_path: Path) -> None:
    server = web.start(WebConfig(host="192.0.2.1", token_file=locked(tmp_path)), hub)
    assert server.is_alive()
    assert not server.is_bound
    server.stop(30.0)
    assert not server.is_alive()


@pytest.fixture
def behind_token(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> Iterator[int]:
    monkeypatch.setattr(access, "_WRONG_S", 0.01)
    caplog.set_level(logging.DEBUG)
    with serving(hub, host="0.0.0.0", token_file=locked(tmp_path)) as port:
        yield port
    assert TOKEN not in "".join(record.getMessage() for record in caplog.get_records("call"))


def test_with_a_token_nothing_is_seen_without_it(behind_token: int) -> None:
    for path in ("/", "/page.js", "/events", "/clips", "/healthz", "/metrics", "/nothing"):
        for headers in (
            {},
            {"Authorization": f"Bearer {TOKEN}x"},
            {"Authorization": "Bearer "},
            {"Authorization": f"Basic {TOKEN}"},
            {"Authorization": "Bearer \xff\xfe"},
            {"Cookie": f"edgevid={TOKEN}"},  # the token itself is no cookie
            {"Cookie": "edgevid="},
            {"Cookie": "\xe4;;=;edgevid"},
        ):
            status, answered, _ = ask(behind_token, path, **headers)
            assert status == 401
            assert answered["www-authenticate"].startswith("Bearer")
    assert ask(behind_token, "/clips", Authorization=f"Bearer {TOKEN}")[0] == 200
    assert ask(behind_token, "/", Authorization=f"Bearer {TOKEN}", Host="pi.local")[0] == 200


def test_a_browser_gets_a_form_and_then_a_cookie(behind_token: int) -> None:
    status, _, content = ask(behind_token, "/", Accept="text/html,*/*")
    assert status == 401
    assert b'<form method="post" action="/login"' in content
    assert b'role="alert" hidden' in content
    assert ask(behind_token, "/style.css")[0] == 200  # of which the form is made

    status, headers, content = ask(behind_token, "/login", "POST", "token=wrong")
    assert status == 401
    assert b'role="alert" >' in content
    assert "set-cookie" not in headers

    status, headers, _ = ask(behind_token, "/login", "POST", f"token={TOKEN}")
    assert (status, headers["location"]) == (303, "/")
    cookie, *attributes = headers["set-cookie"].split("; ")
    assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(attributes)
    assert TOKEN not in cookie
    assert ask(behind_token, "/", Cookie=cookie)[0] == 200
    assert ask(behind_token, "/", Cookie=cookie[:-1])[0] == 401


def test_a_link_with_the_token_logs_in(behind_token: int) -> None:
    status, headers, _ = ask(behind_token, f"/?token={TOKEN}")
    assert (status, headers["refresh"]) == (200, "0; url=/")
    assert ask(behind_token, "/", Cookie=headers["set-cookie"].split(";")[0])[0] == 200
    assert ask(behind_token, "/?token=wrong")[0] == 401


def test_a_form_has_a_bound(behind_token: int) -> None:
    assert ask(behind_token, "/login", "POST", "token=" + "x" * 5_000)[0] == 413
    with quick_connection(behind_token) as client, suppress(ConnectionError):
        client.sendall(b"POST /login HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\n")
        for _ in range(10_000):
            client.sendall(b"x" * 4096)
        pytest.fail("forty megabytes were taken")


def cookie_of(page: int) -> str:
    headers = ask(page, "/login", "POST", f"token={TOKEN}")[1]
    return headers["set-cookie"].split(";")[0]


def test_strange_cookies_of_other_ports_lock_nobody_out(behind_token: int) -> None:
    cookie = cookie_of(behind_token)
    assert cookie.startswith(f"edgevid_{behind_token}=")
    for strange in ("a[b]=c", "=", "\xe4;;", 'x="half', "edgevid=of-another", "a=b c,d", "{}"):
        for together in (f"{strange}; {cookie}", f"{cookie}; {strange}", f"{strange};{cookie};"):
            assert ask(behind_token, "/clips", Cookie=together)[0] == 200
    wrong = f"edgevid_{behind_token}=wrong"
    assert ask(behind_token, "/clips", Cookie=f"{wrong}; {cookie}")[0] == 200


def test_a_cookie_that_is_no_longer_right_is_taken_back(behind_token: int) -> None:
    name = f"edgevid_{behind_token}"
    status, headers, _ = ask(behind_token, "/clips", Cookie=f"{name}=of-an-older-token")
    assert status == 401
    assert headers["set-cookie"].startswith(f'{name}=""; ')
    assert "Max-Age=0" in headers["set-cookie"]
    assert "set-cookie" not in ask(behind_token, "/clips", Cookie="other=1")[1]


@pytest.mark.parametrize("where", ["form", "link", "header", "cookie"])
def test_a_wrong_token_costs_time_and_is_noted(
    behind_token: int, where: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(access, "_WRONG_S", 0.3)
    wrong = "incorrect-horse-battery-staple"
    asked: dict[str, dict[str, str]] = {
        "form": {"path": "/login", "method": "POST", "body": f"token={wrong}"},
        "link": {"path": f"/?token={wrong}"},
        "header": {"path": "/clips", "Authorization": f"Bearer {wrong}"},
        "cookie": {"path": "/clips", "Cookie": f"edgevid_{behind_token}={wrong}"},
    }
    began = time.monotonic()
    assert ask(behind_token, **asked[where])[0] == 401
    assert time.monotonic() - began >= 0.3
    lines = [line for line in caplog.messages if "wrong token" in line]
    assert len(lines) == 1
    assert lines[0].startswith("127.0.0.1 sent a wrong token")
    assert where in lines[0].lower()
    assert wrong not in caplog.text


def test_asking_without_a_token_costs_no_time(
    behind_token: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(access, "_WRONG_S", 3600.0)
    assert ask(behind_token, "/clips", Cookie="edgevid=1; other=2")[0] == 401
    assert ask(behind_token, "/favicon.ico")[0] == 200
    assert "wrong token" not in caplog.text


@pytest.mark.parametrize(
    "host", ["pi.local/style.css?", "pi.local/style.css#", "x@pi.local/icon.svg?", "a b", "\xe4"]
)
def test_the_host_header_opens_nothing(behind_token: int, host: str) -> None:
    for path in ("/clips", "/metrics", "/events"):
        assert ask(behind_token, path, Host=host)[0] in (400, 401)


# Bounds


def quick_connection(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=60)


def is_closed(connection: socket.socket) -> bool:
    try:
        return connection.recv(1) == b""
    except ConnectionError:
        return True


def test_hundreds_of_connections_are_bounded_and_the_page_comes_back(
    page: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "PATIENCE_S", 1.0)
    with ExitStack() as stack:
        held = [stack.enter_context(quick_connection(page)) for _ in range(300)]
        # Those beyond the bound at once; the rest when they have asked for nothing for a while.
        assert all(is_closed(connection) for connection in held)
        assert ask(page, "/")[0] == 200


@pytest.mark.parametrize("half", [b"", b"GET / HTTP/1.1\r\nHost: local", b"\x16\x03\x01"])
def test_half_a_request_is_not_waited_for(
    page: int, monkeypatch: pytest.MonkeyPatch, half: bytes
) -> None:
    monkeypatch.setattr(connections, "PATIENCE_S", 0.2)
    with quick_connection(page) as slow:
        slow.sendall(half)
        while not is_closed(slow):  # it may be told first what is wrong
            pass


def test_a_body_that_never_comes_is_not_waited_for(
    behind_token: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "PATIENCE_S", 0.2)
    with ExitStack() as stack:
        held = [stack.enter_context(quick_connection(behind_token)) for _ in range(90)]
        for client in held:
            client.sendall(b"POST /login HTTP/1.1\r\nHost: a\r\nContent-Length: 30\r\n\r\ntok")
        assert all(is_closed(client) for client in held)
        assert ask(behind_token, "/login", "POST", f"token={TOKEN}")[0] == 303


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"GET / HTTP/1.1\r\nHost: local",
        b"POST /login HTTP/1.1\r\nHost: a\r\nContent-Length: 30\r\n\r\ntok",
        b"GET /style.css HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ],
    ids=["nothing", "half a header", "half a body", "no second request"],
)
def test_those_who_wait_make_room_for_who_asks(behind_token: int, sent: bytes) -> None:
    with ExitStack() as stack:
        for _ in range(connections.MOST + 100):
            stack.enter_context(quick_connection(behind_token)).sendall(sent)
        for _ in range(20):
            assert ask(behind_token, "/style.css")[0] == 200


def test_who_comes_before_a_crowd_is_answered(page: int) -> None:
    asked = b"GET /style.css HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    for _ in range(10):
        with ExitStack() as stack:
            first = stack.enter_context(quick_connection(page))
            first.sendall(asked)
            crowd = []
            for _ in range(connections.MOST + 50):  # all within a moment
                one = stack.enter_context(socket.socket())
                one.setblocking(False)
                one.connect_ex(("127.0.0.1", page))
                crowd.append(one)
            assert first.recv(12) == b"HTTP/1.1 200"


def test_those_who_wait_for_a_wrong_token_make_room(
    behind_token: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access, "_WRONG_S", 3600.0)
    request = b"GET /clips HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer wrong\r\n\r\n"
    with ExitStack() as stack:
        for _ in range(connections.MOST + 100):
            stack.enter_context(quick_connection(behind_token)).sendall(request)
        for _ in range(20):
            assert ask(behind_token, "/style.css")[0] == 200


def test_nobody_who_gets_an_answer_makes_room(hub: Hub, page: int) -> None:
    with ExitStack() as stack:
        told = stack.enter_context(Told(page))
        told.lines()
        for _ in range(connections.MOST + 100):
            stack.enter_context(quick_connection(page))
        assert ask(page, "/")[0] == 200
        happen(hub, "after")
        assert told.next()[1]["label"] == "after"


class Clock:
    """Stands in for a module's ``time``; goes on when it is told."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.looks = 0

    def monotonic(self) -> float:
        self.looks += 1
        return self.now

    def pass_by(self, seconds: float) -> None:
        """Has time pass, and the connection that there is look at it."""
        self.now += seconds
        looks = self.looks
        until(lambda: self.looks > looks + 2)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(connections, "time", clock)
    monkeypatch.setattr(connections, "_LOOKS", 2000)
    return clock


def test_a_connection_in_use_is_kept(clock: Clock, page: int) -> None:
    with closing(http.client.HTTPConnection("127.0.0.1", page, timeout=60)) as client:
        client.connect()
        connected = client.sock
        for _ in range(10):
            client.request("GET", "/style.css")
            assert client.getresponse().read()
            clock.pass_by(0.9 * connections.PATIENCE_S)
        assert client.sock is connected  # it has not connected again
        clock.now += 1.1 * connections.PATIENCE_S
        assert is_closed(connected)


def test_every_answer_has_an_end(hub: Hub, clock: Clock, page: int) -> None:
    with Told(page) as told:
        told.lines()
        clock.pass_by(connections._LONGEST_S - 1)
        happen(hub)
        told.next()
        clock.now += connections._LONGEST_S
        with suppress(ConnectionError, http.client.IncompleteRead):
            while told.answer.readline():
                pass


def test_an_answer_goes_out_at_once(page: int, monkeypatch: pytest.MonkeyPatch) -> None:
    made = connections.BoundedConnection.connection_made
    delays = []

    def look(self: Any, transport: Any) -> None:
        made(self, transport)
        connected = transport.get_extra_info("socket")
        delays.append(connected.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))

    monkeypatch.setattr(connections.BoundedConnection, "connection_made", look)
    ask(page, "/style.css")
    assert delays
    assert all(delays)


GARBAGE = {
    "lines": b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"a:\r\n" * 60_000 + b"\r\n",
    "chunks": b"POST /login HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    + b"1\r\nx\r\n" * 40_000,
    "a chunk that is none": b"POST /login HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n"
    b"\r\n1\r\nx\r\nnone\r\n",
    "after a request": b"GET /style.css HTTP/1.1\r\nHost: localhost\r\n\r\n\0\1\2\r\n\r\n",
    "after events": b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n" + b"\0" * 100_000,
    "in the place of a body": b"POST /clips HTTP/1.1\r\nHost: localhost\r\n"
    b"Transfer-Encoding: chunked\r\n\r\nGET / HTTP/1.1\r\n\r\n",
    "another protocol": b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03" + b"\x7f" * 500,
    "two lengths": b"POST /login HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n"
    b"Content-Length: 2\r\n\r\nxx",
    "an upgrade": b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n"
    b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\r\n" + b"\x81\x05hello" * 10,
    "a version": b"GET / HTTP/9.9\r\n\r\n",
    "a target": b"GET /\xff\xfe HTTP/1.1\r\nHost: localhost\r\n\r\n",
}


@pytest.mark.parametrize("garbage", GARBAGE.values(), ids=GARBAGE)
def test_garbage_is_hung_up_on_without_a_word(
    page: int,
    garbage: bytes,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connections, "PATIENCE_S", 0.5)
    with quick_connection(page) as client:
        with suppress(ConnectionError):
            client.sendall(garbage)
        while not is_closed(client):
            pass
    assert ask(page, "/style.css")[0] == 200
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


def test_an_endless_header_is_refused(page: int) -> None:
    with quick_connection(page) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n")
        answer = b""
        try:
            for _ in range(100):
                client.sendall(b"X-More: " + b"x" * 1000 + b"\r\n")
            answer = client.recv(100)
        except ConnectionError:
            return
        assert answer.startswith(b"HTTP/1.1 4")


def test_the_service_can_stop_while_people_look(hub: Hub) -> None:
    with ExitStack() as stack:
        with serving(hub) as page:
            for _ in range(5):
                stack.enter_context(Told(page, "?cameras")).lines()
        with pytest.raises(ConnectionRefusedError):
            ask(page, "/")
