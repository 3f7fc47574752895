from __future__ import annotations

import logging
import os
import random
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.raspberry_pi import in_use
from apps.raspberry_pi import outbox as outbox_module
from apps.raspberry_pi.outbox import Message, Outbox
from edgevid import UsageError


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


@settings(max_examples=40)
@given(st.lists(st.sampled_from(["add", "done", "restart", "disk full", "disk well"])))
def test_it_is_a_queue_whatever_the_disk_does(
    tmp_path_factory: pytest.TempPathFactory, steps: list[str]
) -> None:
    """A disk that takes nothing is SQLite told to write nothing."""
    logging.disable(logging.ERROR)
    folder = tmp_path_factory.mktemp("outbox")
    outbox, number, full = opened(folder, keep=5), 0, False
    expected: list[int] = []
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
    assert took


def everything(outbox: Outbox) -> list[Message]:
    rows = outbox._disk.execute("SELECT * FROM message ORDER BY number").fetchall()
    return [Message(*row) for row in rows]


def with_events(path: Path) -> sqlite3.Connection:
    """Returns an outbox's file with events in it, open to be damaged."""
    outbox = Outbox(path, 1000)
    for number in range(200):
        outbox.add("door", b"%d" % number * 50)
    outbox.close()
    return sqlite3.connect(path, isolation_level=None)


def no_database(path: Path) -> None:
    path.write_bytes(b"no such thing " * 1000)


def a_folder(path: Path) -> None:
    path.mkdir()
    (path / "a file").touch()


def cut(path: Path) -> None:
    with_events(path).close()
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)


def overwritten(path: Path) -> None:
    with_events(path).close()
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xaa" * 4096)


def damaged_schema(path: Path) -> None:
    with_events(path).close()
    content = path.read_bytes()
    path.write_bytes(content.replace(b"CREATE TABLE message", b"CREATE TABLX message", 1))


def other_format(path: Path) -> None:
    with_events(path).close()
    with path.open("r+b") as file:
        file.seek(18)  # the versions of the file's format
        file.write(b"\x09\x09")


def foreign_columns(path: Path) -> None:
    disk = sqlite3.connect(path)
    disk.execute("CREATE TABLE message (sender TEXT, subject TEXT, body TEXT, sent REAL)")
    disk.close()


def foreign_table(path: Path) -> None:
    disk = sqlite3.connect(path)
    disk.execute("CREATE TABLE contacts (name TEXT)")
    disk.close()


def a_trigger(path: Path) -> None:
    disk = with_events(path)
    disk.execute("CREATE TRIGGER t AFTER INSERT ON message BEGIN DELETE FROM message; END")
    disk.close()


def a_later_form(path: Path) -> None:
    disk = with_events(path)
    disk.execute("PRAGMA user_version = 7")
    disk.close()


def numbers_at_the_end(path: Path) -> None:
    disk = with_events(path)
    disk.execute(f"UPDATE message SET number = {2**63 - 1} WHERE number = 200")
    disk.close()


def for_reading_only(path: Path) -> None:
    disk = with_events(path)
    disk.execute("PRAGMA journal_mode = DELETE")
    disk.close()
    path.chmod(0o444)
    if os.geteuid() == 0:
        pytest.skip("root may write everything")


@pytest.mark.parametrize(
    "damage",
    [
        no_database,
        a_folder,
        cut,
        overwritten,
        damaged_schema,
        other_format,
        foreign_columns,
        foreign_table,
        a_trigger,
        a_later_form,
        numbers_at_the_end,
        for_reading_only,
    ],
)
def test_whatever_is_wrong_with_the_file_it_is_put_aside(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: Callable[[Path], None]
) -> None:
    path = tmp_path / "outbox.sqlite"
    damage(path)
    caplog.clear()
    outbox = opened(tmp_path)
    assert outbox.first() is None
    outbox.add("door", b"0")
    outbox.close()
    (said,) = caplog.records
    assert re.fullmatch(rf"{path}: [^\n]+: it is put aside as outbox.sqlite.damaged", said.message)
    assert (tmp_path / "outbox.sqlite.damaged").exists()
    assert taken(opened(tmp_path)) == [b"0"]


def test_what_was_put_aside_before_stays(tmp_path: Path) -> None:
    for content in (b"first " * 1000, b"second " * 1000):
        (tmp_path / "outbox.sqlite").write_bytes(content)
        opened(tmp_path).close()
    assert (tmp_path / "outbox.sqlite.damaged").read_bytes().startswith(b"first")
    assert (tmp_path / "outbox.sqlite.damaged-2").read_bytes().startswith(b"second")


