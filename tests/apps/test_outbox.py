from __future__ import annotations

import logging
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.raspberry_pi.outbox import Message, Outbox


def opened(folder: Path, keep: int = 1000) -> Outbox:
    return Outbox(folder / "outbox.sqlite", keep)


def taken(outbox: Outbox) -> list[bytes]:
    """Takes out all that waits, oldest first."""
    found = []
    while (message := outbox.first()) is not None:
        found.append(message.payload)
        outbox.done(message)
    return found


def test_messages_come_out_in_the_order_in_which_they_came(tmp_path: Path) -> None:
    outbox = opened(tmp_path)
    for number in range(5):
        outbox.add("door", b"%d" % number)
    assert len(outbox) == 5
    assert taken(outbox) == [b"0", b"1", b"2", b"3", b"4"]
    assert (len(outbox), outbox.first()) == (0, None)


def test_the_first_stays_until_it_is_done(tmp_path: Path) -> None:
    outbox = opened(tmp_path)
    outbox.add("yard", b"\x00\xff")
    first = outbox.first()
    assert first == outbox.first() == Message(1, "yard", b"\x00\xff")
    assert first is not None
    outbox.done(first)
    outbox.done(first)
    assert len(outbox) == 0


def test_what_waits_survives_a_restart(tmp_path: Path) -> None:
    before = opened(tmp_path)
    for number in range(4):
        before.add("door", b"%d" % number)
    first = before.first()
    assert first is not None
    before.done(first)
    before.close()
    after = opened(tmp_path)
    after.add("door", b"4")
    assert taken(after) == [b"1", b"2", b"3", b"4"]


def test_beyond_its_bound_the_oldest_are_dropped_and_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    outbox = opened(tmp_path, keep=3)
    for number in range(10):
        outbox.add("door", b"%d" % number)
    assert (len(outbox), outbox.dropped) == (3, 7)
    assert [record.message for record in caplog.records] == [
        "3 events wait, which is all that may: the oldest are dropped"
    ]
    assert taken(outbox) == [b"7", b"8", b"9"]


def test_a_message_that_is_dropped_on_its_way_takes_no_other_with_it(tmp_path: Path) -> None:
    outbox = opened(tmp_path, keep=2)
    outbox.add("door", b"0")
    on_its_way = outbox.first()
    assert on_its_way is not None
    for number in range(1, 4):
        outbox.add("door", b"%d" % number)
    outbox.done(on_its_way)
    assert taken(outbox) == [b"2", b"3"]


@settings(deadline=None, max_examples=40)
@given(st.lists(st.sampled_from(["add", "done", "restart", "disk full", "disk well"])))
def test_it_is_a_queue_whatever_the_disk_does(
    tmp_path_factory: pytest.TempPathFactory, steps: list[str]
) -> None:
    """A disk that takes nothing is SQLite told to write nothing."""
    logging.disable(logging.ERROR)
    folder = tmp_path_factory.mktemp("outbox")
    outbox, expected, number, full = opened(folder, keep=5), [], 0, False
    for step in steps:
        if step == "add":
            number += 1
            outbox.add("door", b"%d" % number)
            expected = [*expected, number][-5:]
        elif step == "done" and expected:
            first = outbox.first()
            assert first is not None
            assert first.payload == b"%d" % expected.pop(0)
            outbox.done(first)
        elif step == "restart" and not full:
            outbox.close()
            outbox = opened(folder, keep=5)
        elif step.startswith("disk"):
            full = step == "disk full"
            outbox._disk.execute(f"PRAGMA query_only = {'on' if full else 'off'}")
        assert len(outbox) == len(expected)
    assert taken(outbox) == [b"%d" % n for n in expected]
    outbox._disk.close()
    logging.disable(logging.NOTSET)


ADD_AND_TAKE = """
import sys
from pathlib import Path
from apps.raspberry_pi.outbox import Outbox
outbox = Outbox(Path(sys.argv[1]), 1000)
def say(word, number):  # in one go, so that what is killed has said all of it or nothing
    print(f"{word} {number}\\n", end="", flush=True)
for number in range(int(sys.argv[2]), 1_000_000):
    outbox.add("door", b"%d" % number)
    say("added", number)
    if number % 3:
        first = outbox.first()
        say("takes", first.payload.decode())
        outbox.done(first)
        say("took", first.payload.decode())
"""


def test_nothing_is_lost_or_comes_twice_when_the_process_is_killed(tmp_path: Path) -> None:
    chance = random.Random(0)
    path, number = tmp_path / "outbox.sqlite", 0
    added, took = [], []
    for _ in range(5):
        child = subprocess.Popen(
            [sys.executable, "-c", ADD_AND_TAKE, str(path), str(number)],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert child.stdout is not None
        lines = [child.stdout.readline()]
        time.sleep(chance.uniform(0, 0.05))
        child.send_signal(signal.SIGKILL)
        lines += child.stdout.read().splitlines()
        child.wait()
        child.stdout.close()
        done = [line.split() for line in lines]
        added += [int(n) for word, n in done if word == "added"]
        took += [int(n) for word, n in done if word == "took"]
        takes = [int(n) for word, n in done if word == "takes"]
        # Killed between two lines: that it was done may not have been said.
        outbox = opened(tmp_path)
        waiting = [int(message.payload) for message in everything(outbox)]
        outbox.close()
        begun = added[-1] + 1 if waiting and waiting[-1] == added[-1] + 1 else added[-1]
        unsaid = takes[-1:] if takes and takes[-1] not in (*took, *waiting) else []
        took += unsaid
        assert took + waiting == list(range(begun + 1))
        added += [begun] if begun > added[-1] else []
        number = begun + 1
    assert len(took) > 10


def everything(outbox: Outbox) -> list[Message]:
    rows = outbox._disk.execute("SELECT * FROM message ORDER BY number").fetchall()
    return [Message(*row) for row in rows]


def test_a_damaged_file_is_put_aside(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "outbox.sqlite").write_bytes(b"no such thing " * 1000)
    outbox = opened(tmp_path)
    outbox.add("door", b"0")
    outbox.close()
    assert taken(opened(tmp_path)) == [b"0"]
    assert "put aside" in caplog.text
    assert (tmp_path / "outbox.sqlite.damaged").exists()


def test_where_nothing_can_be_written_it_works_in_memory(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    outbox = opened(tmp_path / "no such folder")
    outbox.add("door", b"0")
    assert taken(outbox) == [b"0"]
    assert "will not survive a restart" in caplog.text


def test_a_second_service_does_not_send_the_events_of_the_first(tmp_path: Path) -> None:
    first = opened(tmp_path)
    first.add("door", b"0")
    assert len(opened(tmp_path)) == 0
