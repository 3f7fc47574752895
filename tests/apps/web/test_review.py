"""What the review takes and gives, over real connections."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("starlette", reason="the page's libraries are not installed")
pytest.importorskip("uvicorn", reason="the page's libraries are not installed")
pytest.importorskip("prometheus_client", reason="the page's libraries are not installed")

from apps.raspberry_pi import web
from apps.raspberry_pi.config import WebConfig
from apps.raspberry_pi.hub import Hub
from apps.raspberry_pi.review.desk import Review
from apps.raspberry_pi.review.store import Store
from benchmarks.parts.broker import free_port
from tests.apps.review.parts import config_in, write_clip
from tests.apps.web.test_web import TOKEN, ask, locked

JSON = {"Content_Type": "application/json"}


class Page:
    """A page with a review."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.clip = write_clip(folder / "clips", 0, events=[("fall", 4.0)])
        store = Store(folder / "review")
        self.review = Review(store, config_in(folder, Path("unused")), lambda model: None)
        self.port = free_port()
        config = WebConfig(port=self.port, **settings)
        self._web = web.start(config, Hub(["front"], "mini"), folder / "clips", self.review)

    def post(self, what: str, asked: Any, **headers: str) -> int:
        body = asked if isinstance(asked, str) else json.dumps(asked)
        return ask(self.port, f"/review/{what}", "POST", body, **{**JSON, **headers})[0]

    def verdict(self) -> str:
        told: str = self.review.listing()["clips"][0]["events"][0]["verdict"]
        return told

    def close(self) -> None:
        self._web.stop(30.0)
        self.review.stop(1.0)


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Page]:
    made = Page(tmp_path)
    yield made
    made.close()


def right(page: Page) -> dict[str, Any]:
    return {"clip": page.clip, "place": 0, "verdict": "right"}


def test_what_is_said_is_kept_when_the_answer_is_there(page: Page) -> None:
    assert page.post("judge", right(page)) == 200
    assert page.verdict() == "right"
    status, headers, content = ask(page.port, "/review/clips")
    assert (status, headers["content-type"]) == (200, "application/json")
    assert json.loads(content)["clips"][0]["events"][0]["shows"] == "fall"


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:1"},
        {"Content_Type": "text/plain"},
        {"Content_Type": "application/x-www-form-urlencoded"},
        {"Host": "evil.example"},
    ],
    ids=str,
)
def test_another_websites_page_changes_nothing(page: Page, headers: dict[str, str]) -> None:
    assert page.post("judge", right(page), **headers) in (403, 415, 421)
    assert page.verdict() == ""


def test_the_page_itself_may(page: Page) -> None:
    own = {"Origin": f"http://127.0.0.1:{page.port}", "Sec_Fetch_Site": "same-origin"}
    assert page.post("judge", right(page), **own) == 200


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ("", 400),
        ("[1]", 400),
        ("{" * 5000, 400),
        ("x" * 20_000, 413),
        ({}, 422),
        ({"clip": "../../etc/passwd", "place": 0, "verdict": "right"}, 422),
        ({"clip": ["a"], "place": 0, "verdict": "right"}, 422),
        ({"clip": "x" * 5000, "place": 0, "verdict": "right"}, 422),
    ],
    ids=lambda value: str(value)[:20],
)
def test_what_makes_no_sense_is_refused_with_a_word(page: Page, asked: Any, status: int) -> None:
    for what in ("judge", "mark", "nothing"):
        assert page.post(what, asked) == status


def test_nothing_is_changed_by_following_a_link(page: Page) -> None:
    for what in ("judge", "mark", "teach", "use", "undo", "draw", "record"):
        assert ask(page.port, f"/review/{what}")[0] == 405


def test_videos_play_in_part_and_no_path_leads_out(page: Page) -> None:
    status, headers, content = ask(page.port, f"/review/clips/{page.clip}", Range="bytes=4-7")
    assert (status, headers["content-type"], content) == (206, "video/mp4", b"ftyp")
    for name in ("none.mp4", "..%2Freview.sqlite", "review.sqlite"):
        assert ask(page.port, f"/review/clips/{name}")[0] == 404


def test_without_the_token_nothing_is_said_or_seen(tmp_path: Path) -> None:
    page = Page(tmp_path, token_file=locked(tmp_path))
    try:
        assert page.post("judge", right(page)) == 401
        assert ask(page.port, "/review/clips")[0] == 401
        assert ask(page.port, f"/review/clips/{page.clip}")[0] == 401
        assert page.post("judge", right(page), Authorization=f"Bearer {TOKEN}") == 200
    finally:
        page.close()


def test_a_page_without_clips_has_no_review(tmp_path: Path) -> None:
    port = free_port()
    server = web.start(WebConfig(port=port), Hub(["front"]))
    try:
        assert ask(port, "/review")[0] == 200  # which says why
        assert ask(port, "/review/clips")[0] == 404
    finally:
        server.stop(30.0)
