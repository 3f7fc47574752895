"""Messages that wait on disk until someone has taken them: in order, bounded, kept through a crash.

SQLite does the work. Its write-ahead log makes each commit whole or not done at all, whenever the
process is killed, and reaches the disk before it counts as done, so a power cut takes nothing
either. One thread commits: what is added and taken out while it waits for the disk goes into its
next commit together, so a slow disk gathers no backlog.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from apps.raspberry_pi import in_use

_LOG = logging.getLogger("edgevid.service")

_PATIENCE_S = 1.0  # to wait for the disk before going on without it
_AGAIN_S = 5.0  # between attempts when the disk takes nothing
_PAUSE_S = 0.05  # between attempts to open a file that is in use
_FORM = 1  # of the table, as the file's user_version; files from before that say 0
_COLUMNS = [("number", "INTEGER"), ("camera", "TEXT"), ("payload", "BLOB")]
_LARGEST = 1 << 60  # of the numbers: far below where SQLite's end

# Of SQLite's errors, those that say nothing about the file itself.
_IN_USE = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_NOT_DAMAGED = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_NOMEM)


@dataclass(frozen=True, slots=True)
class Message:
    """One message that waits; each has the number after that of the one before."""

    number: int
    camera: str
    payload: bytes


class Outbox:
    """A queue on disk. Any thread may use it.

    Args:
        path: the file; made if it is not there, put aside if it is damaged in whatever way.
        keep: how many messages may wait; beyond that the oldest are dropped.

    Attributes:
        dropped: how many were dropped since it was opened.

    Raises:
        UsageError: another service has the file.
    """

    def __init__(self, path: Path, keep: int) -> None:
        self._keep = keep
        self._path = path
        self._using_disk = threading.Lock()  # may be held as long as the disk takes
        self._changed = threading.Condition()  # guards all below; held for an instant only
        self._disk, oldest, newest = _open(path)
        self._disk_is_well = True
        self._disk_is_quick = True
        self._unsaved: deque[Message] = deque()  # newer than all that is on the disk
        # The numbers have no gaps: what waits is what lies between these two.
        self._gone: int = oldest - 1
        self._newest: int = newest
        self._wanted = self._tried = 0  # changes that were asked for; that a commit was tried for
        self._is_closing = False
        self.dropped = 0
        self._thread = threading.Thread(target=self._run, name="outbox", daemon=True)
        self._thread.start()

    def __len__(self) -> int:
        with self._changed:
            return self._newest - self._gone

    def add(self, camera: str, payload: bytes) -> None:
        """Puts a message at the end. It is on the disk when this returns, if the disk is well.

        A disk that takes longer than a second is not waited for: the message is then on the disk
        as soon as the disk has done what it was doing.
        """
        with self._changed:
            self._newest += 1
            self._unsaved.append(Message(self._newest, camera, payload))
            excess = self._newest - self._gone - self._keep
            if excess > 0:
                self._drop(excess)
            self._commit()

    def first(self) -> Message | None:
        """Returns the oldest message, which stays; None when there is none on the disk.

        While the disk takes nothing, those in memory count too.
        """
        with self._using_disk:
            with self._changed:
                gone = self._gone
            try:
                row = self._disk.execute(
                    "SELECT number, camera, payload FROM message WHERE number > ? "
                    "ORDER BY number LIMIT 1",
                    (gone,),
                ).fetchone()
            except sqlite3.Error as error:
                self._complain(error)
                row = None
        if row:
            return Message(*row)
        with self._changed:
            if self._unsaved and not self._disk_is_well:
                return self._unsaved[0]
            return None

    def done(self, message: Message) -> None:
        """Takes the oldest message out. Harmless when it has been dropped meanwhile."""
        with self._changed:
            self._gone = max(self._gone, message.number)
            self._forget()
            self._commit()

    def close(self, within: float = _PATIENCE_S) -> None:
        """Closes the file, when the disk has what waits or after so many seconds."""
        with self._changed:
            self._is_closing = True
            self._wanted += 1
            self._changed.notify_all()
        self._thread.join(within)
        with self._changed:
            if self._unsaved:
                _LOG.error("%d events are lost: the disk does not take them", len(self._unsaved))
        if not self._thread.is_alive():
            self._disk.close()

    def _drop(self, number: int) -> None:
        if not self.dropped:
            _LOG.error("%d events wait, which is all that may: the oldest are dropped", self._keep)
        self._gone += number
        self.dropped += number
        self._forget()

    def _forget(self, saved: int = 0) -> None:
        """Holds no message in memory that is gone, or on the disk."""
        while self._unsaved and self._unsaved[0].number <= max(self._gone, saved):
            self._unsaved.popleft()

    def _commit(self) -> None:
        """Has the disk brought up to what is known, and waits for it. The lock is held."""
        self._wanted += 1
        mine = self._wanted
        self._changed.notify_all()
        if self._disk_is_quick and not self._changed.wait_for(
            lambda: self._tried >= mine, _PATIENCE_S
        ):
            self._disk_is_quick = False
            _LOG.warning(
                "%s: the disk takes over %g s for an event: it is not waited for until it is quick",
                self._path,
                _PATIENCE_S,
            )

    def _run(self) -> None:
        """Commits, until the end; tries again with the next change, or after a while."""
        while True:
            with self._changed:
                self._changed.wait_for(
                    lambda: self._tried < self._wanted,
                    None if self._disk_is_well else _AGAIN_S,
                )
                wanted, gone = self._wanted, self._gone
                added = [message for message in self._unsaved if message.number > gone]
            began = time.monotonic()
            with self._using_disk:
                saved = self._write(gone, added)
            with self._changed:
                self._forget(added[-1].number if saved and added else 0)
                if time.monotonic() - began < _PATIENCE_S / 2:
                    self._disk_is_quick = True
                self._tried = wanted
                self._changed.notify_all()
                if self._is_closing and self._tried == self._wanted:
                    return

    def _write(self, gone: int, added: list[Message]) -> bool:
        try:
            with self._disk:  # both or neither
                self._disk.execute("BEGIN")
                self._disk.execute("DELETE FROM message WHERE number <= ?", (gone,))
                self._disk.executemany(
                    "INSERT OR REPLACE INTO message VALUES (?, ?, ?)",
                    [(m.number, m.camera, m.payload) for m in added],
                )
        except sqlite3.Error as error:
            self._complain(error)
            return False
        if added and not self._disk_is_well:  # to take nothing out is no proof
            _LOG.info("events wait on the disk again")
            self._disk_is_well = True
        return True

    def _complain(self, error: sqlite3.Error) -> None:
        if self._disk_is_well:
            _LOG.error("events wait in memory, since the disk does not take them: %s", error)
        self._disk_is_well = False


def _open(path: Path) -> tuple[sqlite3.Connection, int, int]:
    """Returns the queue's file, and the first and the last number in it."""
    try:
        try:
            return _connect_patiently(path)
        except sqlite3.Error as error:
            if _code(error) in _NOT_DAMAGED:
                raise
            aside = _put_aside(path)
            _LOG.error("%s: %s: it is put aside as %s", path, error, aside.name)
            return _connect(str(path))
    except (sqlite3.Error, OSError) as error:
        _LOG.error("%s: %s: events that wait will not survive a restart", path, error)
        return _connect(":memory:")


