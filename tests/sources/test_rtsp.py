"""A real network camera: GStreamer's RTSP server with H.264, a user and a password."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from edgevid import SourceError, open_source
from edgevid.sources.latest import LatestSource
from edgevid.testing import check_source
from tests.sources.making import RED

SERVER = Path(__file__).parents[2] / "benchmarks" / "parts" / "rtsp_server.py"
SYSTEM_PYTHON = "/usr/bin/python3"  # Debian's bindings are for this one


@dataclass
class Camera:
    process: subprocess.Popen[str]
    address: str

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def camera() -> Iterator[Camera]:
    if not Path(SYSTEM_PYTHON).exists():
        pytest.skip(f"no {SYSTEM_PYTHON}")
    colour = bytes(RED).hex()
    process = subprocess.Popen(
        [SYSTEM_PYTHON, str(SERVER), colour, "me", "hush"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    port = process.stdout.readline().strip()  # none when it could not start
    camera = Camera(process, f"rtsp://me:hush@127.0.0.1:{port}/live")
    if not port:
        _, problem = process.communicate()
        pytest.skip(f"no GStreamer RTSP server here: {problem.strip().splitlines()[-1]}")
    yield camera
    camera.kill()


def test_the_contract(camera: Camera, capfd: pytest.CaptureFixture[str]) -> None:
    source = open_source(camera.address)
    assert source.is_live
    assert source.length is None
    check_source(source, take=20, colour=RED)
    assert capfd.readouterr() == ("", "")


def test_timestamps_are_of_the_clock_by_which_frames_arrive(camera: Camera) -> None:
    started = time.monotonic()
    with open_source(camera.address) as source:
        frame = next(iter(source))
    assert started < frame.timestamp < time.monotonic()


def test_a_server_that_dies_is_an_error_soon(
    camera: Camera, capfd: pytest.CaptureFixture[str]
) -> None:
    source = open_source(camera.address)
    frames = iter(source)
    next(frames)
    camera.kill()
    killed = time.monotonic()
    with source, pytest.raises(SourceError, match="the stream stopped after") as caught:
        list(frames)
    assert time.monotonic() - killed < 20
    assert "hush" not in source.name + str(caught.value)
    assert capfd.readouterr() == ("", "")


def test_a_server_that_hangs_is_given_up(camera: Camera, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgevid.sources.container._READ_TIMEOUT_S", 0.2)
    source = open_source(camera.address)
    frames = iter(source)
    next(frames)
    camera.process.send_signal(signal.SIGSTOP)
    stopped = time.monotonic()
    with source, pytest.raises(SourceError, match="the stream stopped after"):
        list(frames)
    assert time.monotonic() - stopped < 40


def test_a_reader_can_leave_while_the_server_hangs(
    camera: Camera, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgevid.sources.latest._JOIN_S", 0.1)
    source = LatestSource(open_source(camera.address))
    next(iter(source))
    camera.process.send_signal(signal.SIGSTOP)
    left = time.monotonic()
    source.close()
    assert time.monotonic() - left < 15


def test_a_wrong_password_is_told_without_telling_it(
    camera: Camera, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SourceError, match="wrong user or password") as caught:
        open_source(camera.address.replace("hush", "hash"))
    assert "hash" not in str(caught.value)
    assert capfd.readouterr() == ("", "")