def test_a_file_from_before_files_said_their_form_is_read(tmp_path: Path) -> None:
    disk = with_events(tmp_path / "outbox.sqlite")
    disk.execute("PRAGMA user_version = 0")
    disk.close()
    assert len(opened(tmp_path)) == 200


def test_where_nothing_can_be_written_it_works_in_memory(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    outbox = opened(tmp_path / "no such folder")
    outbox.add("door", b"0")
    assert taken(outbox) == [b"0"]
    assert "will not survive a restart" in caplog.text


def test_a_second_service_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_use, "PATIENCE_S", 0.1)
    first = opened(tmp_path)
    first.add("door", b"0")
    refusal = rf"outbox.sqlite: in use by another service \(process {os.getpid()}\): .*state_folder"
    with pytest.raises(UsageError, match=refusal):
        opened(tmp_path)
    assert taken(first) == [b"0"]


def test_one_that_ends_is_waited_for(tmp_path: Path) -> None:
    first = opened(tmp_path)
    first.add("door", b"0")
    threading.Timer(0.2, first.close).start()
    assert taken(opened(tmp_path)) == [b"0"]


def test_a_full_disk_is_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Though events come and go meanwhile, through memory."""
    caplog.set_level(logging.INFO)
    outbox = opened(tmp_path)
    pages = outbox._disk.execute("PRAGMA page_count").fetchone()[0]
    outbox._disk.execute(f"PRAGMA max_page_count = {pages}")
    for number in range(20):
        outbox.add("door", b"%04d" % number * 2000)
        first = outbox.first()
        assert first is not None
        assert first.payload.startswith(b"%04d" % number)
        outbox.done(first)
    assert len(outbox) == 0
    assert [record.message for record in caplog.records] == [
        "events wait in memory, since the disk does not take them: database or disk is full"
    ]
    outbox._disk.execute("PRAGMA max_page_count = 10000")
    outbox.add("door", b"last" * 2000)
    assert caplog.records[-1].message == "events wait on the disk again"
    outbox.close()
    assert len(opened(tmp_path)) == 1


class SlowDisk:
    """Holds each commit until it is let go."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.commits: list[list[bytes]] = []
        self.hung, self.lets_go = threading.Event(), threading.Event()
        write = Outbox._write

        def slow(outbox: Outbox, gone: int, added: list[Message]) -> bool:
            if outbox._path.parent != folder:  # of another test, whose disk takes nothing
                return write(outbox, gone, added)
            self.hung.set()
            assert self.lets_go.wait(60)
            self.commits.append([message.payload for message in added])
            return write(outbox, gone, added)

        monkeypatch.setattr(Outbox, "_write", slow)


def test_a_message_is_on_the_disk_before_anything_is_done_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = SlowDisk(tmp_path, monkeypatch)
    monkeypatch.setattr(outbox_module, "_PATIENCE_S", 60.0)
    outbox = opened(tmp_path)
    returned = threading.Event()

    def add(number: int) -> None:
        outbox.add("door", b"%d" % number)
        returned.set()

    adding = [threading.Thread(target=add, args=(number,)) for number in range(5)]
    adding[0].start()
    assert disk.hung.wait(60)
    for thread in adding[1:]:
        thread.start()
    while len(outbox) < 5:
        time.sleep(0.001)
    assert not returned.is_set()
    disk.lets_go.set()
    for thread in adding:
        thread.join(60)
    # What comes while a commit takes its time goes to the disk together with the next.
    assert [len(commit) for commit in disk.commits] == [1, 4]
    outbox.close()


def test_a_disk_that_hangs_holds_nobody_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    disk = SlowDisk(tmp_path, monkeypatch)
    monkeypatch.setattr(outbox_module, "_PATIENCE_S", 0.01)
    outbox = opened(tmp_path)
    for number in range(3):
        outbox.add("door", b"%d" % number)
    assert [record.message for record in caplog.records] == [
        f"{tmp_path}/outbox.sqlite: the disk takes over 0.01 s for an event: "
        "it is not waited for until it is quick"
    ]
    disk.lets_go.set()
    outbox.close(60.0)
    assert taken(opened(tmp_path)) == [b"0", b"1", b"2"]