def _connect_patiently(path: Path) -> tuple[sqlite3.Connection, int, int]:
    deadline = time.monotonic() + in_use.PATIENCE_S
    while True:
        try:
            return _connect(str(path))
        except sqlite3.Error as error:
            if _code(error) not in _IN_USE:
                raise
            if time.monotonic() > deadline:
                raise in_use.taken(path, "state_folder") from error
            time.sleep(_PAUSE_S)


def _connect(path: str) -> tuple[sqlite3.Connection, int, int]:
    disk = sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)
    try:
        disk.execute("PRAGMA locking_mode = EXCLUSIVE")  # a second service would send all twice
        disk.execute("PRAGMA journal_mode = WAL")
        disk.execute("PRAGMA synchronous = FULL")  # each commit reaches the disk
        if disk.execute("PRAGMA quick_check").fetchone() != ("ok",):
            raise sqlite3.DatabaseError("it is damaged")
        _check_form(disk)
        oldest, newest = disk.execute(
            "SELECT coalesce(min(number), 1), coalesce(max(number), 0) FROM message"
        ).fetchone()
        if not 0 < oldest <= newest + 1 < _LARGEST:
            raise sqlite3.DatabaseError("its numbers are none of ours")
    except BaseException:
        disk.close()
        raise
    return disk, oldest, newest


def _check_form(disk: sqlite3.Connection) -> None:
    """Makes the table in a new file; in another, sees that it is the one that is expected."""
    form = disk.execute("PRAGMA user_version").fetchone()[0]
    if form not in (0, _FORM):
        raise sqlite3.DatabaseError(f"its form is {form}, not {_FORM}")
    disk.execute("BEGIN IMMEDIATE")  # also tells a file that cannot be written
    disk.execute(
        "CREATE TABLE IF NOT EXISTS message "
        "(number INTEGER PRIMARY KEY, camera TEXT NOT NULL, payload BLOB NOT NULL)"
    )
    disk.execute(f"PRAGMA user_version = {_FORM}")
    columns = [row[1:3] for row in disk.execute("PRAGMA table_info(message)")]
    extra = disk.execute("SELECT count(*) FROM sqlite_schema WHERE name != 'message'").fetchone()
    if columns != _COLUMNS or extra != (0,):
        raise sqlite3.DatabaseError("it holds something else than an outbox")
    disk.execute("COMMIT")


def _put_aside(path: Path) -> Path:
    """Gives a file, or whatever is in its place, another name."""
    names = (path.name + ".damaged" + (f"-{n}" if n > 1 else "") for n in count(1))
    aside = next(free for name in names if not (free := path.with_name(name)).exists())
    path.rename(aside)
    for rest in ("-wal", "-shm"):
        with suppress(FileNotFoundError):
            path.with_name(path.name + rest).rename(aside.with_name(aside.name + rest))
    return aside


def _code(error: sqlite3.Error) -> int:
    """Returns SQLite's primary error code."""
    return int(getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)) & 0xFF
