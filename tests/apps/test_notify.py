"""The line to systemd, over a real socket."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from apps.raspberry_pi.notify import Notifier


@pytest.fixture
def systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        yield listening


def told(systemd: socket.socket) -> list[str]:
    found = []
    while True:
        try:
            found.append(systemd.recv(1000).decode())
        except BlockingIOError:
            return found


def test_it_says_lines(systemd: socket.socket) -> None:
    Notifier().say("READY=1", "STATUS=watching")
    assert told(systemd) == ["READY=1\nSTATUS=watching"]


def test_an_abstract_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind("\0edgevid-test")
        monkeypatch.setenv("NOTIFY_SOCKET", "@edgevid-test")
        Notifier().say("READY=1")
        assert listening.recv(100) == b"READY=1"


def test_it_pings_no_more_than_is_due(
    systemd: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "60000000")
    notifier = Notifier()
    for _ in range(100):
        notifier.ping()
    assert told(systemd) == ["WATCHDOG=1"]


def test_without_a_watchdog_it_does_not_ping(
    systemd: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("WATCHDOG_USEC", raising=False)
    Notifier().ping()
    assert told(systemd) == []


def test_without_systemd_or_when_it_is_gone_nothing_happens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    Notifier().say("READY=1")
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "nobody"))
    Notifier().say("READY=1")


def test_without_a_socket_nothing_is_said_and_nothing_fails(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def none_left(*_: object) -> None:
        raise OSError(24, "Too many open files")

    monkeypatch.setenv("NOTIFY_SOCKET", "/run/none")
    monkeypatch.setattr("apps.raspberry_pi.notify.socket.socket", none_left)
    Notifier().say("READY=1")
