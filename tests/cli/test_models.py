from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.parts.local_server import LocalServer
from edgevid.cli import models
from edgevid.models import cache
from edgevid.models.catalog import CAMERA_MOTION, CATALOG
from tests.tiny_stream import tiny_stream

A1 = tiny_stream(note="the file")
OTHER_A1 = tiny_stream(note="another file")


@pytest.fixture
def server(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalServer]:
    """Publishes movinet-a1."""
    with LocalServer() as running:
        address = running.give("/a1", A1)
        monkeypatch.setitem(
            CATALOG, "movinet-a1", replace(CATALOG["movinet-a1"], addresses=(address,))
        )
        yield running


def listed() -> dict[str, dict[str, Any]]:
    ended = subprocess.run(
        [sys.executable, "-m", "edgevid.models", "--json"], capture_output=True, check=True
    )
    return {row["name"]: row for row in json.loads(ended.stdout)}


def test_the_table(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cache.folder().mkdir(parents=True)
    cache.path_of("movinet-a1").write_bytes(A1)
    cache.remember("movinet-a1", hashlib.sha256(A1).hexdigest())
    (folder / "gestures.tflite").write_bytes(bytes(2_500_000))
    assert models.main([]) == 0
    a0, a1, a2, _, bundled, own = capsys.readouterr().out.splitlines()
    assert a0.split()[0] == "movinet-a0"
    assert a0.endswith("from www.kaggle.com when first used")
    assert "224x224" in a2
    assert bundled.startswith("camera-motion ")
    assert bundled.endswith(str(CAMERA_MOTION.path))
    assert a1.endswith(str(cache.path_of("movinet-a1")))
    assert hashlib.sha256(A1).hexdigest()[:12] in a1
    assert own.startswith("gestures ")
    assert "2.5 MB" in own
    assert own.endswith(str(folder / "gestures.tflite"))


def test_a_file_of_the_users_own_that_is_not_the_published_one(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = folder / "movinet_a0_stream_int8.tflite"
    own.write_bytes(A1)
    assert models.main([]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith(str(own))
    assert lines[1].strip() == "! a file of your own, not the published one"


def test_a_file_that_changed_does_not_hide_the_others(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cache.folder().mkdir(parents=True)
    cache.path_of("movinet-a0").write_bytes(A1)
    assert models.main([]) == 0
    a0, problem, a1, a2, *_ = capsys.readouterr().out.splitlines()
    assert a0.endswith(" -")
    assert "has changed since it was downloaded" in problem
    assert a1.startswith("movinet-a1")
    assert a2.startswith("movinet-a2")


def test_json(folder: Path) -> None:
    (folder / "movinet-a1.tflite").write_bytes(A1)
    (folder / "gestures.tflite").write_bytes(OTHER_A1)
    rows = listed()
    assert list(rows) == [*CATALOG, "camera-motion", "gestures"]
    assert rows["movinet-a0"]["path"] is None
    assert rows["movinet-a0"]["expected_sha256"] == CATALOG["movinet-a0"].sha256
    assert rows["movinet-a1"]["path"] == str(folder / "movinet-a1.tflite")
    assert rows["movinet-a1"]["sha256"] == hashlib.sha256(A1).hexdigest()
    assert rows["movinet-a1"]["size"] == len(A1)
    assert rows["movinet-a1"]["addresses"] == list(CATALOG["movinet-a1"].addresses)
    assert rows["gestures"]["problem"] is None


def test_the_module_runs_without_a_warning(folder: Path) -> None:
    ended = subprocess.run([sys.executable, "-m", "edgevid.models"], capture_output=True, text=True)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_addresses(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert models.main(["--addresses"]) == 0
    told = capsys.readouterr().out
    for model in CATALOG.values():
        assert len(model.addresses) > 1
        assert all(f"  {address}\n" in told for address in model.addresses)


def test_every_address_is_encrypted() -> None:
    for model in CATALOG.values():
        assert all(address.startswith("https://") for address in model.addresses)


def test_fetch_prints_the_path_and_nothing_else(
    server: LocalServer, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):  # the second time there is nothing to do
        assert models.main(["--fetch", "movinet-a1"]) == 0
        assert capsys.readouterr().out == f"{cache.path_of('movinet-a1')}\n"
    assert len(server.requests) == 1


def test_fetch_replaces_a_file_that_changed(server: LocalServer) -> None:
    path = cache.path_of("movinet-a1")
    assert models.main(["--fetch", "movinet-a1"]) == 0
    path.write_bytes(b"something else")
    assert models.main(["--fetch", "movinet-a1"]) == 0
    assert path.read_bytes() == A1


def test_accept(server: LocalServer, capsys: pytest.CaptureFixture[str]) -> None:
    assert models.main(["--fetch", "movinet-a1"]) == 0
    path = cache.path_of("movinet-a1")
    path.unlink()
    server.give("/a1", OTHER_A1)
    capsys.readouterr()
    assert models.main(["--fetch", "movinet-a1"]) == 1
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    advice = told.split("python -m edgevid.models ")[1].split(")")[0].split()
    assert models.main(advice) == 0  # what the message advises works as it is written
    assert path.read_bytes() == OTHER_A1


@pytest.mark.parametrize(
    ("arguments", "code", "problem"),
    [
        (["--fetch", "movinet-a7"], 1, "cannot be downloaded: only movinet-a0"),
        (["--fetch", "../movinet-a0"], 1, "cannot be downloaded"),
        (["--fetch", "movinet-a1", "--accept", "abc"], 2, "no SHA-256"),
        (["--accept", "abc"], 2, "--accept goes with --fetch"),
        (["--fetch"], 2, "expected one argument"),
        (["--json", "--addresses"], 2, "not allowed with"),
    ],
)
def test_wrong_usage_is_one_line(
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    code: int,
    problem: str,
) -> None:
    ended: str | int | None
    try:
        ended = models.main(arguments)
    except SystemExit as exit_:  # argparse leaves this way
        ended = exit_.code
    assert ended == code
    assert problem in capsys.readouterr().err.splitlines()[-1]
