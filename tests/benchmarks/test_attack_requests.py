"""A few hostile requests of each kind, in the short form of the campaign."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("starlette", reason="the page's libraries are not installed")
pytest.importorskip("uvicorn", reason="the page's libraries are not installed")
pytest.importorskip("prometheus_client", reason="the page's libraries are not installed")

from apps.raspberry_pi import web
from apps.raspberry_pi.config import WebConfig
from apps.raspberry_pi.hub import Hub
from apps.raspberry_pi.web import access, app, connections
from apps.raspberry_pi.web import clips as clip_files
from benchmarks.attack import requests
from benchmarks.attack.hostile_requests import KINDS, Target, at_once
from tests.apps.parts import until


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    folder = tmp_path_factory.mktemp("page")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(connections, "PATIENCE_S", 0.5)
        patch.setattr(access, "_WRONG_S", 0.05)
        patch.setattr(app, "LISTENERS", 3)
        patch.setattr(clip_files, "PLAYERS", 2)
        target = requests.prepare(folder, port)
        config = WebConfig(port=port, token_file=folder / "token")
        server = web.start(config, Hub(["front"]), folder / "clips")
        yield target
        server.stop(30.0)


@pytest.mark.parametrize("kind", KINDS)
def test_hostile_requests_get_nothing_and_hold_nothing(kind: str, target: Target) -> None:
    told = at_once(kind, target, 8, seed=1)
    assert sum(told.values()) == 8
    assert [word for word in told if word.startswith("BROKEN")] == []
    status, content = requests.ask(target, "/clips")
    assert status == 200
    assert all(name.encode() in content for name in target.clips)


@pytest.mark.parametrize(
    ("kind", "target_is"),
    [
        ("ranges", {"token": "wrong"}),
        ("listeners", {"listeners": 0}),
        ("wrong tokens", {"wrong": 99}),
    ],
)
def test_what_the_page_must_not_do_is_seen(
    kind: str, target_is: dict[str, Any], target: Target
) -> None:
    told = at_once(kind, replace(target, **target_is), 4, seed=1)
    assert [word for word in told if word.startswith("BROKEN")]


def test_the_honest_visitor_is_told_of_what_fails(target: Target) -> None:
    with requests.visiting(target, every=0.01) as honest:
        until(lambda: len(honest.visits) >= 12)
    assert {visit.problem for visit in honest.visits if visit.problem} <= {
        "/cameras/front/picture.jpg is answered 404",  # there is no camera here
        "/healthz is answered 503",
    }
    assert len([visit for visit in honest.visits if visit.problem]) >= 4


def test_what_a_process_holds_is_read(tmp_path: Path) -> None:
    before = requests.held(os.getpid())
    with ExitStack() as opened:
        for number in range(50):
            opened.enter_context((tmp_path / str(number)).open("w"))
        assert requests.held(os.getpid()).files > before.files + 25  # clients come and go
    assert before.memory_mb > 10
    assert before.threads >= 1
