"""Alerts reach a real HTTP server through Apprise, whatever happens on the way."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("apprise", reason="Apprise is not installed")

from apps.raspberry_pi import notifications, secret_file
from apps.raspberry_pi.bus import CameraEvent
from apps.raspberry_pi.config import AlertConfig, NotificationsConfig
from apps.raspberry_pi.hub import Hub
from apps.raspberry_pi.notifications import sender
from apps.raspberry_pi.notifications.notification import Notification, notification
from apps.raspberry_pi.pictures import from_jpeg, jpeg
from benchmarks.parts.broker import wait_for
from benchmarks.parts.receiver import Receiver
from edgevid import Event, Frame, Prediction, Score, UsageError


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender, "_BACK_OFF_S", (0.02, 0.1))


@pytest.fixture
def hub() -> Hub:
    return Hub(["door", "yard"], alerts=[AlertConfig(level="alert", labels=("falling",))])


def urls(folder: Path, *addresses: str) -> Path:
    path = folder / "urls"
    path.write_text("".join(f"{address}\n" for address in addresses))
    path.chmod(0o600)
    return path


@contextmanager
def notifying(hub: Hub, folder: Path, *addresses: str, **settings: Any) -> Iterator[None]:
    config = NotificationsConfig(urls_file=urls(folder, *addresses), **settings)
    told = notifications.start(config, hub, folder)
    try:
        yield
    finally:
        told.stop(1.0)


def happen(hub: Hub, label: str = "falling", **more: Any) -> str:
    """Has an action start and end; returns the id of its start."""
    ids: list[str] = []
    leave = hub.bus.keep(lambda found: ids.append(found.id), "log")
    hub.bus.publish("door", Event("start", label, time.monotonic(), 0.873, **more))
    hub.bus.publish("door", Event("end", label, time.monotonic(), 0.2, **more))
    leave()
    return ids[0]


def show(hub: Hub, width: int = 64, height: int = 48) -> None:
    frame = Frame(np.full((height, width, 3), (255, 0, 0), np.uint8), time.monotonic(), 0)
    scores = (Score("falling", 0.9),)
    hub.record_step("door", frame, [Prediction(frame.timestamp, 0, scores, 1.0)])


def test_an_alert_is_told_with_its_picture(hub: Hub, tmp_path: Path) -> None:
    with Receiver() as receiver, notifying(hub, tmp_path, receiver.address):
        show(hub)
        happen(hub, "yawning")
        number = happen(hub, zone="pool")
        wait_for(lambda: receiver.received)
        time.sleep(0.1)
    (told,) = receiver.received
    assert told.title == "door: falling"
    assert told.body.startswith("87%, pool, 20")
    assert told.id == number
    picture = from_jpeg(told.picture)
    blue, green, red = picture[-5, -5].tolist()
    assert blue < 50 < 200 < red
    assert green < 50


def test_without_a_picture_when_none_is_wanted_or_there_is_none(hub: Hub, tmp_path: Path) -> None:
    with Receiver() as receiver:
        with notifying(hub, tmp_path, receiver.address):
            happen(hub)
            wait_for(lambda: len(receiver.received) == 1)
        show(hub)
        with notifying(hub, tmp_path, receiver.address, pictures=False):
            happen(hub)
            wait_for(lambda: len(receiver.received) == 2)
    assert [told.picture for told in receiver.received] == [b"", b""]


def test_a_large_picture_is_made_smaller() -> None:
    found = CameraEvent("door", Event("start", "falling", 0.0, 0.9), 0.0)
    large = jpeg(np.zeros((1080, 1920, 3), np.uint8))
    assert from_jpeg(notification(found, large).picture).shape == (720, 1280, 3)
    small = jpeg(np.zeros((720, 1280, 3), np.uint8))
    assert notification(found, small).picture == small


def test_what_waits_is_what_was_put_away() -> None:
    told = Notification("an id", 12.5, "dør: fällt", "two\nlines", b"\xff\n\x00")
    assert Notification.decoded(told.encoded()) == told
    for content in (b"", b"[]\n", b"{}\n", b"\xff"):
        with pytest.raises(ValueError):
            Notification.decoded(content)


def outages(hub: Hub, folder: Path, times: int) -> None:
    """Has the receiver go away in several ways while alerts come."""
    chance, sent = random.Random(0), []
    with Receiver() as receiver, notifying(hub, folder, receiver.address, keep=10_000):
        show(hub)
        for number in range(times):
            sent += [happen(hub) for _ in range(chance.randrange(3))]
            if number % 2:
                receiver.status = 503
            else:
                receiver.stop()
            sent += [happen(hub) for _ in range(1 + chance.randrange(3))]
            time.sleep(chance.uniform(0, 0.1))
            if number % 2:
                receiver.status = 200
            else:
                receiver.start()
        wait_for(lambda: len(receiver.received) >= len(sent))
        time.sleep(0.2)
    assert [told.id for told in receiver.received] == sent


def test_each_comes_once_and_in_order_through_outages(hub: Hub, tmp_path: Path) -> None:
    outages(hub, tmp_path, 6)


def test_what_waits_outlasts_a_restart(hub: Hub, tmp_path: Path) -> None:
    receiver = Receiver()
    with notifying(hub, tmp_path, receiver.address):
        first = happen(hub)
    with notifying(hub, tmp_path, receiver.address), receiver:
        second = happen(hub)
        wait_for(lambda: len(receiver.received) == 2)
    assert [told.id for told in receiver.received] == [first, second]


def test_a_lost_answer_brings_it_again_with_the_same_id(hub: Hub, tmp_path: Path) -> None:
    with Receiver() as receiver, notifying(hub, tmp_path, receiver.address):
        receiver.loses_answers = 1
        sent = [happen(hub), happen(hub)]
        wait_for(lambda: len(receiver.received) == 3)
    assert [told.id for told in receiver.received] == [sent[0], *sent]


def test_one_address_that_is_away_holds_up_neither_the_other_nor_who_alerts(
    hub: Hub, tmp_path: Path
) -> None:
    away = Receiver()
    with Receiver() as receiver, notifying(hub, tmp_path, away.address, receiver.address):
        began = time.process_time()
        sent = [happen(hub) for _ in range(20)]
        wait_for(lambda: len(receiver.received) == 20)
        assert time.process_time() - began < 30
    assert [told.id for told in receiver.received] == sent


def test_only_so_many_wait(hub: Hub, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    receiver = Receiver()
    with notifying(hub, tmp_path, receiver.address, keep=3):
        sent = [happen(hub) for _ in range(8)]
    with notifying(hub, tmp_path, receiver.address, keep=3), receiver:
        wait_for(lambda: len(receiver.received) == 3)
    assert [told.id for told in receiver.received] == sent[-3:]
    assert "the oldest are dropped" in caplog.text


def test_what_is_too_old_is_given_up(
    hub: Hub, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    receiver = Receiver()
    with notifying(hub, tmp_path, receiver.address):
        old = happen(hub)
    time.sleep(0.1)
    with notifying(hub, tmp_path, receiver.address, keep_hours=1e-5), receiver:
        wait_for(lambda: old in caplog.text)
    with notifying(hub, tmp_path, receiver.address), receiver:
        new = happen(hub)
        wait_for(lambda: receiver.received)
    assert [told.id for told in receiver.received] == [new]


def test_a_picture_that_is_not_taken_does_not_hold_up_the_rest(hub: Hub, tmp_path: Path) -> None:
    class NoPictures(Receiver):
        def _take(self, request: Any) -> None:
            self.status = 413 if int(request.headers["Content-Length"]) > 2000 else 200
            super()._take(request)

    with NoPictures() as receiver, notifying(hub, tmp_path, receiver.address):
        show(hub, 640, 480)
        sent = [happen(hub), happen(hub)]
        wait_for(lambda: len(receiver.received) == 2)
    assert [(told.id, told.picture) for told in receiver.received] == [(one, b"") for one in sent]


class Heard(logging.Handler):
    """What the service's log gets. pytest's own would hear what does not reach it."""

    def __init__(self) -> None:
        super().__init__()
        self.text = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.text += record.getMessage() + "\n"


def test_the_log_says_what_is_wrong_and_no_secret(hub: Hub, tmp_path: Path) -> None:
    heard, receiver = Heard(), Receiver()
    root = logging.getLogger()
    level = root.level
    root.addHandler(heard)
    root.setLevel(logging.DEBUG)
    try:
        with notifying(hub, tmp_path, "# a comment", receiver.address):
            happen(hub)
            wait_for(lambda: "cannot be reached" in heard.text)
            receiver.status = 401
            with receiver:
                wait_for(lambda: "answered 401" in heard.text)
                receiver.status = 200
                wait_for(lambda: "takes notifications again" in heard.text)
    finally:
        root.removeHandler(heard)
        root.setLevel(level)
    assert "urls:2 (json): cannot be reached: notifications wait on the disk" in heard.text
    for word in ("hush", "secret-path", f"{receiver.port}"):
        assert word not in heard.text
        assert all(word not in name.name for name in tmp_path.iterdir())


def test_what_waits_for_an_address_that_is_gone_goes_too(hub: Hub, tmp_path: Path) -> None:
    one, two = Receiver(), Receiver()
    with notifying(hub, tmp_path, one.address, two.address):
        happen(hub)
    assert len(list(tmp_path.glob("notifications-*.sqlite"))) == 2
    with two, notifying(hub, tmp_path, two.address):  # in another line now
        wait_for(lambda: two.received)
    assert len(list(tmp_path.glob("notifications-*.sqlite"))) == 1


def test_addresses_that_cannot_be_used(tmp_path: Path) -> None:
    path = urls(tmp_path, "json://a/hush", "nope://hush", "", "json://a/hush", "json://")
    with pytest.raises(UsageError) as caught:
        notifications.services(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: line 2 is no address that Apprise knows")
    assert "line 4 is there already; line 5 is no" in message
    assert "hush" not in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("content", "mode", "problem"),
    [
        (b"json://a\n", 0o644, "every user of this machine can read it"),
        (b"# nothing\n\n", 0o600, "must hold secrets, one a line"),
        (b"\xff\n", 0o600, "must hold secrets, one a line"),
        (b"json://a\x1b\n", 0o600, "must hold secrets, one a line"),
        (b"json://a\n" * 21, 0o600, "20 at most"),
    ],
)
def test_a_file_of_secrets_that_cannot_be_used(
    tmp_path: Path, content: bytes, mode: int, problem: str
) -> None:
    path = tmp_path / "urls"
    path.write_bytes(content)
    path.chmod(mode)
    with pytest.raises(UsageError, match=problem):
        secret_file.lines(path)
